"""PyTorch's own torch.load(weights_only=True) is the judge of what a .pt file means: every tensor
of every file that it takes is read with the same values, or the file is refused by its reason."""
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

from program import PATIENCE, RANDOM, SOURCE, CliTest, convert, main, table
from pytorch import torch

DUMP = os.environ["BDH_CHECKPOINT_DUMP"]
MAKERS = os.path.join(SOURCE, "tests/data/reported")
WRAPPERS = ("model", "state_dict", "model_state_dict", "model_state", "my_weights")
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# What PyTorch takes and the reader refuses, and why.
REFUSED = {"terabytes.pt": "which repeats the 1 elements",
           "many.pt": "which repeats the 1 elements",
           "two.pt": "2 dictionaries of tensors"}


def state_of(thing):
    """The state dictionary in what was saved."""
    for name in WRAPPERS:
        if isinstance(thing, dict) and isinstance(thing.get(name), dict):
            inner = thing[name]
            if any(isinstance(value, torch.Tensor) for value in inner.values()):
                return inner
    return thing


def described(tensor):
    """Its shape, and the hash of its elements as float64, row after row."""
    shape = list(tensor.shape)
    if tensor.dtype not in FLOATS:
        return shape, None
    values = tensor.detach().to(torch.float64).contiguous()
    return shape, hashlib.sha256(bytes(values.untyped_storage())).hexdigest()


