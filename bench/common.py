"""What the rows of bench/run.py share: programs, models, measuring in turns, results."""
import contextlib
import csv
import json
import os
import statistics
import subprocess
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(SOURCE, "build", "release", "bin")
WORK = os.path.join(SOURCE, "build", "bench")
TRAINED = os.path.join(SOURCE, "examples/models/shakespeare-4096")
RANDOM = os.path.join(SOURCE, "tests/data/random-64")


class Skipped(Exception):
    """A row that cannot be measured here, and why."""


class Sample:
    """Repeated measurements of one thing."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        self.spread = (max(self.values) - min(self.values)) / self.median if self.median else 0.0


class Result:
    """A line of the table. ratio: the larger the better; goal: the least ratio, or None."""

    def __init__(self, row, work, ours, other, ratio=None, goal=None, spread=None, unit="times"):
        self.row, self.work, self.ours, self.other = row, work, ours, other
        self.ratio, self.goal, self.spread, self.unit = ratio, goal, spread, unit

    def shown(self, value):
        return f"{100 * value:.0f} %" if self.unit == "%" else f"{value:.3g}"

    def verdict(self):
        if self.ratio is None or self.goal is None:
            return ""
        if self.ratio >= self.goal:
            return "met"
        return f"missed: {100 * self.ratio / self.goal:.0f} % of the goal"

    def cells(self):
        return [self.work, self.ours, self.other, "" if self.ratio is None
                else self.shown(self.ratio), "" if self.goal is None else self.shown(self.goal),
                self.verdict(), "" if self.spread is None else f"{100 * self.spread:.0f} %"]


def program(name, *arguments):
    """Runs a program of this build to its end; its standard output."""
    done = subprocess.run([os.path.join(BUILD, name), *map(str, arguments)], capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: exit code {done.returncode}: "
                           f"{done.stderr.strip()}")
    return done.stdout


def bdh(*arguments):
    return program("bdh", *arguments)


def bdh_json(*arguments):
    return json.loads(bdh(*arguments, "--json"))


def has_option(command, option):
    return option in bdh(command, "--help")


def run_model(model, *arguments):
    """What bdh run --json prints, and the seconds of every token; warm: without the first quarter,
    whose pages are new."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        result = bdh_json("run", model, *arguments, "-o", os.path.join(folder, "run"))
        with open(os.path.join(folder, "run", "summary.csv"), newline="") as f:
            result["token_seconds"] = [float(row["seconds"]) for row in csv.DictReader(f)]
    result["warm_token"] = statistics.median(
        result["token_seconds"][len(result["token_seconds"]) // 4:])
    return result


def in_turns(repetitions, **measures):
    """A B C A B C ...: each a function that returns a number."""
    values = {name: [] for name in measures}
    for _ in range(repetitions):
        for name, measure in measures.items():
            values[name].append(measure())
    return {name: Sample(v) for name, v in values.items()}


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def made(name, make):
    """The path of a file below build/bench, made by make(path) when it is not there; never half of
    it."""
    path = os.path.join(WORK, "models", name)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = os.path.join(os.path.dirname(path), "part-" + name)
        print(f"   making {name}", flush=True)
        try:
            make(part)
            os.replace(part, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(part)
    return path


def imported(name, checkpoint, *options):
    return made(name, lambda path: bdh("import", checkpoint, *options, "-o", path))


def shown_time(s):
    return f"{s:.3g} s" if s >= 1 else f"{1e3 * s:.3g} ms" if s >= 1e-3 else f"{1e6 * s:.3g} us"


def shown_rate(r):
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if r >= size:
            return f"{r / size:.3g} {unit}"
    return f"{r:.3g} "
