"""environment.py FOLDER PACKAGE,PACKAGE... SCRIPT: runs the script in a virtual environment with these packages, made when it is missing.

A package that is imported by another name is written NAME=PACKAGE. Exit code 77, skipped, where the packages cannot be had."""
import os
import subprocess
import sys
import venv

folder, packages, script = sys.argv[1:4]
names, packages = zip(*(package.split("=") if "=" in package else (package, package) for package in packages.split(",")))
python = os.path.join(folder, "bin", "python")


def has_packages():
    return os.path.exists(python) and subprocess.run([python, "-c", "import " + ", ".join(names)], capture_output=True).returncode == 0


if not has_packages():
    try:
        if not os.path.exists(python) or subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode != 0:
            venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *packages], check=True,
                       timeout=600)
    except (subprocess.SubprocessError, OSError) as why:
        print("skipped: cannot install", ", ".join(packages), "-", why)
        sys.exit(77)
sys.exit(subprocess.run([python, "-B", script]).returncode)
