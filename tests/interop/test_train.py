"""examples/train/train.py: bdh takes what it writes, and gives the losses and logits that PyTorch
gives for the same weights."""
import contextlib
import csv
import importlib.util
import io
import os
import signal
import subprocess
import sys
import unittest.mock

from program import SOURCE, TRAINED, CliTest, main
from pytorch import torch

SCRIPT = os.path.join(SOURCE, "examples/train/train.py")
SIZES = ["--neurons", "96", "--heads", "2", "--hubs", "12", "--layers", "3", "--window", "24",
         "--batch", "4", "--threads", "1"]
TEXT = b"".join(b"neuron %d gives neuron %d what it heard of neuron %d; "
                % (i, i * 7 % 40, i * i % 40) for i in range(120))


def load_script():
    spec = importlib.util.spec_from_file_location("train", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Train(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.script = load_script()

    def train(self, *arguments, sizes=SIZES):
        """Exit status and what is printed; in this process, as loading PyTorch takes seconds."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), unittest.mock.patch(
            "sys.argv", ["train.py", *arguments, *sizes]):
            try:
                status = self.script.main()
            except SystemExit as end:
                status = end.code
        return (1, out.getvalue(), status + "\n") if isinstance(status,
                                                                str) else (status, out.getvalue(),
                                                                           err.getvalue())

    def assertRefused(self, done, *parts, code=1):
        status, _, said = done
        self.assertEqual(status, code, said)
        if code == 1:
            self.assertEqual(said.count("\n"), 1, said)
        for part in ("train.py: ", *parts):
            self.assertIn(part, said)

    def assertSame(self, checkpoint, text):
        """bdh's loss of every byte of a text against that of the script's own model in PyTorch."""
        sizes = type("sizes", (), {"dropout": 0.0, "layers": 0})()
        model = self.script.started(checkpoint, sizes).eval()
        tokens = torch.tensor(list(text))
        with torch.no_grad():
            expected = torch.nn.functional.cross_entropy(model(tokens[None])[0].double()[:-1],
                                                         tokens[1:], reduction="none").tolist()
        imported, run = self.path("imported.bdh.h5"), self.path("run")
        self.good("import", checkpoint, "-o", imported)
        self.good("run", imported, "--text-file", self.path("read", text), "-o", run, "--quiet")
        with open(os.path.join(run, "summary.csv"), newline="") as f:
            found = [float(line["surprisal_nats"]) for line in csv.DictReader(f)
                     if line["surprisal_nats"]]
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertAlmostEqual(a, b, delta=1e-4)

    def test_a_trained_model_is_the_same_model_in_bdh(self):
        text, checkpoint = self.path("text", TEXT), self.path("model.safetensors")
        status, out, err = self.train(text, "-o", checkpoint, "--steps", "60", "--save", "30",
                                      "--rate", "1e-2")
        self.assertEqual(status, 0, err)
        losses = [float(line.split("held out ")[1].split(",")[0]) for line in out.splitlines()
                  if line.startswith("step")]
        self.assertEqual(len(losses), 2)
        self.assertLess(losses[1], 4)  # it starts at ln 256 = 5.5
        self.assertEqual(sorted(os.listdir(self.folder)), ["model.safetensors", "text"])
        self.assertSame(checkpoint, TEXT[:200])
        status, out, err = self.train(text, "-o", self.path("tuned.safetensors"), "--start",
                                      checkpoint, "--steps", "20",
                                      sizes=["--window", "24", "--batch", "4", "--threads", "1"])
        self.assertEqual(status, 0, err)
        self.assertLess(float(out.split("held out ")[-1].split(",")[0]), losses[1])

    def test_the_bundled_model_is_the_script_s_model(self):
        self.assertSame(os.path.join(TRAINED, "model.safetensors"),
                        b"ROMEO:\nWhat neuron speaks, and to which other?")

    def test_ctrl_c_writes_what_there_is(self):
        checkpoint = self.path("model.safetensors")
        process = subprocess.Popen([sys.executable, "-B", SCRIPT, self.path("text", TEXT), "-o",
                                    checkpoint, "--steps", "1000000", *SIZES],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"weights", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertEqual(stderr.count(b"\n"), 1, stderr)
        self.assertSame(checkpoint, TEXT[:50])

    def test_mistakes_are_one_line(self):
        text, out = self.path("text", TEXT), self.path("model.safetensors")
        self.assertRefused(self.train(self.path("missing"), "-o", out), "missing: No such file")
        self.assertRefused(self.train(self.path("short", TEXT[:200]), "-o", out),
                           "200 bytes, expected at least 250")
        self.assertRefused(self.train(self.path("empty", b""), "-o", out), "0 bytes")
        self.assertRefused(self.train(text, "-o", self.path("nowhere/model.safetensors")),
                           "nowhere/model.safetensors")
        self.assertRefused(self.train(text, "-o", out, "--start", text), "expected a checkpoint")
        self.assertRefused(self.train(text, "-o", "model.pt"),
                           "expected a name that ends in .safetensors", code=2)
        self.assertRefused(self.train(text, "-o", out, "--heads", "0", sizes=[]),
                           "--heads: 0, expected", code=2)
        self.assertEqual(sorted(os.listdir(self.folder)), ["empty", "short", "text"])


if __name__ == "__main__":
    main()
