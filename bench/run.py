"""Measures the rows of bench/results; started by bench/run.sh, which sees to it that everything is
there."""
import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time

import torch

import rows
from common import BUILD, SOURCE, WORK, Sample, Skipped, bdh, shown_rate

HEADER = ["work", "bdh", "against", "ratio", "goal", "", "spread"]


def processor():
    with open("/proc/cpuinfo", errors="replace") as f:
        found = re.search(r"model name\s*:\s*(.*)", f.read())  # not on every architecture
    return found.group(1).strip() if found else platform.machine()


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm|c)\)", "", text.lower())).strip("-")


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=SOURCE).stdout.strip()


def versions():
    def package(name):
        code = f"import importlib.metadata as m; print(m.version('{name}'))"
        return output_of(sys.executable, "-c", code) or "not installed"
    system = platform.freedesktop_os_release() if os.path.exists("/etc/os-release") else {}
    commit = output_of("git", "rev-parse", "--short=12", "HEAD")
    changed = output_of("git", "status", "--porcelain", "--untracked-files=no")
    cache = open(os.path.join(BUILD, "..", "CMakeCache.txt")).read()
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w+=(.*)", cache).group(1)
    return {"bdh": f"{bdh('--version').split()[1]}, commit "
            f"{commit}{' with changes' if changed else ''}, preset release",
            "compiler": output_of(compiler, "--version").splitlines()[0],
            "PyTorch": torch.__version__, "NEST": package("nest-simulator"),
            "SciPy": package("scipy"), "NumPy": package("numpy"),
            "Python": platform.python_version(), "system": system.get("PRETTY_NAME", "Linux")
            + ", Linux " + platform.release()}


class Machine:
    """Bandwidths and the rate of matrix products, measured again between the rows: the samples are
    of the same run as they."""

    def __init__(self):
        self.samples = {"read": [], "copy": [], "update": [], "product": []}
        self.threads = len(os.sched_getaffinity(0))

    def measure(self):
        measured = json.loads(bdh("plan", "--neurons", 64, "--hubs", 8, "--layers", 1,
                              "--json"))["machine"]
        a, b = torch.ones(2048, 2048), torch.ones(2048, 2048)
        torch.mm(a, b)
        begin = time.perf_counter()
        torch.mm(a, b)
        product = 2 * 2048 ** 3 / (time.perf_counter() - begin)
        for name, value in (("read", measured["bandwidth"]), ("copy", measured["copy"]),
                            ("update", measured["update"]), ("product", product)):
            self.samples[name].append(value)

    def __getattr__(self, name):
        return Sample(self.__dict__["samples"][name])

    def lines(self):
        for name, what, unit in (("read", "reads", "B/s"),
                                 ("copy", "copies, read and written bytes together", "B/s"),
                                 ("update", "reads and writes in place", "B/s"),
                                 ("product", "multiplies float32 matrices", "flop/s")):
            sample = getattr(self, name)
            spread = f"{100 * sample.spread:.0f} % of {len(sample.values)}"
            yield f"| {what} | {shown_rate(sample.median)}{unit} | {spread} |"


def remarks():
    """Written by hand, kept over runs: row -> text."""
    with open(os.path.join(SOURCE, "bench", "remarks.md")) as f:
        parts = re.split(r"^## (\S+)\n", f.read(), flags=re.M)[1:]
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2])))


def table(results):
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    return lines + ["| " + " | ".join(r.cells()) + " |" for r in results]


def report(machine, results, skipped, notes, quick):
    said = remarks()
    lines = [f"# {processor()}, {machine.threads} cores", "", "Written by `bench/run.sh"
             + (" --quick" if quick else "") + "`; remarks are those of `bench/remarks.md`, made "
             "on an Intel Xeon with 480 MB of cache. Everything is measured in turns (A B A B "
             "...); figures are medians, spread is (largest - smallest) / median of our side. A "
             "ratio of 1 is equality, larger is better for bdh.", "",
             "| this machine, all cores | median | spread |", "|---|---|---|", *machine.lines(), "",
             *table(results), ""]
    for row in rows.ROWS:
        text = [note if note.startswith("\n") else f"* {note}" for note in notes.get(row, [])]
        if row in skipped:
            text.append(f"* **not measured**: {skipped[row]}")
        if row in said:
            text.append("\n" + said[row])
        if text:
            lines += [f"## {row}", "", rows.ROWS[row].__doc__.strip().split("\n")[0], "", *text, ""]
    lines += ["## Versions", "", *(f"* {name}: {version}" for name, version in versions().items()),
              ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--quick", action="store_true", help="smaller models, fewer repetitions")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=" ".join(rows.ROWS))
    arguments = parser.parse_args()
    unknown = [row for row in arguments.rows if row not in rows.ROWS]
    if unknown:
        parser.error(f"no row '{unknown[0]}': expected {', '.join(rows.ROWS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows.prepare()
    machine, results, skipped, notes, failed = Machine(), [], {}, {}, []
    context = rows.Context(machine, arguments.quick, notes)
    begin = time.monotonic()
    for name in arguments.rows or rows.ROWS:
        print(f"== {name}", flush=True)
        machine.measure()
        try:
            for result in rows.ROWS[name](context):
                results.append(result)
                print("   " + " | ".join(cell for cell in result.cells() if cell), flush=True)
        except Skipped as why:
            skipped[name] = str(why)
            print(f"   not measured: {why}", flush=True)
        # a program failed: the other rows are worth having all the same
        except RuntimeError as why:
            skipped[name] = f"failed: {why}"
            failed.append(name)
            print(f"   failed: {why}", flush=True)
    machine.measure()
    text = report(machine, results, skipped, notes, arguments.quick)
    complete = not arguments.quick and not arguments.rows
    path = os.path.join(SOURCE, "bench", "results", slug(processor())
                        + ".md") if complete else os.path.join(WORK, "results.md")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w") as f:
        f.write(text)
    os.replace(path + ".part", path)
    print(f"\n{text}\nwritten to {os.path.relpath(path, SOURCE)} after "
          f"{(time.monotonic() - begin) / 60:.1f} min")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
