"""environment.py FOLDER PACKAGE,PACKAGE... SCRIPT [ARGUMENT...]: runs the script in a virtual
environment with these packages, which is made when it is missing, and shared by all: what it
lacks is added. Exit code 77, skipped, where the packages cannot be had."""
import fcntl
import os
import shutil
import subprocess
import sys

folder, packages, *script = sys.argv[1:]
packages = packages.split(",")
python = os.path.join(folder, "bin", "python")


def missing():
    # some have no module, only a program
    there = "import sys; from importlib.metadata import version; version(sys.argv[1])"
    return [package for package in packages if subprocess.run([python, "-c", there, package],
                                                              capture_output=True).returncode != 0]


def skip(what, why):
    print(f"skipped: {', '.join(packages)}: {what}: {why}")
    sys.exit(77)


def run(what, *command):
    """Runs it, or skips for the last line that it says."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600)
        why = (done.stdout.strip().splitlines()
               or [f"exit code {done.returncode}"])[-1] if done.returncode else ""
    except (subprocess.SubprocessError, OSError) as failed:
        why = str(failed)
    if why:
        skip(what, why)


with open(folder + ".lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)  # of several tests at a time, one installs
    if not os.path.exists(python) or subprocess.run([python, "-m", "pip", "--version"],
                                                    capture_output=True).returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)  # one that was left half made, or without pip
        run("no virtual environment", sys.executable, "-m", "venv", folder)
    wanted = missing()
    if wanted:
        run("cannot install " + ", ".join(wanted), python, "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", "--no-input", "--retries", "1", *wanted)
sys.exit(subprocess.run([python, "-X", "utf8", "-B", *script]).returncode)
