"""python_cost.py MODEL BDH: what the Python module adds to a token, with bdhsim on PYTHONPATH.

In 60 turns of 200 tokens on two simulators, medians of processor time: `step` called for every
token against one call of `read`, whose loop over tokens is C++. And of 2,000 tokens, five times in
turns: `read` with X and Y kept against the tokens of `bdh run --record events` (BDH is the program;
wall time of both)."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bdhsim as bs

model, program = sys.argv[1:]
TEXT = b"To be, or not to be, that is the question: whether tis nobler "
tokens = list((TEXT * 33)[:2000])
m = bs.load(model)


def added():
    """Microseconds of a token by `step` over one by `read`."""
    whole, single = bs.Simulator(m), bs.Simulator(m)
    some, seconds = tokens[:200], ([], [])
    for _ in range(60):
        begin = time.process_time()
        whole.read(some)
        middle = time.process_time()
        for token in some:
            single.step(token)
        seconds[0].append(middle - begin)
        seconds[1].append(time.process_time() - middle)
    of_read, of_step = map(statistics.median, seconds)
    return (of_step - of_read) / len(some) * 1e6


def read():
    brain = bs.Simulator(m)
    begin = time.perf_counter()
    brain.read(tokens, keep=["x", "y"])
    return time.perf_counter() - begin


def run(folder):
    out = os.path.join(folder, "run")
    text = bytes(tokens).decode()
    subprocess.run([program, "run", model, "--text", text, "--record", "events", "-o", out],
                   check=True, capture_output=True)
    with open(os.path.join(out, "run.json"), encoding="utf-8") as f:
        json.load(f)
    with open(os.path.join(out, "summary.csv"), encoding="utf-8") as f:
        head = f.readline().strip().split(",")
        column = head.index("seconds")
        return sum(float(line.split(",")[column]) for line in f)


print(f"a step: {added():+.1f} us against a token in C++")
kept, recorded = [], []
for _ in range(5):
    kept.append(read())
    with tempfile.TemporaryDirectory() as folder:
        recorded.append(run(folder))
print(f"2,000 tokens: read(keep=['x', 'y']) {statistics.median(kept):.2f} s, "
      f"tokens of bdh run --record events {statistics.median(recorded):.2f} s")
