"""The results of many runs of the program, as SHA-256 in same_results.json: what is meant to change
nothing must find them again.

    export BDH_PROGRAM=build/dev/bin/bdh
    python3 same_results.py              compares; exit code 1 where anything differs
    python3 same_results.py --write      writes same_results.json anew
    python3 same_results.py --notices    prints whether planted differences are noticed

--write is only for a commit whose results are to be kept: after a change of bits on purpose, or
with new runs in the list.

Hashed are arrays, not files (content.py): a file may be laid out in another way. Of each model its
content hash and the names of its neurons; of each run its tokens, shares, counts and surprisals,
its recordings, and the state at its end. What depends on the machine is left out. Runs that differ
in threads, sites or instructions alone must agree, and are compared with each other, too."""
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["BDH_PROGRAM"] = os.path.abspath(os.environ["BDH_PROGRAM"])
os.environ.setdefault("BDH_SOURCE", os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))
try:
    import numpy

    import content
except ImportError as missing:
    print(f"skipped: same_results: {missing}; it needs h5py and numpy")
    sys.exit(77)
from program import RANDOM, TRAINED, bdh, convert

EXPECTED = os.path.join(HERE, "same_results.json")

# ---- texts and graphs

LINE = "To be, or not to be, that is the question: whether 'tis nobler"
LONG = 3 * "It is the east, and Juliet is the sun. Arise, fair sun, and kill the envious moon! "
NEURONS = 24


def draws(seed):
    """Whole numbers below 2^31, the same for ever."""
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        yield seed >> 33


def edge_list(seed, weight, targets=NEURONS, count=5):
    """Named neurons, each with an edge to its neighbour and some to others, or edges to tokens.
    The ring comes first: so the number of each is that in its name."""
    draw, lines = draws(seed), ["source,target,weight"]
    ring = [(i, (i + 1) % targets) for i in range(NEURONS)]
    others = [(i, next(draw) % targets) for i in range(NEURONS) for _ in range(count)]
    for i, j in dict.fromkeys(ring + others):
        target = f"n{j}" if targets == NEURONS else j
        lines.append(f"n{i},{target},{weight(next(draw), j)}")
    return "\n".join(lines) + "\n"


def signed(k, j):
    return (k % 19 - 7) / 32


FILES = {
    "line": LINE,
    "few": LINE[:14],
    "long": LONG,
    "block": LONG[:70],
    "prompts": "ROMEO:\nO, she doth teach the torches to burn bright!\nIs\nBut soft\n",
    "gx.csv": edge_list(1, signed),
    "gy.csv": edge_list(2, signed),
    "gs.csv": edge_list(3, lambda k, j: (k % 5 + 1) / 4),
    "u.csv": edge_list(3, lambda k, j: 1 - (k % 8) / 64),
    "u-of-target.csv": edge_list(3, lambda k, j: 1 - (j % 8) / 64),
    "readout.csv": edge_list(4, lambda k, j: (k % 41 - 20) * 4, targets=256, count=60),
}
SCRIPT = """text To be
probe 3->7
lesion 5
generate 4
undo
silence x:9
text , or
round 44
layer
finish
set synapses:8->9 0.25
release
text not
save STATE
"""

# ---- models

GRAPHS = "--gx gx.csv --gy gy.csv --gs gs.csv --readout readout.csv --sensory random:6@2 --layers 3"
PRUNED = "--circuit direct --calibrate line --window 31 --calibration-windows 2"

