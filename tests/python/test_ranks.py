"""A script on several ranks: the simulators of rank 0 are divided, with the bits of one process."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import bdhsim as bs
import numpy as np
from support import Models

models = Models()
SCRIPT = """
import sys
import bdhsim as bs
import numpy as np

rank, size = bs.join_ranks()  # only rank 0 goes on
model = bs.load(sys.argv[1])
brain = bs.Simulator(model, threads=1, retention=0.99)
with brain.perturb("silence x:5-9"):
    out = brain.read("To be", keep=["x", "y"])
state = brain.save()
brain.read(" or")
brain.restore(state)
other = brain.new_stream()
bs.step_streams({brain: "H", other: "W"})
refused = ""
try:
    bs.Simulator(bs.new("ring", neurons=200, degree=2))
except bs.UnavailableError as e:
    refused = str(e)
np.savez(sys.argv[2], rank=rank, size=size, x=out.x, y=out.y, logits=brain.logits,
         other=other.logits, sigma=brain.sigma(2, neuron=4000), refused=refused)
"""


class Ranks(unittest.TestCase):
    def setUp(self):
        if not bs.build_info()["mpi"]:
            self.skipTest("a build without MPI")
        if shutil.which("mpirun") is None:
            self.skipTest("no mpirun")
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_on(self, ranks, script, *arguments):
        path = os.path.join(self.folder, "script.py")
        with open(path, "w") as f:
            f.write(script)
        more = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        done = subprocess.run(["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n",
                               str(ranks), sys.executable, path, *arguments],
                              env={**os.environ, **more}, capture_output=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_bits_of_one_process(self):
        model = os.path.join(self.folder, "model.bdh.h5")
        shutil.copy(models.trained, model)
        found = os.path.join(self.folder, "found.npz")
        self.run_on(3, SCRIPT, model, found)
        alone = os.path.join(self.folder, "alone.npz")
        self.run_on(1, SCRIPT, model, alone)
        with np.load(found) as data, np.load(alone) as expected:
            self.assertEqual((int(data["rank"]), int(data["size"])), (0, 3))
            self.assertEqual((int(expected["rank"]), int(expected["size"])), (0, 1))
            self.assertIn("a model that has no file", str(data["refused"]))
            for name in ("x", "y", "logits", "other", "sigma"):
                self.assertTrue(expected[name].any(), name)
                np.testing.assert_array_equal(data[name], expected[name], name)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv, exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test.id().removeprefix('__main__.')}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
