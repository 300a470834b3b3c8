"""The scripts of examples/paper, in their short form: each prints the paper's figures beside those
it has measured."""
import glob
import os
import re
import subprocess
import sys

from program import PATIENCE, PROGRAM, RANDOM, SOURCE, CliTest, main

FOLDER = os.path.join(SOURCE, "examples/paper")
SCRIPTS = sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "*.py"))
                 if os.path.basename(path) != "common.py")


class Paper(CliTest):
    def script(self, name, *arguments, program=PROGRAM, cwd=None):
        return subprocess.run([sys.executable, "-B", os.path.join(FOLDER, name),
                               *map(str, arguments), "--bdh", program, "--out", self.path("out")],
                              capture_output=True, cwd=cwd, timeout=5 * PATIENCE)

    def assertTable(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = done.stdout.decode()
        self.assertRegex(text, r"\npaper: arXiv 2509\.26507, [^\n]*(section|figure|table) \S+")
        self.assertRegex(text, r"\n +paper +here\n[- ]+\n")
        rows = text.split("\n\n")[1].splitlines()[2:]
        self.assertGreaterEqual(len(rows), 4, text)
        for row in rows:
            self.assertRegex(row, r"\S {2,}\S.* {2,}\S", text)  # none without a figure of ours
        self.assertNotRegex(text, r"\b(nan|inf|None)\b")
        self.assertIn("\nWhat differs, and why:\n- ", text)
        return text

    def assertRefused(self, done, *parts, code=1):
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        text = done.stderr.decode()
        self.assertEqual(text.count("\n"), 1, text)
        for part in parts:
            self.assertIn(part, text)

    def test_every_finding_has_its_script(self):
        self.assertEqual(SCRIPTS, ["concept_synapses.py", "degree_distribution.py", "merging.py",
                                   "modularity.py", "predictability.py", "sparsity.py",
                                   "spiking.py"])
        for name in SCRIPTS:
            with open(os.path.join(FOLDER, "README.md")) as f:
                self.assertIn(name, f.read())

    def test_on_the_bundled_model(self):
        for name in SCRIPTS:
            with self.subTest(name):
                self.assertTable(self.script(name, self.trained, "--quick"))

    def test_a_checkpoint_is_imported_once(self):
        for _ in range(2):
            text = self.assertTable(self.script("sparsity.py",
                                                os.path.join(RANDOM, "model.safetensors"),
                                                "--quick"))
            self.assertIn("64 neurons in 2 heads, 3 layers", text)
        self.assertEqual(len(os.listdir(self.path("out"))), 1)

    def test_tuned_models_give_the_paper_s_table(self):
        text = self.path("text", b"All that these weights know of words is nothing. " * 20)
        done = self.assertTable(self.script("merging.py", self.random, "--tuned", self.random,
                                            self.random, "--texts", text, text, text, "--quick"))
        base = re.search(r"base .*?(\d\.\d+, \d\.\d+, \d\.\d+)$", done, re.M).group(1)
        self.assertRegex(done, rf"merged, E halved .* {base}\n")  # three times the same model

    def test_mistakes_are_one_line(self):
        for name in SCRIPTS:
            self.assertRefused(self.script(name, program=self.path("nowhere")), "nowhere",
                               "expected bdh")
            self.assertRefused(self.script(name, self.path("missing.bdh.h5")), "missing.bdh.h5")
        self.assertRefused(self.script("sparsity.py", self.path("missing.safetensors")),
                           "missing.safetensors")
        self.assertRefused(self.script("sparsity.py", self.path("text", b"no model")), "text")
        self.assertRefused(self.script("sparsity.py", self.random, "--text", self.path("missing")),
                           "missing")
        self.assertRefused(self.script("merging.py", self.random, "--tuned", self.random,
                                       self.random), "--texts", code=2)
        self.assertRefused(self.script("predictability.py", self.random, "--write-task",
                                       self.path("nowhere/task")), "nowhere/task")


if __name__ == "__main__":
    main()
