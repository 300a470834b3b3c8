"""A model of 100,000 neurons and a million synapses a layer: made, loaded and run from outside, as
a user would. Rates are printed and not judged, since a test cannot know what else the machine does:
bench/run.sh scale does."""
import csv
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

from room import expect_memory, folder_with_room

BDH = sys.argv[1]
CORES = 2
MB = 1 << 20


def run(*command):
    """Runs a command; returns its output, seconds, CPU seconds and peak memory in bytes."""
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    assert process.returncode == 0, (command, text)
    return text, time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


class Direct(unittest.TestCase):
    def test_a_hundred_thousand_neurons_and_a_million_synapses(self):
        expect_memory(1.5e9)
        folder = folder_with_room(4e8, BDH)
        self.addCleanup(shutil.rmtree, folder)
        model, text, recorded = (os.path.join(folder, name)
                                 for name in ("big.bdh.h5", "text", "run"))
        _, wall, making, memory = run(BDH, "new", "erdos-renyi", "--neurons", "100000", "--degree",
                                      "10", "--layers", "2", "--seed", "1", "--threads",
                                      str(CORES), "-o", model)
        print(f"made in {wall:.1f} s ({making:.1f} s of CPU), peak memory {memory / MB:.0f} MB")
        self.assertLess(memory, 1e9)

        _, wall, loading, memory = run(BDH, "run", model, "--tokens", "0")
        print(f"loaded, and one token read, in {wall:.1f} s ({loading:.1f} s of CPU), peak memory "
              f"{memory / MB:.0f} MB")
        self.assertLess(loading, making)  # about a tenth of it

        random.seed(1)
        with open(text, "wb") as f:
            f.write(random.randbytes(300))
        output, _, running, memory = run(BDH, "run", model, "--text-file", text, "--threads",
                                         str(CORES), "-o", recorded)
        with open(os.path.join(recorded, "summary.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        shares = [statistics.mean(float(row[f"active_x_{layer}"]) for row in rows[150:])
                  for layer in (1, 2)]
        best = 1 / statistics.quantiles([float(row["seconds"]) for row in rows], n=10)[0]
        rate = len(rows) * CORES / (running - loading)  # if both cores were ours alone
        print(output.strip())
        print(f"tokens/s: {best:.0f} in the fastest tenth by the clock, {rate:.0f} by CPU time on "
              f"{CORES} cores; active X by layer: {shares}; peak memory {memory / MB:.0f} MB")
        self.assertEqual(len(rows), 300)
        self.assertTrue(0.025 < statistics.mean(shares) < 0.075, shares)
        self.assertLess(memory, 1e9)
        info = json.loads(run(BDH, "info", model, "--json")[0])
        self.assertTrue(0.99e6 < info["synapses"] < 1.01e6)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test.id().removeprefix('__main__.')}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
