"""What the tests of bdh step share."""
import re
import shutil
import subprocess
import unittest

from program import PATIENCE, CliTest, bdh

GRAPH = b"""source,target,weight,type
alice,bob,0.5,excitatory
bob,carol,0.8,
carol,alice,-0.3,inhibitory
alice,dave,0.4,
dave,bob,0.2,
"""
# Token 65 excites alice and bob: W = (1, 1, 0, 0).
SENSORY = b"source,target,weight\n65,alice,1\n65,bob,1\n66,alice,0.5\n"


@unittest.skipUnless(shutil.which("h5dump"), "no h5dump")
class StepTest(CliTest):
    def setUp(self):
        super().setUp()
        self.files = 0

    def step(self, model, *lines, options=(), code=0):
        done = bdh("step", model, *options, stdin="\n".join(lines).encode(), cwd=self.folder)
        self.assertEqual(done.returncode, code, (lines, done.stderr))
        if code == 0:
            self.assertEqual(done.stderr, b"")
        self.assertNotIn(b"\x1b", done.stdout)
        return done.stdout.decode()

    def wrong(self, model, *lines, says=()):
        """The last line is refused, and changes nothing: the state stays what the lines before
        left."""
        *good, bad = lines
        done = bdh("step", model, stdin="\n".join(lines).encode(), cwd=self.folder)
        self.assertEqual(done.returncode, 1, (lines, done.stdout))
        self.assertOneLine(done.stderr, f"standard input:{len(lines)}: ", *says)
        kept = bdh("step", model, "--keep-going",
                   stdin="\n".join([*lines, "save kept.h5"]).encode(), cwd=self.folder)
        self.assertEqual(kept.returncode, 1)
        if good and not good[-1].startswith("round"):
            self.assertEqual(self.saved("kept.h5"), self.state(model, *good))

    def state(self, model, *lines):
        """Synapses and logits after these commands, every digit of them. Probes are no part of
        that: they act on nothing."""
        self.files += 1
        name = f"state{self.files}.h5"
        self.step(model, *lines, f"save {name}")
        return self.saved(name)

    def saved(self, name):
        def dump(what):
            done = subprocess.run(["h5dump", "-m", "%.9g", *what, self.path(name)],
                                  capture_output=True, timeout=PATIENCE)
            return done.stdout.split(b"\n", 1)[1]  # without the name
        self.assertIn(b"synapses", dump(["-g", "/layers"]))
        return dump(["-g", "/layers"]), dump(["-d", "/logits"])

    def graph(self, *options):
        target = self.path("graph.bdh.h5")
        self.good("import", "--gx", self.path("g.csv", GRAPH), "--sensory",
                  self.path("s.csv", SENSORY), "--layers", 2, "-o", target, "--force", *options)
        return target


def without_remarks(text):
    return "\n".join(line for line in text.split("\n") if not line.startswith("("))


def value(text, name):
    """The number behind a name."""
    return float(re.search(rf"{re.escape(name)} +(\S+)", text).group(1))