# In this order: later ones are made from earlier ones, @NAME.
MODELS = {
    # random-64: 2 heads, 3 layers, rotation; gpu-release by default
    "hub": "import random-64/model.safetensors",
    "hub-of-torch": "import random-64/model.pt",
    "paper": "import listing.safetensors --layers 3",  # gpu-paper
    "half-split": "import educational.safetensors --layers 3 --causal",
    "shakespeare": "import shakespeare-4096/model.safetensors",
    "direct": "import @hub --circuit direct",
    "direct-paper": "import @paper --circuit direct",
    "pruned": f"import @hub {PRUNED} --keep-gx 0.3 --keep-gy 0.3 --keep-gs 0.3",
    "pruned-shakespeare": f"import @shakespeare {PRUNED} --keep-gx .01 --keep-gy .01 --keep-gs .01",
    # 24 named neurons; dynamics bdh by default
    "graph": f"import {GRAPHS} --heads 2 --rotation theta=100 --retention 0.95",
    "own-retention": f"import {GRAPHS} --heads 3 --retention u.csv",
    "own-retention-turning": f"import {GRAPHS} --retention u-of-target.csv --rotation theta=64",
    "normfree": f"import {GRAPHS} --dynamics normfree --retention 0.9",
    "no-readout": "import --gx gx.csv --layers 2 --sensory random:6@1",
    # drawn
    "small-world": "new small-world --neurons 240 --degree 8 --seed 5",
    "blocks": "new blocks --neurons 99 --degree 8 --heads 3 --dynamics normfree",
    # made from others; orders by community are left out: they change with the version of igraph
    "by-rcm": "reorder @graph --by rcm",
    "by-degree": "reorder @own-retention --by degree",
    "merged": "merge @hub @hub-of-torch --scale-e 0.5",
    "merged-graphs": "merge @normfree @normfree",
    "some-neurons": "slice @merged --each-head --neurons 0-15,40-47",
    "one-head": "slice @hub --heads 1",
    "part-of-graph": "slice @normfree --neurons n0,n3,n4,n5,n6,n7,n8,n9,n20",
}

# ---- runs

ALL = ["logits", "events", "x:0-9 every 3", "y:all layers 1-2", "x:top:4", "y:top:3 every 2",
       "synapses:3->7,in:5,random:6@1", "synapses:3->7 factor y", "snapshot every 25"]
ALL_DIRECT = [*ALL, "synapses:all every 10", "synapses:top:5"]
SOME = ["logits", "events"]
STREAM = ["logits", "synapses:3->7"]
DONE = ["lesion 5,7-9 tokens 10-30", "lesion gx:3->4,4->5 layers 1-2",
        "lesion synapses:3->4 from 20", "silence x:10-12", "silence y:13 layers 2",
        "clamp x:14 0.3 tokens 5-25", "clamp y:15 0.125", "stimulate x:16 0.1",
        "stimulate y:17 0.25 from 30", "freeze tokens 33-36", "reset at 40",
        "reset synapses:2->3 at 44", "set synapses:8->9 0.25 at 46"]
DONE_DIRECT = [*DONE, "lesion gy:3->4 from 12", "inhibition 0.5 tokens 20-50"]

ONE = "--text-file line"
FEW = "--text-file few"
SAMPLED = "--generate 30 --temperature 0.8 --top-k 40 --seed 7"
SITES = "--threads 3 --sites 5"
PLAIN = "--instructions plain"
BLOCKS = "--prefill blocks --text-file"
BF16 = "--synapses bf16"

