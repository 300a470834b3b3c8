"""with_module.py SCRIPT [ARGUMENTS...]: runs it where bdhsim was built, else exit code 77. In a
build with BDH_SANITIZE the runtime of the address sanitizer is loaded before Python, and Python
takes all memory from malloc, which the sanitizer watches."""
import importlib.util
import os
import platform
import subprocess
import sys

if importlib.util.find_spec("bdhsim") is None:
    print("skipped: the module was not built; the test python_build says why")
    sys.exit(77)
if os.environ.get("BDH_SANITIZE"):
    for name in f"libclang_rt.asan-{platform.machine()}.so", "libasan.so":
        runtime = subprocess.run([os.environ["BDH_COMPILER"], f"-print-file-name={name}"],
                                 capture_output=True, text=True, check=True).stdout.strip()
        if os.path.isabs(runtime) and os.path.exists(runtime):
            # Python itself leaves memory behind.
            os.environ.update(LD_PRELOAD=runtime, PYTHONMALLOC="malloc",
                              ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")
            break
    else:
        print("skipped: the compiler has no shared runtime of the address sanitizer")
        sys.exit(77)
os.execv(sys.executable, [sys.executable, "-X", "utf8", "-B", *sys.argv[1:]])
