"""The types of bdhsim, by mypy: of the package itself, of a script that uses it as users do, and of
one with planted mistakes, each of which must be found. Skipped where there is no mypy."""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import bdhsim

PACKAGE = os.path.dirname(bdhsim.__file__)

GOOD = '''
import bdhsim as bs
import numpy as np
from numpy.typing import NDArray

m: bs.Model = bs.load("model.bdh.h5", weights="bf16")
ring = bs.import_graph(([0, 1], [1, 0], [1.0, -0.5]), sensory="random:1@1", layers=2)
brain = bs.Simulator(m, threads=2, retention=0.99, history=True)
report: bs.StepReport = brain.step("T")
active: NDArray[np.uint32] = report.active_x
nats: float | None = report.surprisal
out: bs.Output = brain.read("To be", keep=["x", "y"], progress=lambda done: print(done))
x: NDArray[np.float32] = out.x
mean: float = out.loss
brain.read([1, 2, 3])
brain.read(np.array([1, 2, 3]))
mask: NDArray[np.bool_] = out.x[0, 0] > 0
chosen: NDArray[np.uint32] = m.select(mask)
chosen = m.select("5,7-9")
chosen = m.select([1, np.int64(2)])
one: float = m.weight("gx", pre=0, post=1)
one = brain.strength(1, 0, "PV 1")
with brain.perturb("silence x:5-9", bs.noise("x", slice(0, 9), mean=0, deviation=0.1)) as numbers:
    first: int = numbers[0]
with brain.record("run", logits=True) as recording:
    recording.commit()
for token in brain.generate(5, temperature=0.8):
    text: str = token.text
for moment in brain.rounds("e"):
    layer: int = moment.layer
state: bs.State = brain.save()
sigma: NDArray[np.float32] = state.sigma(1)
reports: dict[bs.Simulator, bs.StepReport] = bs.step_streams({brain: "a", brain.new_stream(): 66})
circuit: bs.Circuit = m.circuits["dx"]
member, modularity = ring.communities()
members: NDArray[np.uint32] = member
igraph: bool = bs.build_info()["igraph"]
try:
    bs.verify(m, "expected.h5").passed
except bs.InputError as e:
    place: str = e.place
'''

# A line of a script, and what mypy calls its mistake.
MISTAKES = [
    ("bs.load(5)", "arg-type"),
    ("bs.load('m', weights='float16')", "arg-type"),
    ("m.banana", "attr-defined"),
    ("n: str = m.neurons", "assignment"),
    ("m.select(0.5)", "arg-type"),
    ("m.select(np.zeros(3))", "arg-type"),
    ("bs.Simulator(m, thread=2)", "call-arg"),
    ("bs.Simulator(m, threads='2')", "arg-type"),
    ("bs.Simulator(m).step([1, 2])", "arg-type"),
    ("bs.Simulator(m).read('a', keep=5)", "arg-type"),
    ("bs.Simulator(m).read('a').banana", "attr-defined"),
    ("bs.Simulator(m).read('a', 'x')", "misc|call-arg"),
    ("i: NDArray[np.int64] = bs.Simulator(m).x", "assignment"),
    ("bs.silence('w', 5)", "arg-type"),
    ("bs.clamp('x', 5, 'high')", "arg-type"),
    ("bs.Simulator(m).perturb(5)", "arg-type"),
    ("bs.Simulator(m).restore(m)", "arg-type"),
    ("bs.step_streams({m: 1})", "dict-item|arg-type"),
    ("bs.open_run('run').plot('banana')", "arg-type"),
    ("bs.build_info()['banana']", "typeddict-item|misc"),
    ("bs.stimulus('x', 5)", "attr-defined"),
    ("m.neurons = 5 + 'a'", "operator"),
]
HEAD = ("import numpy as np\nfrom numpy.typing import NDArray\nimport bdhsim as bs\n"
        "m = bs.load('model')\n")


@unittest.skipUnless(importlib.util.find_spec("mypy"), "no mypy in this Python")
class Types(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def mypy(self, *arguments):
        """What it prints; packages without types of their own are Any."""
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--no-error-summary", "--disable-error-code",
             "import-untyped", "--disable-error-code", "import-not-found", "--cache-dir",
             os.path.join(self._folder.name, "cache"), *arguments],
            capture_output=True, text=True, cwd=self._folder.name,
            env={**os.environ, "MYPYPATH": "" if "site-packages" in PACKAGE
                 else os.path.dirname(PACKAGE)})
        self.assertEqual(done.stderr, "")
        return done.stdout

    def checked(self, text):
        """What is wrong in a script; of an installed package mypy says nothing by itself."""
        with open(os.path.join(self._folder.name, "script.py"), "w", encoding="utf-8") as file:
            file.write(text)
        return "".join(line for line in self.mypy("--strict", "script.py").splitlines(True)
                       if line.startswith("script.py"))

    def test_stub_is_complete(self):
        self.assertTrue(os.path.exists(os.path.join(PACKAGE, "py.typed")))
        with open(os.path.join(PACKAGE, "_core.pyi"), encoding="utf-8") as file:
            stub = file.read()
        core = sys.modules["bdhsim._core"]
        for name in dir(core):
            if not name.startswith("_"):
                self.assertRegex(stub, rf"(?m)^(def|class) {name}\b|^{name}: ")

    def test_package(self):
        self.assertEqual(self.mypy("--check-untyped-defs", "--disallow-untyped-defs", "-p",
                                   "bdhsim"), "")

    def test_script(self):
        self.assertEqual(self.checked(GOOD), "")

    def test_mistakes(self):
        found = self.checked(HEAD + "\n".join(line for line, _ in MISTAKES) + "\n")
        for number, (line, code) in enumerate(MISTAKES, HEAD.count("\n") + 1):
            self.assertRegex(found, rf"(?m)^script\.py:{number}: error: .*\[({code})\]$", line)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