# Name -> model, options of bdh run, what is recorded, interventions. =NAME is the state at the end
# of an earlier run. NAME sites, NAME plain: the run NAME, on more sites or with other instructions.
RUNS = {
    "hub": ("hub", f"{ONE} --generate 12", ALL),
    "hub sites": ("hub", f"{ONE} --generate 12 {SITES}", ALL),
    "hub plain": ("hub", f"{ONE} --generate 12 {PLAIN}", ALL),
    "hub-sampled": ("hub", f"{ONE} {SAMPLED}", ["logits"]),
    "hub-retention": ("hub", f"{ONE} --retention 0.97", ALL),
    "hub-interventions": ("hub", ONE, ALL, DONE),
    "hub-interventions sites": ("hub", f"{ONE} {SITES}", ALL, DONE),
    "hub-from-state": ("hub", f"{ONE} --state =hub", ALL, ["silence x:9 from 80"]),
    "hub-bf16": ("hub", f"{ONE} {BF16} --seed 3 --retention 0.98", ALL),
    "hub-bf16 sites": ("hub", f"{ONE} {BF16} --seed 3 --retention 0.98 {SITES}", ALL),
    "hub-bf16-interventions": ("hub", f"{ONE} {BF16}", SOME, DONE),
    "hub-bf16-from-state": ("hub", f"{ONE} --state =hub-bf16 --seed 4", ["logits"]),
    "hub-weights-bf16": ("hub", f"{ONE} --weights bf16", SOME),
    "hub-blocks": ("hub", f"{BLOCKS} long --generate 5", ["logits every 7"]),
    "hub-blocks plain": ("hub", f"{BLOCKS} long --generate 5 {PLAIN}", ["logits every 7"]),
    "hub-blocks-from-state": ("hub", f"{BLOCKS} long --state =hub-blocks {SITES}"),
    "hub-blocks-weights-bf16": ("hub", f"{BLOCKS} long --weights bf16"),
    "hub-streams": ("hub", f"{FEW} {SAMPLED} --streams 3", STREAM),
    "hub-streams sites": ("hub", f"{FEW} {SAMPLED} --streams 3 {SITES}", STREAM),
    "hub-batch": ("hub", f"--batch prompts {SAMPLED} --streams 2", ["events"],
                  ["silence x:3-9 from 1"]),
    "hub-streams-bf16": ("hub", f"{FEW} {SAMPLED} --streams 3 --state =hub-bf16", ["logits"]),
    "paper": ("paper", f"{ONE} {SAMPLED}", ALL),
    "paper-interventions": ("paper", f"{ONE} --retention 0.9", SOME, DONE),
    "paper-blocks": ("paper", f"{BLOCKS} long", ["logits every 9"]),
    "half-split": ("half-split", ONE, SOME),

    "shakespeare": ("shakespeare", f"{FEW} --generate 4", [*SOME, "synapses:1234->99,random:9@2"]),
    "shakespeare-interventions": ("shakespeare", f"{FEW} {SITES}", ["logits"],
                                  ["lesion 100-199", "lesion gx:3->7", "clamp x:12 0.3 from 4"]),
    "shakespeare-bf16": ("shakespeare", f"{FEW} {BF16} --weights bf16", ["logits"]),
    "shakespeare-blocks": ("shakespeare", f"{BLOCKS} block --generate 2", ["logits every 10"]),
    "shakespeare-streams": ("shakespeare", f"{FEW} --generate 3 --temperature 1 --streams 2",
                            ["logits"]),
    "pruned-shakespeare": ("pruned-shakespeare", f"{FEW} --generate 3", [*SOME, "synapses:top:20"]),

    "direct": ("direct", f"{ONE} --generate 6", ALL),
    "direct sites plain": ("direct", f"{ONE} --generate 6 {SITES} {PLAIN}", ALL),
    "direct-interventions": ("direct", ONE, ALL_DIRECT, DONE_DIRECT),
    "direct-streams": ("direct", f"{FEW} {SAMPLED} --streams 2 --retention 0.97", ["logits"]),
    "direct-paper": ("direct-paper", ONE, SOME),
    "pruned": ("pruned", f"{ONE} {SAMPLED}", ALL),
    "pruned-from-state": ("pruned", f"{ONE} --state =pruned {SITES}", ["logits"]),

    "graph": ("graph", f"{ONE} {SAMPLED}", ALL_DIRECT),
    "graph sites": ("graph", f"{ONE} {SAMPLED} {SITES}", ALL_DIRECT),
    "graph-interventions": ("graph", ONE, ALL_DIRECT, DONE_DIRECT),
    "graph-interventions sites": ("graph", f"{ONE} {SITES}", ALL_DIRECT, DONE_DIRECT),
    "graph-from-state": ("graph", f"{ONE} --state =graph", ["logits", "synapses:all"]),
    "graph-batch": ("graph", f"--batch prompts {SAMPLED} --streams 3", ["logits", "x:all"],
                    ["lesion 3-5"]),
    "graph-weights-bf16": ("graph", f"{ONE} --weights bf16", ["logits"]),
    "own-retention": ("own-retention", f"{ONE} {SAMPLED}", ALL_DIRECT),
    "own-retention-interventions": ("own-retention", f"{ONE} {SITES}", ALL_DIRECT, DONE_DIRECT),
    "own-retention-from-state": ("own-retention", f"{ONE} --state =own-retention", ["logits"]),
    "own-retention-turning": ("own-retention-turning", ONE, ALL_DIRECT),
    "normfree": ("normfree", f"{ONE} {SAMPLED}", ALL_DIRECT),
    "normfree-interventions": ("normfree", ONE, SOME, DONE_DIRECT),
    "no-readout": ("no-readout", ONE, ["events", "synapses:all"]),

    "small-world": ("small-world", ONE, [*SOME, "synapses:top:9"]),
    "blocks": ("blocks", f"{ONE} {SITES}", SOME),
    "by-rcm": ("by-rcm", ONE, ALL_DIRECT, DONE_DIRECT),
    "by-degree": ("by-degree", f"{ONE} {SITES}", ["logits", "synapses:all"]),
    "merged": ("merged", ONE, SOME),
    "merged-graphs": ("merged-graphs", ONE, SOME),
    "some-neurons": ("some-neurons", ONE, ["logits"]),
    "one-head": ("one-head", ONE, ["logits"]),
    "part-of-graph": ("part-of-graph", ONE, ["logits", "synapses:all"]),
}
STEPPED = ("hub", "graph", "own-retention")  # models at a prompt
VALUES = ("values", "strengths", "logits")  # hashed apart from what describes them
EVALUATED = {"hub": "", "paper": "--window 40", "graph": "", "direct": "--retention 0.95"}


