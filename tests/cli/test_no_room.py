"""Files and folders without rights, and full disks: one line, the right exit code, nothing left."""
import os
import resource
import shutil
import signal
import subprocess
import tempfile

from bad_files import GOOD
from program import PROGRAM, TRAINED, main
from test_bad_input import BadInput


class Permissions(BadInput):
    """As a user who may not write everywhere; root may."""

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o777)
        self.program, self.become = [PROGRAM], []
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root without setpriv")
            self.become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all"]
            self.program = [shutil.copy(PROGRAM, self.path("bdh"))]
            os.chmod(self.program[0], 0o755)
            try:
                reached = subprocess.run([*self.become, *self.program, "--version"],
                                         capture_output=True).returncode == 0
            except OSError:
                reached = False
            if not reached:
                self.skipTest(f"others than root cannot run a program in {tempfile.gettempdir()}")
        # A closed folder and closed files, which belong to root or have lost their permissions.
        self.closed = self.path("closed")
        os.mkdir(self.closed)
        for name, source in (("c.safetensors", GOOD), ("m.bdh.h5", self.random),
                             ("s.h5", self.files["state"]), ("text", self.files["text"])):
            os.chmod(shutil.copy(source, os.path.join(self.closed, name)), 0)
        os.chmod(self.closed, 0o555)
        self.addCleanup(os.chmod, self.closed, 0o755)

    def refused_without_rights(self, arguments, place):
        before = sorted(os.listdir(self.closed))
        done = subprocess.run([*self.become, *self.program, *arguments], capture_output=True,
                              cwd=self.closed, timeout=120)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertOneLine(done.stderr, place)
        self.assertEqual(sorted(os.listdir(self.closed)), before)

    def test_files_that_may_not_be_read(self):
        closed = self.closed
        for arguments, place in ((("import", f"{closed}/c.safetensors", "-o",
                                   self.path("m.bdh.h5")), "c.safetensors"),
                                 (("run", f"{closed}/m.bdh.h5", "--text", "a"), "m.bdh.h5"),
                                 (("info", f"{closed}/m.bdh.h5"), "m.bdh.h5"),
                                 (("run", self.random, "--text", "a", "--state", f"{closed}/s.h5"),
                                  "s.h5"), (("run", self.random, "--text-file", f"{closed}/text"),
                                            "text"), (("verify", self.random, f"{closed}/m.bdh.h5"),
                                                      "m.bdh.h5")):
            with self.subTest(arguments):
                self.refused_without_rights(arguments, place)

    def test_folders_that_may_not_be_written_to(self):
        checkpoint = shutil.copy(GOOD, self.path("c.safetensors"))
        for arguments, place in ((("import", checkpoint, "-o", f"{self.closed}/new.bdh.h5"),
                                  "new.bdh.h5"),
                                 (("import", checkpoint, "-o", f"{self.closed}/m.bdh.h5",
                                   "--force"), "m.bdh.h5"),
                                 (("run", self.random, "--text", "a", "-o", f"{self.closed}/run"),
                                  "run"),
                                 (("run", self.random, "--text", "a", "--save-state",
                                   f"{self.closed}/new.h5"), "new.h5")):
            with self.subTest(arguments):
                self.refused_without_rights(arguments, place)


class DiskFull(BadInput):
    WRITERS = (("import {other_checkpoint} -o {out}/m.bdh.h5", "m.bdh.h5"),
               ("run {other} --text a --save-state {out}/s.h5 --quiet", "s.h5"))
    RECORDING = ("run {other} --text-file {long} --record logits --quiet --force -o", "run")

    def setUp(self):
        super().setUp()
        self.files = dict(self.files, long=self.path("long", b"To be, or not to be. " * 40),
                          other_checkpoint=f"{TRAINED}/model.safetensors")

    def file_limit(self):
        self.limits()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def test_limit_on_file_sizes(self):
        for command, place in self.WRITERS:
            with self.subTest(command):
                self.row(command, 3, [place], before=self.file_limit)

    def recording_ends_properly(self, folder, **more):
        command = [PROGRAM, *(word.format(**self.files) for word in self.RECORDING[0].split()),
                   folder]
        done = subprocess.run(command, capture_output=True, timeout=120, **more)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertOneLine(done.stderr, folder)
        return self.json("info", folder)

    def test_recording_up_to_a_limit(self):
        result = self.recording_ends_properly(self.path("run"), preexec_fn=self.file_limit)
        self.assertLess(result["recorded_tokens"], 840)
        self.assertEqual(result["status"], "failed")

    def test_full_disk(self):
        disk = self.path("disk")
        os.mkdir(disk)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none",
                                                disk], capture_output=True).returncode != 0:
            self.skipTest("may not mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        for command, place in self.WRITERS:
            with self.subTest(command):
                arguments = [word.format(**self.files, out=disk) for word in command.split(" ")]
                self.refused(3, *arguments, says=(place,))
                self.assertEqual(os.listdir(disk), [])
        arguments = [word.format(**self.files) for word in self.RECORDING[0].replace("--force ",
                                                                                     "").split()]
        self.refused(1, *arguments, disk + "/run", says=("90 %", "--force"))
        self.recording_ends_properly(disk + "/run")

    def test_results_that_cannot_be_written(self):
        for command in ("info {model}", "info {model} --json", "--help", "--version",
                        "verify {model} {expected}", "evaluate {model} --text-file {text}",
                        "run {model} --text a --generate 3 --quiet", "run {model} --text a --json"):
            with self.subTest(command), open("/dev/full", "wb") as full:
                self.row(command, 3, ["standard output", "disk full"], stdout=full)


if __name__ == "__main__":
    main()
