"""with_module.py SCRIPT [ARGUMENTS...]: runs it where bdhsim was built, else exit code 77."""
import importlib.util
import os
import sys

if importlib.util.find_spec("bdhsim") is None:
    print("skipped: the module was not built; the test python_build says why")
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-X", "utf8", "-B", *sys.argv[1:]])
