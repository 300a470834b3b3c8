"""memory.py [NEURONS [DEGREE [LAYERS]]]: how much memory the ranks of a run take, for a model of
explicit edges [131072 neurons, 200 edges out of each, 4 layers]; and rank 0 while it writes a
state. Prints a table; exit code 1 where the largest rank of R takes more than a Rth of what one
process takes, and 10 %, beside what the program and MPI take for a model of nothing. Needs
BDH_PROGRAM and BDH_SOURCE, and PYTHONPATH=tests/cli; not part of ctest."""
import json
import os
import random
import sys
import tempfile

from program import bdh

MIB = 1 << 20
os.environ["OMPI_ALLOW_RUN_AS_ROOT"] = os.environ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"


def good(*arguments):
    done = bdh(*arguments)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def draw(model, neurons, degree, layers):
    """A model of random edges, all of them excitatory and used from the second layer on."""
    chance, part = random.Random(1), neurons // degree
    with open(model + ".csv", "w") as f:
        f.write("source,target,weight\n")
        for i in range(neurons):
            for k in range(degree):  # ascending, one in each part of the neurons
                f.write(f"{i},{k * part + chance.randrange(part)},1e-4\n")
    good("import", "--gx", model + ".csv", "--layers", layers, "-o", model)
    os.remove(model + ".csv")


def peaks(model, ranks, *options):
    """Of each rank, in MiB."""
    on = ("--ranks", ranks) if ranks != 1 else ()
    result = json.loads(good("run", model, *on, "--threads", 1, "--tokens", "1,2,3", "--json",
                             "--quiet", *options))
    return [rank["peak_memory_bytes"] / MIB for rank in result.get("ranks", [result])]


def measured(what, model, nothing, state, allowed):
    """A table of a model; whether it is within what is allowed."""
    print(f"{what}: {os.path.getsize(model) / MIB:.0f} MiB of file\n"
          f"{'ranks':>6}{'largest':>9}{'its share':>11}{'the others':>12}{'writing a state':>17}")
    well = True
    for ranks in (1, 2, 4):
        base = max(peaks(nothing, ranks))
        each = peaks(model, ranks)
        if ranks == 1:
            whole = each[0] - base
        share = base + whole / ranks
        writing = peaks(model, ranks, "--save-state", state)[0]
        print(f"{ranks:>6}{max(each):>9.0f}{share:>11.0f}  {min(each):>10.0f}{writing:>17.0f}",
              flush=True)
        well = well and max(each) <= base + (share - base) * (1 + allowed)
    return well


def main(neurons=131072, degree=200, layers=4):
    with tempfile.TemporaryDirectory(prefix="bdh-memory-", dir=os.path.dirname(
            os.environ["BDH_PROGRAM"])) as folder:
        at = {name: os.path.join(folder, name) for name in ("graph", "small", "state")}
        for name, n, d in (("graph", neurons, degree), ("small", 256, 4)):
            draw(at[name], n, d, layers)
        well = measured(f"{neurons} neurons, {degree} edges out of each, {layers} layers",
                        at["graph"], at["small"], at["state"], 0.1)
        return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
