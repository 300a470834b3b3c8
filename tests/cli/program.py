"""What the tests of the command line share: starting the program, the models it works on, and how
skipped tests are listed."""
import csv
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PROGRAM = os.environ["BDH_PROGRAM"]
SOURCE = os.environ["BDH_SOURCE"]
SANITIZED = bool(os.environ.get("BDH_SANITIZE"))
RANDOM = os.path.join(SOURCE, "tests/data/random-64")  # 64 neurons, 3 layers, 2 heads
TRAINED = os.path.join(SOURCE, "examples/models/shakespeare-4096")
CONVERT = os.path.join(SOURCE, "tests/tools/convert_checkpoint.py")
TEXT = b"ROMEO:\nO, she doth teach the torches to burn bright!\n"
PATIENCE = 600 if SANITIZED else 300  # s, for whatever takes seconds on an idle machine

# Children would inherit that it is ignored, as it is in the background of a script.
signal.signal(signal.SIGINT, signal.default_int_handler)


def table(path):
    """The rows of a CSV file, as dictionaries."""
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def bdh(*arguments, stdin=b"", cwd=None, **more):
    """Runs the program to its end; bytes in, bytes out."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True,
                          cwd=cwd, timeout=PATIENCE, **more)


def listens(process, number=signal.SIGINT):
    """Whether it handles the signal: it does so from when it can be stopped until the first one has
    come."""
    if process.returncode is not None:
        return False
    with open(f"/proc/{process.pid}/status") as f:
        caught = next(line for line in f if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def state_and_time(process):
    """The state of its main thread, S when it sleeps, and how much of a processor all of them have
    had, in s."""
    if process.returncode is not None:
        return "Z", 0
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idles(process):
    """Whether it has slept for a while, for it waits for something; one that was stopped, or gets
    no processor, does not sleep."""
    first = state_and_time(process)
    for _ in range(5):
        time.sleep(0.02)
        if state_and_time(process) != first:
            return False
    return first[0] == "S"


def unread(pipe):
    """The bytes in it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def convert(source, target, *options):
    subprocess.run([sys.executable, "-B", CONVERT, source, target, *options], check=True,
                   timeout=PATIENCE)
    return target


def safetensors(path, tensors, metadata=None):
    """tensors: name -> (shape, list of float32)."""
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (shape, values) in tensors.items():
        data = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)
    return path


def small_checkpoint(path, vocabulary, d=4, heads=1, per_head=8, **changes):
    """A checkpoint of the released layout with arbitrary, fixed weights."""
    def weights(*shape):
        size = 1
        for s in shape:
            size *= s
        return list(shape), [((i * 7919 + 13) % 101 - 50) / 50 for i in range(size)]
    tensors = {"encoder": weights(heads, d, per_head), "encoder_v": weights(heads, d, per_head),
               "decoder": weights(heads * per_head, d), "embed.weight": weights(vocabulary, d),
               "lm_head": weights(d, vocabulary)}
    tensors.update(changes)
    return safetensors(path, {name: t for name, t in tensors.items() if t is not None})


class CliTest(unittest.TestCase):
    """Has an empty folder for each test, and two imported models for all of them."""

    @classmethod
    def setUpClass(cls):
        cls.shared_folder = tempfile.mkdtemp(prefix="bdh-cli-")
        cls.addClassCleanup(shutil.rmtree, cls.shared_folder)
        os.chmod(cls.shared_folder, 0o755)
        cls.random = os.path.join(cls.shared_folder, "random.bdh.h5")
        cls.trained = os.path.join(cls.shared_folder, "trained.bdh.h5")
        for checkpoint, model in ((RANDOM, cls.random), (TRAINED, cls.trained)):
            done = bdh("import", os.path.join(checkpoint, "model.safetensors"), "-o", model)
            assert done.returncode == 0, done.stderr

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bdh-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as f:
                f.write(content)
        return path

    def start(self, *arguments, **streams):
        """The running program, which ends with the test at the latest. What is not a
        pipe is neither read nor written."""
        process = subprocess.Popen([PROGRAM, *map(str, arguments)],
                                   **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                                      **streams})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def wait_for(self, happened, process=None):
        """Until it has; not for ever, and not when the process has ended without it."""
        last = time.monotonic() + PATIENCE
        while True:
            ended = process is not None and process.poll() is not None
            if happened():
                return
            self.assertFalse(ended, "ended too early")
            self.assertLess(time.monotonic(), last, "never happened")
            time.sleep(0.005)

    def stopped(self, number, *arguments, target, worked=0, when=lambda: True):
        """Starts the program and sends it a signal as soon as it listens, has worked for so many
        seconds of a processor and when() holds; again and again while it is done before that.
        Returns its standard error, after the exit code of a program that was stopped."""
        last = time.monotonic() + PATIENCE
        while True:
            process = self.start(*arguments, "-o", target, stderr=subprocess.PIPE)
            while process.poll() is None and not (listens(process, number)
                                                  and state_and_time(process)[1] >= worked
                                                  and when()):
                time.sleep(0.001)
            process.send_signal(number)
            message = process.communicate(timeout=PATIENCE)[1]
            if process.returncode != 0 or time.monotonic() > last:
                break
            os.remove(target)
        self.assertEqual(process.returncode, 128 + number, message)
        return message

    def good(self, *arguments, **more):
        done = bdh(*arguments, **more)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done

    def json(self, *arguments, **more):
        return json.loads(self.good(*arguments, "--json", **more).stdout)

    def assertOneLine(self, stderr, *parts):
        text = stderr.decode()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("bdh") and text.endswith("\n"), text)
        for part in parts:
            self.assertIn(part, text)

    def refused(self, code, *arguments, says=(), **more):
        done = bdh(*arguments, **more)
        self.assertEqual(done.returncode, code, (arguments, done.stderr))
        self.assertOneLine(done.stderr, *says)
        return done


def main():
    """As unittest.main(), but a run in which anything was skipped ends with 77: skipped is never
    shown as passed."""
    result = unittest.main(module="__main__", exit=False, argv=sys.argv).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped or result.testsRun == 0:
        for test, reason in result.skipped:
            print(f"skipped: {test.id().removeprefix('__main__.')}: {reason}")
        sys.exit(77)
