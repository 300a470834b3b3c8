#!/usr/bin/env python3
"""skipped.py NAME=BUILD...: what the last run of ctest in each build folder left out, with the
reasons.

A test that leaves something out prints a line `skipped: WHAT: WHY` (or `skipped: WHY` for all of
it, and ends with exit code 77); such lines are in ctest's log, Testing/Temporary/LastTest.log,
also those of tests that passed. Which tests ended with 77 is in ctest's own list of tests that
did not run, at the end of its output, which tests/run.sh keeps beside the log in closing.txt: a
test that gives no reason is named too."""
import os
import re
import sys

LINE = re.compile(r"^skipped:\s*(\S.*)$")
TESTING = re.compile(r"^\d+/\d+ Testing: (.*)$")
NOT_RUN = re.compile(r"^\s+\d+ - (\S+) \((Skipped|Disabled|Not Run)\)$")


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def reasons(log):
    """Pairs of a test and the line that it printed; a line that a test repeats counts once."""
    pairs, test, output = {}, None, False
    for number, line in enumerate(log):
        if TESTING.match(line) and not output:
            test = TESTING.match(line).group(1)
        elif line == "Output:" and number + 1 < len(log) and log[number + 1].startswith("-----"):
            output = True
        elif line == "<end of output>" or line.endswith("<end of output>") and not line.startswith(
            "skipped:"):
            output = False
        elif output and LINE.match(line):
            pairs[test, LINE.match(line).group(1).removesuffix("<end of output>")] = None
            output = not line.endswith("<end of output>")
    return list(pairs)


def left_out(build):
    folder = os.path.join(build, "Testing", "Temporary")
    pairs = reasons(lines_of(os.path.join(folder, "LastTest.log")))
    for line in lines_of(os.path.join(folder, "closing.txt")):
        found = NOT_RUN.match(line)
        if found and found.group(1) not in {test for test, _ in pairs}:
            pairs.append((found.group(1), "gave no reason" if found.group(2) == "Skipped"
                          else found.group(2).lower()))
    return pairs


def main(arguments):
    sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale: so the tests wrote it
    builds = dict(argument.split("=", 1) for argument in arguments)
    tests = {}  # (what and why) -> {test: names of builds}
    for name, build in builds.items():
        for test, text in left_out(build):
            tests.setdefault(text, {}).setdefault(test, []).append(name)
    for text, where in tests.items():
        groups = {}  # builds -> tests
        for test, names in where.items():
            groups.setdefault(", ".join(names), []).append(test)
        for names, members in groups.items():
            print(f"  {', '.join(members)}{' [' + names + ']' if len(builds) > 1 else ''}: {text}")
    if not tests:
        print("  nothing: every test was run, and all of it")


if __name__ == "__main__":
    main(sys.argv[1:])
