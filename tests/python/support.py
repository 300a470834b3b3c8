"""What the tests of bdhsim share: models, and the program to compare with."""
import os
import subprocess
import tempfile

PROGRAM = os.environ["BDH_PROGRAM"]
SOURCE = os.environ["BDH_SOURCE"]
TRAINED = os.path.join(SOURCE, "examples/models/shakespeare-4096/model.safetensors")
SMALL = os.path.join(SOURCE, "tests/data/random-64/model.safetensors")
TEXT = "To be, or not to be, that is the question"


class Models:
    """Model files, made once."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name

    def _made(self, name, *command):
        file = os.path.join(self.folder, name + ".bdh.h5")
        if not os.path.exists(file):
            program(*command, "-o", file)
        return file

    @property
    def trained(self):
        return self._made("trained", "import", TRAINED)

    @property
    def small(self):
        return self._made("small", "import", SMALL)

    @property
    def direct(self):
        return self._made("direct", "new", "small-world", "--neurons", "300", "--degree", "12",
                          "--layers", "2", "--seed", "1")


def program(*arguments, code=0):
    """Runs bdh; returns what it printed."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, errors="replace")
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr
