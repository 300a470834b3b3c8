"""bench/gpu.sh where there is no GPU: every part says why it is left out, and what can run runs;
what fails is a failure of the whole, and the parts after it run nevertheless."""
import os
import shutil
import subprocess
import tarfile

from program import PATIENCE, PROGRAM, SOURCE, CliTest, main


class GpuScript(CliTest):
    def setUp(self):
        super().setUp()
        if shutil.which("nvidia-smi"):
            self.skipTest("there may be a GPU here: bench/gpu.sh itself is the test")
        self.programs = self.path("programs")
        os.mkdir(self.programs)
        os.symlink(PROGRAM, f"{self.programs}/bdh")
        self.write("cuda_agreement_test", "echo 'skipped: no GPU'; exit 77")
        self.out = self.path("report")

    def write(self, name, script):
        path = f"{self.programs}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def script(self, *arguments):
        done = subprocess.run([f"{SOURCE}/bench/gpu.sh", *arguments], capture_output=True,
                              timeout=PATIENCE, cwd=self.path("."),
                              env={**os.environ, "BDH_GPU_PROGRAMS": self.programs})
        return done.returncode, done.stdout.decode()

    def parts(self, text):
        return dict(line.split(maxsplit=1) for line in text.splitlines() if ": " in line)

    def test_every_part_runs_or_says_why_not(self):
        result, text = self.script("-o", self.out)
        self.assertEqual(result, 0, text)
        parts = self.parts(text)
        for name in ("machine", "selftest", "agreement", "speed", "same-bits", "kernels"):
            self.assertRegex(parts[name], "^skipped: [^ ]")
        for name in ("version", "devices", "import", "speed-cpu", "plan-h100", "plan-h200"):
            self.assertRegex(parts[name], "^done: [^ ]")
        self.assertIn("tokens/s", parts["speed-cpu"])
        with tarfile.open(self.out + ".tar.gz") as report:
            names = {os.path.basename(name) for name in report.getnames()}
        self.assertTrue({"summary.txt", "selftest.txt", "devices.txt"} <= names, names)
        self.assertFalse([name for name in names if name.endswith(".h5")])

    def test_a_part_that_fails_fails_the_whole_and_the_others_run(self):
        os.remove(f"{self.programs}/bdh")
        self.write("bdh", "echo broken >&2; exit 1")
        self.write("cuda_agreement_test", "echo passed")
        result, text = self.script("-o", self.out)
        parts = self.parts(text)
        self.assertEqual(result, 1, text)
        self.assertEqual(parts["selftest"], "FAILED with 1: broken")
        self.assertEqual(parts["agreement"], "done: passed")

    def test_usage(self):
        self.assertEqual(self.script("--pock", "x")[0], 2)
        self.assertEqual(self.script("--pack")[0], 2)
        self.assertEqual(self.script("-o", self.programs)[0], 2)  # what is there stays
        self.assertTrue(os.path.exists(f"{self.programs}/bdh"))
        self.assertIn("--pack FILE.tar.gz", self.script("--help")[1])


if __name__ == "__main__":
    main()
