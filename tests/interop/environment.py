"""environment.py FOLDER PACKAGE,PACKAGE... SCRIPT: runs the script in a virtual environment with these packages, which is made when it is
missing, and shared by all: what it lacks is added. Exit code 77, skipped, where the packages cannot be had."""
import fcntl
import os
import subprocess
import sys
import venv

folder, packages, script = sys.argv[1:4]
packages = packages.split(",")
python = os.path.join(folder, "bin", "python")


def missing():
    there = "import sys; from importlib.metadata import version; version(sys.argv[1])"  # some have no module, only a program
    return [package for package in packages if subprocess.run([python, "-c", there, package], capture_output=True).returncode != 0]


with open(folder + ".lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)  # of several tests at a time, one installs
    try:
        # Without pip it is half an environment, left by a try without the package python3-venv.
        if not os.path.exists(python) or subprocess.run([python, "-c", "import pip"], capture_output=True).returncode != 0:
            venv.create(folder, clear=True, with_pip=True)
        if missing():
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *missing()], check=True,
                           timeout=600)
    except (subprocess.SubprocessError, OSError) as why:
        print("skipped: cannot install", ", ".join(packages), "-", why)
        sys.exit(77)
sys.exit(subprocess.run([python, "-B", script]).returncode)
