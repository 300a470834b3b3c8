"""python_cost.py MODEL BDH: what the Python module adds to a token, with bdhsim on PYTHONPATH.

Over 2,000 tokens of MODEL, five times in turns, medians of processor time: `step` called for every
token against one call of `read`, whose loop over tokens is C++; and `read` with X and Y kept
against the tokens of `bdh run --record events` (BDH is the program; wall time of both)."""
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


def seconds_of(work):
    brain = bs.Simulator(m)
    brain.step(tokens[0])
    begin = time.process_time()
    work(brain)
    return time.process_time() - begin


def by_steps(brain):
    for token in tokens:
        brain.step(token)


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


added, kept, recorded = [], [], []
for _ in range(5):
    in_cpp = seconds_of(lambda brain: brain.read(tokens))
    added.append((seconds_of(by_steps) - in_cpp) / len(tokens) * 1e6)
    kept.append(read())
    with tempfile.TemporaryDirectory() as folder:
        recorded.append(run(folder))
print(f"a step: {statistics.median(added):.1f} us more than in C++")
print(f"2,000 tokens: read(keep=['x', 'y']) {statistics.median(kept):.2f} s, "
      f"tokens of bdh run --record events {statistics.median(recorded):.2f} s")