def each(option, values):
    return [part for value in values for part in (option, value)]


class Results:
    """Makes the models and runs in a folder."""

    def __init__(self, folder):
        self.folder = folder
        for name, text in FILES.items():
            with open(self.path(name), "w", newline="") as f:
                f.write(text)
        for checkpoint in (RANDOM, TRAINED):
            os.symlink(checkpoint, self.path(os.path.basename(checkpoint)))
        for layout in ("listing", "educational"):
            source, target = f"{RANDOM}/model.safetensors", self.path(layout + ".safetensors")
            convert(source, target, "--layout", layout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def model_file(self, name):
        return self.path(name + ".bdh.h5")

    def state_file(self, name):
        return self.path(name + ".state.h5")

    def good(self, *arguments, **more):
        done = bdh(*arguments, cwd=self.folder, **more)
        if done.returncode != 0:
            sys.exit(f"bdh {' '.join(map(str, arguments))}: exit code {done.returncode}: "
                     + done.stderr.decode(errors="replace"))
        return done.stdout

    def words(self, text):
        """The words of a command; @NAME is a model, =NAME a state."""
        files = {"@": self.model_file, "=": self.state_file}
        return [files[word[0]](word[1:]) if word[0] in files else word for word in text.split()]

    def model(self, name):
        self.good(*self.words(MODELS[name]), "-o", self.model_file(name))
        return content.model_content(self.model_file(name))

    def run(self, name, seed=7):
        model, options, recorded, done = (*RUNS[name], [], [])[:4]
        options = options.replace("--seed 7", f"--seed {seed}")
        folder, state = self.path("run"), self.state_file(name)
        options = [*self.words(options), *each("--record", recorded), *each("--do", done)]
        if "--threads" not in options:
            options += ["--threads", 1]
        if "--streams" not in options:
            options += ["--save-state", state]
        said = self.good("run", self.model_file(model), *options, "-o", folder, "--quiet")
        found = {"output": content.text(said), **content.run_content(folder)}
        if os.path.exists(state):
            found.update(content.below("state", content.state_content(state)))
        shutil.rmtree(folder)
        return found

    def stepped(self, model):
        state = self.path("stepped.h5")
        script = SCRIPT.replace("STATE", state).encode()
        self.good("step", self.model_file(model), "--threads", 1, stdin=script)
        found = content.state_content(state)
        os.remove(state)
        return found

    def evaluated(self, model):
        text = self.good("evaluate", self.model_file(model), "--text-file", "line", "--threads", 1,
                         *EVALUATED[model].split(), "--json")
        return {"nats per token": numpy.float64(json.loads(text)["nats_per_token"])}

    def all(self):
        """Name -> content, one after the other."""
        for name in MODELS:
            yield f"model {name}", self.model(name)
        for name in RUNS:
            yield f"run {name}", self.run(name)
        for model in STEPPED:
            yield f"step {model}", self.stepped(model)
        for model in EVALUATED:
            yield f"evaluate {model}", self.evaluated(model)


def group(name):
    """What an array is hashed with: those of all layers, and of all streams, are one; and so is all
    of a recording or a state that is no value."""
    *places, last = [re.sub(r"[-_ ]?\d+$", "", part) for part in name.split("/")]
    if places and last not in VALUES and not places[-1].startswith("stream"):
        last = "rest"
    return "/".join([*places, last])


def hashes(of):
    """Of each group of arrays, for content by name."""
    groups = {}
    for name, one in sorted(content.digests(of).items()):
        groups.setdefault(group(name), []).append(f"{name} {one}\n")
    return {name: hashlib.sha256("".join(lines).encode()).hexdigest()
            for name, lines in groups.items()}


def differences(expected, found):
    """A line for each hash that differs."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name}: in same_results.json, and not found"
        elif name not in expected:
            yield f"{name}: found, and not in same_results.json"
        else:
            a, b = expected[name], found[name]
            for array in sorted(a.keys() | b.keys()):
                if a.get(array) != b.get(array):
                    expects = f"expected {a.get(array, 'none')}, found {b.get(array, 'none')}"
                    yield f"{name}: {array}: {expects}"


def variants(found):
    """A line for each hash that threads, sites or instructions change."""
    for name, of_variant in found.items():
        kind, _, rest = name.partition(" ")
        if kind != "run" or " " not in rest:
            continue
        first = found[f"run {rest.split()[0]}"]
        for array in sorted(first.keys() | of_variant.keys()):
            if first.get(array) != of_variant.get(array):
                yield f"{name}: {array}: other bits than run {rest.split()[0]}"


def of_all(results):
    return {name: hashes(part) for name, part in results.all()}


def counted(found):
    return f"{len(found)} results, {sum(map(len, found.values()))} hashes"


def compare(results):
    with open(EXPECTED) as f:
        expected = json.load(f)
    found = of_all(results)
    wrong = [*differences(expected, found), *variants(found)]
    print("\n".join(wrong) or counted(found))
    return 1 if wrong else 0


def write(results):
    found = of_all(results)
    wrong = list(variants(found))
    if wrong:
        print("\n".join(wrong))
        return 1
    with open(EXPECTED, "w") as f:
        json.dump(found, f, indent=0, sort_keys=True)
        f.write("\n")
    print(f"wrote {EXPECTED}: {counted(found)}")
    return 0


def notices(results):
    """Another seed, and one bit of one element in each array of a run, must all be noticed."""
    def noticed(of):
        return list(differences({name: kept_hashes}, {name: hashes(of)}))
    name = "hub-sampled"
    results.model("hub")
    kept = results.run(name)
    kept_hashes = hashes(kept)
    wrong = noticed(results.run(name))
    of_seed = noticed(results.run(name, seed=8))
    for part in ("output", "token", "logits/values", "state/strengths"):
        if not any(line.startswith(f"{name}: {part}: expected ") for line in of_seed):
            wrong.append(f"{name}: another seed: {part} agrees")
    for part, array in kept.items():
        if array.size == 0:
            continue
        changed = numpy.array(array)
        changed.reshape(-1).view(numpy.uint8)[-1] ^= 1
        lines = noticed({**kept, part: changed})
        if len(lines) != 1 or not lines[0].startswith(f"{name}: {group(part)}: expected "):
            wrong.append(f"{name}: one bit of {part}: found {lines}")
    print("\n".join(wrong) or f"another seed, and a bit in each of {len(kept)} arrays, are noticed")
    return 1 if wrong else 0


MODES = {(): compare, ("--write",): write, ("--notices",): notices}
if __name__ == "__main__":
    if tuple(sys.argv[1:]) not in MODES:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="bdh-same-results-") as made:
        sys.exit(MODES[tuple(sys.argv[1:])](Results(made)))