class Judge(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bdh-torch-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def compare(self, file, own=False):
        """Whether PyTorch takes the file; the tensors are compared where it does. Of pickle
        protocols above 2, weights_only takes little: then all of a file that is the test's own."""
        warnings.simplefilter("ignore")  # of protocols above 2
        try:
            loaded = torch.load(file, weights_only=True, map_location="cpu")
        except Exception:  # of many kinds, by what is wrong
            if not own:
                return False
            loaded = torch.load(file, weights_only=False, map_location="cpu")
        done = subprocess.run([DUMP, file], capture_output=True, text=True, timeout=PATIENCE)
        reason = REFUSED.get(os.path.basename(file))
        if reason:
            self.assertEqual(done.returncode, 1)
            self.assertIn(reason, done.stderr)
            return True
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = {line["name"]: (line["shape"], line.get("sha256"))
                for line in map(json.loads, done.stdout.splitlines())}
        theirs = {name: described(value) for name, value in state_of(loaded).items()
                  if isinstance(value, torch.Tensor)}
        self.assertEqual(ours, theirs)
        return True

    def test_every_input_of_the_tests(self):
        taken = 0
        for folder in sorted(os.listdir(MAKERS)):
            maker = os.path.join(MAKERS, folder, "make.py")
            if not os.path.exists(maker):
                continue
            made = self.path(folder)
            os.mkdir(made)
            subprocess.run([sys.executable, "-B", maker, made], check=True, timeout=PATIENCE)
            for name in sorted(os.listdir(made)):
                if name.endswith((".pt", ".ckpt")):
                    with self.subTest(folder, file=name):
                        taken += self.compare(os.path.join(made, name))
        self.assertGreater(taken, 80)

    def test_converted_checkpoints(self):
        source = os.path.join(RANDOM, "model.safetensors")
        for options in ([], ["--wrapper", "model"], ["--layout", "listing"], ["--dtype", "f16"],
                        ["--dtype", "bf16"], ["--dtype", "f64"], ["--hostile", "strided"],
                        ["--hostile", "parameters"], ["--layout", "hugging-face", "--tied"],
                        *(["--protocol", str(p)] for p in range(2, 6))):
            with self.subTest(options=options):
                file = convert(source, self.path("c.pt"), *options)
                self.assertTrue(self.compare(file, own=True))
        self.assertTrue(self.compare(os.path.join(RANDOM, "model.pt")))

    def variants(self):
        """What torch.save writes of many kinds of tensors."""
        torch.manual_seed(1)
        base = torch.randn(6, 8)
        yield "types", {str(kind): base.to(kind) for kind in FLOATS}
        yield "whole numbers", {str(kind): torch.ones(3, dtype=kind) for kind in (
            torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
            torch.complex64, torch.complex128)}
        yield "newer types", {str(kind): torch.zeros(4, dtype=kind) for kind in (
            getattr(torch, name) for name in ("uint16", "uint32", "uint64", "float8_e4m3fn",
                                              "float8_e5m2") if hasattr(torch, name))}
        yield "strides", {"transposed": base.t(), "part": base[1:5, 2:7], "steps": base[::2, ::3],
                          "row": base[3], "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
                          "of an axis of one": base[:1].t()}
        yield "expanded", {"rows": base[:1].expand(5, 8), "columns": base[:, :1].expand(6, 4),
                           "all": torch.tensor(0.5).expand(2, 3, 4),
                           "heads": base.unsqueeze(0).expand(3, 6, 8)}
        yield "overlapping", {"windows": torch.randn(20).unfold(0, 6, 2),
                              "diagonals": torch.randn(9).as_strided((3, 3), (2, 2))}
        yield "shared", {"whole": base, "again": base, "half": base[3:], "flat": base.view(-1)}
        yield "empty", {"none": torch.zeros(0), "no row": torch.zeros(0, 4),
                        "one": torch.tensor(1.5), "no column": torch.zeros(3, 0)}
        yield "half precision", {"subnormal": torch.tensor([6e-8, -6e-8, 65504, 1e-7],
                                                          dtype=torch.float16),
                                 "bfloat16": torch.tensor([3e38, 1e-38, -0.0, 1 / 3],
                                                          dtype=torch.bfloat16)}
        tagged = base.clone()
        tagged.note, tagged.numbers = "x", [1, 2]
        yield "attributes", {"tagged": tagged}
        with_state = torch.nn.Parameter(base.clone())
        with_state.tag = {"a": 1}
        yield "parameters", {"plain": torch.nn.Parameter(base.clone()), "state": with_state,
                             "frozen": torch.nn.Parameter(base.clone(), requires_grad=False)}
        if hasattr(torch.nn, "Buffer"):
            yield "buffers", {"buffer": torch.nn.Buffer(base.clone())}
        yield "complex views", {"conjugate": torch.randn(3, dtype=torch.complex64).conj(),
                                "real": torch.randn(3, dtype=torch.complex64).real}
        module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
        yield "a module", module.state_dict()
        averaged = torch.optim.swa_utils.AveragedModel(module)
        yield "averaged", averaged.state_dict()

    def test_tensors_of_every_kind(self):
        for name, tensors in self.variants():
            for protocol in range(2, 6):
                for wrap in (False, True):
                    with self.subTest(name, protocol=protocol, wrap=wrap):
                        file = self.path("t.pt")
                        ordered = collections.OrderedDict(tensors)
                        optimiser = {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": []}
                        torch.save({"model": ordered, "optimizer": optimiser, "epoch": 3,
                                    "rng_state": torch.get_rng_state(), "note": b"\x00\xff"}
                                   if wrap else ordered, file, pickle_protocol=protocol)
                        self.assertTrue(self.compare(file, own=True))

    def test_a_view_that_negates_is_refused(self):
        imaginary = torch.randn(3, dtype=torch.complex64).conj().imag
        self.assertTrue(imaginary.is_neg())
        torch.save({"x": imaginary}, self.path("t.pt"))
        done = subprocess.run([DUMP, self.path("t.pt")], capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr),
                         (1, f"{self.path('t.pt')}:x: a view that negates its storage, expected "
                          "the values themselves; save tensor.resolve_neg()\n"))


def surprisals(weights, tokens, layers, rate):
    """Of the released code's model whose scores of tokens k apart decay as e^(-rate k), in nats;
    from the second token on."""
    w = {name: value.double() for name, value in weights.items()}
    norm = torch.nn.LayerNorm(w["embed.weight"].shape[1], elementwise_affine=False)
    count = len(tokens)
    position = torch.arange(count, dtype=torch.float64)
    phase = position.view(-1, 1) * w["attn.freqs"].flatten() % 1 * 2 * torch.pi
    decay = torch.exp(-rate * (position.view(-1, 1) - position).clamp_min(0))
    v = norm(w["embed.weight"][tokens])
    for _ in range(layers):
        x = torch.relu(v @ w["encoder"])
        turned = torch.stack((-x[..., 1::2], x[..., ::2]), -1).view(x.shape)
        q = x * phase.cos() + turned * phase.sin()
        a = norm(((q @ q.mT).tril(-1) * decay) @ v)
        y = torch.relu(a @ w["encoder_v"]) * x
        v = norm(v + norm(y.transpose(0, 1).reshape(count, -1) @ w["decoder"]))
    logits = torch.log_softmax(v @ w["lm_head"], -1)
    return [-float(logits[t, tokens[t + 1]]) for t in range(count - 1)]


class Meaning(CliTest):
    def test_decay_and_passes_are_computed_as_pytorch_computes_them(self):
        maker = os.path.join(MAKERS, "02-attention-decay", "make.py")
        subprocess.run([sys.executable, "-B", maker, self.folder], check=True, timeout=PATIENCE)
        text = b"To be, or not to be, that is the question"
        for name, layers, rate in (("plain.pt", 3, 0), ("decay.pt", 3, 0.05), ("ticks.pt", 6, 0),
                                   ("slope.pt", 3, 0.05), ("half-life.pt", 3, 0.05)):
            with self.subTest(name):
                model, run = self.path("m.bdh.h5"), self.path("run-" + name)
                self.good("import", self.path(name), "-o", model, "--force")
                self.good("run", model, "--text", text.decode(), "-o", run)
                ours = [float(row["surprisal_nats"])
                        for row in table(os.path.join(run, "summary.csv"))[1:]]
                state = torch.load(self.path(name), weights_only=True)["model"]
                theirs = surprisals(state, list(text), layers, rate)
                self.assertEqual(len(ours), len(theirs))
                for a, b in zip(ours, theirs):
                    self.assertAlmostEqual(a, b, delta=1e-4)


if __name__ == "__main__":
    main()
