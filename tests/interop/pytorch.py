"""PyTorch, for the tests that need it. It is large: taken where it already is, in this Python, in
$BDH_TORCH (a Python) or where bench/run.sh installed it, and never installed by a test."""
import os
import subprocess
import sys

from program import SOURCE

try:
    import torch
except ImportError:
    for python in (os.environ.get("BDH_TORCH"),
                   os.path.join(SOURCE, "build/bench/environment/bin/python")):
        if not (python and os.access(python, os.X_OK)):
            continue
        if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            os.execv(python, [python, "-B", *sys.argv])
    print("skipped: no PyTorch in this Python, in $BDH_TORCH or in build/bench/environment")
    sys.exit(77)
