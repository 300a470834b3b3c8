#!/usr/bin/env python3
"""instructions.py BDH COMPILER [--update REASON | --against BDH]: counts the instructions of five
fixed runs, under valgrind.

Counts do not depend on how busy a machine is. They are kept in bench/instructions.json for the
compiler and flags that they were counted with; a run that takes over 5 % more fails, one that
takes over 5 % less needs an update. Only instructions of bdh itself count, not those of the
libraries that it calls, and always those of plain x86-64, on one thread: the processor does not
matter. Exit code 77, skipped, for another compiler or without valgrind. --update writes the
counts of this build; the reason goes into the file and into the commit. --against compares with
another build of the program, made by the same compiler, in place of the kept counts, and fails
above 1 % more (bench/compare-commits.sh)."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTS = os.path.join(SOURCE, "bench", "instructions.json")
TRAINED = os.path.join(SOURCE, "examples/models/shakespeare-4096/model.safetensors")
RANDOM = os.path.join(SOURCE, "tests/data/random-64/model.safetensors")
MOST = 1.05  # kept counts
MOST_AGAINST = 1.01  # another build
ONE_THREAD = ["--threads", "1", "--sites", "1", "--quiet"]


def graph(path):
    """1000 neurons, 20 edges out of each, a fifth of them inhibitory."""
    with open(path, "w") as f:
        f.write("source,target,weight\n")
        for i in range(1000):
            f.writelines(f"{i},{(i + 1 + k * (k + 47)) % 1000},{0.02 if (i + k) % 5 else -0.02}\n"
                         for k in range(20))
    return path


def probes(path):
    """2,000 neuron pairs in each of four layers, recorded once."""
    with open(path, "w") as f:
        json.dump([{"what": "synapses:" + ",".join(f"{k * 1237 % 4096}->{k * 2939 % 4096}"
                                                   for k in range(2000)), "layers": str(layer),
                    "every": 1000000} for layer in range(1, 5)], f)
    return path


def runs(bdh, folder):
    """name -> the command that is counted; what it needs is made here."""
    def path(name):
        return os.path.join(folder, name)

    def made(name, *arguments):
        subprocess.run([bdh, "import", *arguments, "-o", path(name)], check=True,
                       capture_output=True)
        return path(name)
    trained, random = made("trained.bdh.h5", TRAINED), made("random.bdh.h5", RANDOM)
    explicit = made("graph.bdh.h5", "--gx", graph(path("graph.csv")), "--layers", "2")
    return {"import": [bdh, "import", TRAINED, "-o", path("again.bdh.h5")],
            "hubs": [bdh, "run", trained, "--text", "To be, or not to be", "--generate", "5",
                     *ONE_THREAD], "probes": [bdh, "run", trained, "--text", "To be, or not to be",
                                              "-o", path("probed"), "--record-file",
                                              probes(path("probes.json")), *ONE_THREAD],
            "explicit edges": [bdh, "run", explicit, "--text", "To be, or not to be", "--retention",
                               "0.9", *ONE_THREAD], "recording": [bdh, "run", random, "--text",
                                                                  "To be, or not to be, that is "
                                                                  "the question", "-o", path("run"),
                                                                  "--record", "events", "--record",
                                                                  "synapses:in:5", "--record",
                                                                  "snapshot every 5", "--record",
                                                                  "logits", "--quiet",
                                                                  *ONE_THREAD],}


def instructions_of(profile, program):
    """The instructions of the program's own object in a file of callgrind."""
    objects, here, total, called = {}, None, 0, False
    with open(profile) as f:
        for line in f:
            found = re.match(r"(c?)ob=\((\d+)\)(?: (.*))?", line)
            if found:
                callee, number, name = found.groups()
                if name:
                    objects[number] = name.strip()
                if not callee:
                    here = objects[number]
            elif line.startswith("calls="):
                called = True  # the next line is what the callee took
            elif re.match(r"[-+*\d]", line):
                if not called and here == program:
                    total += int(line.split()[-1])
                called = False
    return total


def count(command, folder):
    profile = os.path.join(folder, "profile")
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}",
                           *command], capture_output=True, text=True,
                          env={**os.environ, "BDH_INSTRUCTIONS": "plain"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return instructions_of(profile, os.path.realpath(command[0]))


def counts_of(bdh):
    """name of a run -> its instructions, by this program."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: count(command, folder) for name,
                command in runs(os.path.realpath(bdh), folder).items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bdh")
    parser.add_argument("compiler", help="name, version and flags")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--update", metavar="REASON")
    choice.add_argument("--against", metavar="BDH", help="another build, of an earlier commit")
    arguments = parser.parse_args()
    compiler = " ".join(arguments.compiler.split())
    if not shutil.which("valgrind"):
        print("skipped: no valgrind")
        sys.exit(77)
    kept = {}
    if not arguments.against and os.path.exists(COUNTS):
        with open(COUNTS) as f:
            kept = json.load(f)
    compared = not arguments.update and not arguments.against
    if compared and kept.get("compiler") != compiler:
        print(f"skipped: counts are kept for {kept.get('compiler')}, this is {compiler}")
        sys.exit(77)
    counts = counts_of(arguments.bdh)
    if arguments.against:
        kept = {"instructions": counts_of(arguments.against)}
    worst = 0
    for name, now in counts.items():
        before = kept.get("instructions", {}).get(name)
        ratio = now / before if before else 1
        worst = max(worst, ratio)
        print(f"{name:16} {now:>13,} instructions" + (f", {100 * (ratio - 1):+.2f} % of {before:,}"
                                                      if before else ""))
        if compared and ratio < 2 - MOST:
            print(f"{'':16} fewer than kept: worth an update")
    if arguments.update:
        with open(COUNTS, "w") as f:
            json.dump({"compiler": compiler, "reason": arguments.update, "instructions": counts}, f,
                      indent=1)
            f.write("\n")
    elif arguments.against:
        if worst > MOST_AGAINST:
            sys.exit(f"more than {100 * (MOST_AGAINST - 1):.0f} % above {arguments.against}")
    elif worst > MOST or kept["instructions"].keys() != counts.keys():
        sys.exit("more than 5 % above bench/instructions.json; where that is meant: "
                 "bench/update-instructions.sh 'REASON', and the reason in the commit")


if __name__ == "__main__":
    main()
