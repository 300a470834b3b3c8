"""Rate and memory over thousands of tokens, and a model of the authors' default size, from outside:
bdh as a user runs it."""
import csv
import os
import statistics
import shutil
import subprocess
import sys
import unittest

from room import expect_memory, folder_with_room

BDH, MAKE_CHECKPOINT, SOURCE = sys.argv[1:4]
MB = 1 << 20


def run(*command):
    """Runs a command to its end; returns its peak memory in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (command, error)
    return usage.ru_maxrss * 1024


class Scale(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = folder_with_room(5e8, BDH)
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = cls.path("shakespeare.bdh.h5")
        run(BDH, "import", f"{SOURCE}/examples/models/shakespeare-4096/model.safetensors", "-o",
            cls.model)
        cls.text = cls.path("text")
        with open(cls.text, "w") as f:
            for i in range(200):
                f.write(f"Line {i}: and so the dragon, hatching in the cold, said nothing.\n")

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def test_rate_and_memory_do_not_depend_on_how_many_tokens_came_before(self):
        # What reads all that came before takes 8 times as long at token 3900 as at token 500.
        # Others who use this machine slow some tokens and not all of them, and not the same in
        # every run: the fastest tenth counts, and one run that is even is enough.
        ratios = []
        for attempt in range(4):
            tokens = self.path("tokens")
            with open(self.text) as f, open(tokens, "w") as out:
                out.write(f.read()[:4300])
            long = self.path(f"long{attempt}")
            memory = run(BDH, "run", self.model, "--text-file", tokens, "--retention", "0.99", "-o",
                         long, "--quiet")
            with open(os.path.join(long, "summary.csv")) as f:
                seconds = [float(row["seconds"]) for row in csv.DictReader(f)]
            self.assertEqual(len(seconds), 4300)
            early, late = (statistics.quantiles(seconds[a:a + 800], n=10)[0] for a in (100, 3500))
            ratios.append(late / early)
            if ratios[-1] < 2:
                break
        else:
            self.fail(f"time per token at 3900 over that at 500: {ratios}")
        print(f"time per token at token 3900 over that at token 500: {ratios[-1]:.3f}")
        with open(tokens, "w") as out, open(self.text) as f:
            out.write(f.read()[:300])
        short_memory = run(BDH, "run", self.model, "--text-file", tokens, "--retention", "0.99",
                           "-o", self.path("short"), "--quiet")
        print(f"peak memory: {short_memory / MB:.1f} MB over 300 tokens, {memory / MB:.1f} MB over "
              f"4300")
        self.assertLess(memory, short_memory * 1.02 + MB)

    def test_default_size_imports_and_runs_in_less_than_1_5_GB(self):
        expect_memory(2e9)
        checkpoint, model = self.path("big.safetensors"), self.path("big.bdh.h5")
        run(MAKE_CHECKPOINT, checkpoint, "256", "4", "32768", "6", "256", "1")
        importing = run(BDH, "import", checkpoint, "-o", model)
        running = run(BDH, "run", model, "--text", "The dragon hatches.", "--generate", "10",
                      "--quiet")
        print(f"d = 256, n = 32768, L = 6: peak memory {importing / MB:.0f} MB to import, "
              f"{running / MB:.0f} MB to run")
        self.assertLess(importing, 1.5e9)
        self.assertLess(running, 1.5e9)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test.id().removeprefix('__main__.')}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
