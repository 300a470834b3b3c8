"""build_module.py SOURCE FOLDER BUILD COMPILER: the module bdhsim in FOLDER, with the library of a
build folder. Exit code 77 where this Python has no headers."""
import os
import shutil
import subprocess
import sys
import sysconfig

source, folder, library_build, compiler = sys.argv[1:]
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    print("skipped: the headers of this Python are missing (python3-dev)")
    sys.exit(77)
build = os.path.join(folder, "build")
package = os.path.join(folder, "bdhsim")
subprocess.run(["cmake", "-S", os.path.join(source, "apps/python"), "-B", build, "-G", "Ninja",
                "-D", "CMAKE_BUILD_TYPE=Release", "-D", "CMAKE_CXX_FLAGS_RELEASE=-O1",
                "-D", f"CMAKE_CXX_COMPILER={compiler}", "-D", f"Python_EXECUTABLE={sys.executable}",
                "-D", "CMAKE_UNITY_BUILD=ON", "-D", f"BDH_BUILD={library_build}"]
               + (["-D", "CMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []),
               check=True)
subprocess.run(["cmake", "--build", build], check=True)
shutil.rmtree(package, ignore_errors=True)
shutil.copytree(os.path.join(source, "apps/python/bdhsim"), package,
                ignore=shutil.ignore_patterns("__pycache__"))
for file in os.listdir(build):
    if file.startswith("_core") and file.endswith((".so", ".pyi")):
        shutil.copy(os.path.join(build, file), package)
# In a Python of its own: this one looked for the folder before it was there.
subprocess.run([sys.executable, "-c", "import sys, bdhsim; print('bdhsim', bdhsim.__version__, "
                "'for Python', sys.version.split()[0])"], cwd=folder, check=True)
