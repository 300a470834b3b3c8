"""The rows of bench/run.py. Each is a function of the context that yields the lines of its table;
the first line of its text is the question."""
import importlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import torch

import models
from common import (BUILD, RANDOM, SOURCE, TRAINED, WORK, Result, Sample, Skipped, bdh, bdh_json,
                    has_option, imported, in_turns, made, program, run_model, seconds, shown_rate,
                    shown_time)
from torch_bdh import Bdh, Recurrent, settings

ROWS = {}
THREADS = len(os.sched_getaffinity(0))
CONTEXT = 256  # tokens before what is generated


def row(function):
    ROWS[function.__name__] = function
    return function


def prepare():
    settings(THREADS)
    check_torch()


def check_torch():
    """The opponent computes what the released code does, to float32's rounding, before anything is
    timed."""
    for checkpoint in (RANDOM, TRAINED):
        model = Bdh.load(os.path.join(checkpoint, "model.safetensors"))
        with h5py.File(os.path.join(checkpoint, "expected.h5")) as f:
            tokens, expected = torch.tensor(f["tokens"][:].astype(np.int64)), torch.tensor(
                f["logits"][:])
        recurrent = Recurrent(model)
        for name, logits in (("parallel", model.forward(tokens)),
                             ("recurrent", torch.stack([recurrent.step(int(t)) for t in tokens]))):
            difference = ((logits - expected).abs().max() / expected.abs().max()).item()
            place = f"{name} PyTorch on {checkpoint}"
            assert difference < 1e-5, f"{place}: logits differ by {difference:.2g}"


class Case:
    """A model through hubs, for bdh and for PyTorch."""

    def __init__(self, name, checkpoint, file):
        self.name, self.checkpoint, self.file = name, checkpoint, file
        self._torch = None

    def torch(self):
        if self._torch is None:
            self._torch = Bdh.load(self.checkpoint)
        return self._torch

    def forget_torch(self):
        self._torch = None


class Context:
    def __init__(self, machine, quick, notes):
        self.machine, self.quick, self._notes = machine, quick, notes
        self.repetitions = 2 if quick else 5
        self._trained = None
        self._cases = {}

    def note(self, row, text):
        self._notes.setdefault(row, []).append(text)

    def random_model(self, percent):
        """Random weights with that share of X active, and a fifth of it of Y: the authors' default
        size."""
        if percent not in self._cases:
            neurons, hubs, layers = (8192, 128, 4) if self.quick else (32768, 256, 6)
            name = f"random-{neurons}-{percent}"
            checkpoint = made(name + ".safetensors",
                              lambda path: models.random_checkpoint(path, hubs, 4, neurons, layers,
                                                                    percent / 100, percent / 500))
            self._cases[percent] = Case(f"n = {neurons}, d = {hubs}, L = {layers}, X {percent} % "
                                        f"active", checkpoint,
                                        imported(name + ".bdh.h5", checkpoint))
        return self._cases[percent]

    def random_models(self):
        return {percent: self.random_model(percent) for percent in (5, 20)}

    def trained_model(self):
        if self._trained is None:
            checkpoint = os.path.join(TRAINED, "model.safetensors")
            self._trained = Case("shakespeare-4096", checkpoint,
                                 imported("shakespeare.bdh.h5", checkpoint))
        return self._trained

    def text(self, count):
        """So many random letters: no line ends, so that they are one prompt of a batch too."""
        return made(f"text-{count}", lambda path: write_text(path, [count]))


def write_text(path, lengths):
    generator = random.Random(1)
    with open(path, "w") as f:
        f.write("\n".join("".join(generator.choices("abcdefghijklmnopqrstuvwxyz ,.ABCDEFGH", k=k))
                          for k in lengths))


def write_bytes(path, count):
    with open(path, "wb") as f:
        f.write(random.Random(1).randbytes(count))


def tokens_of(path):
    with open(path, "rb") as f:
        return torch.tensor(list(f.read()))


def best_threads(measure):
    """PyTorch's fastest number of threads for this, by one try each; it stays set."""
    tries = {}
    for threads in sorted({1, THREADS}):
        torch.set_num_threads(threads)
        measure()
        tries[threads] = min(measure(), measure())
    best = min(tries, key=tries.get)
    torch.set_num_threads(best)
    return best


def activity(result):
    return f"{result['active_x_percent']['mean']:.4f},{result['active_y_percent']['mean']:.4f}"


def shown_activity(result):
    x, y = (result[f"active_{v}_percent"]["mean"] for v in "xy")
    return f"X {x:.2f} %, Y {y:.2f} %"


@row
def stream(c):
    """How close is one stream, token by token, to the bytes that it must move at the bandwidth of
    this machine?"""
    for case in c.random_models().values():
        text, result = c.text(60 if c.quick else 200), []

        def measure():
            result.append(run_model(case.file, "--text-file", text))
            c.machine.measure()
            return result[-1]["warm_token"]
        ours = in_turns(c.repetitions, bdh=measure)["bdh"]
        plan = bdh_json("plan", case.file, "--activity", activity(result[0]), "--bandwidth",
                        c.machine.read.median / 1e9, "--memory", 1)["hubs"]
        floor = plan["floor_seconds_per_token"]
        yield Result("stream", f"one stream, token by token: {case.name}",
                     f"{shown_time(ours.median)} a token, {1 / ours.median:.4g} tokens/s",
                     f"floor {shown_time(floor)}: {plan['bytes_per_token'] / 1e6:.0f} MB at "
                     f"{shown_rate(c.machine.read.median)}B/s", floor / ours.median, 0.7,
                     ours.spread, "%")
        c.note("stream", f"{case.name}: measured activity {shown_activity(result[0])}")
        if has_option("run", "--weights"):
            found = in_turns(c.repetitions, wide=lambda: run_model(case.file, "--text-file",
                                                                   text)["warm_token"],
                             narrow=lambda: run_model(case.file, "--text-file", text, "--weights",
                                                      "bf16")["warm_token"])
            yield Result("stream", f"the same, weights in bfloat16: {case.name}",
                         f"{shown_time(found['narrow'].median)} a token",
                         f"float32: {shown_time(found['wide'].median)}",
                         found["wide"].median / found["narrow"].median, None,
                         found["narrow"].spread)


def generating(c, case, goal_authors, goal_recurrent):
    count, text = 8 if c.quick else 48, c.text(CONTEXT)
    tokens, reference = tokens_of(text), case.torch()
    result = []

    def ours():
        result.append(run_model(case.file, "--text-file", text, "--generate", count))
        return statistics.median(result[-1]["token_seconds"][CONTEXT:])

    def authors():
        return seconds(lambda: reference.generate(tokens, 1))

    recurrent = Recurrent(reference)

    def step():
        return seconds(lambda: [recurrent.step(k) for k in range(8)]) / 8
    threads = {}
    measures = {"authors": authors, "recurrent": step}
    for name, measure in measures.items():
        threads[name] = best_threads(measure)

    def on(name):
        def measure():
            torch.set_num_threads(threads[name])
            return measures[name]()
        return measure
    found = in_turns(c.repetitions, bdh=ours, authors=on("authors"), recurrent=on("recurrent"))
    mine = found["bdh"]
    say = f"{shown_time(mine.median)} a token"
    yield Result("generation", f"generation at context {CONTEXT}: {case.name}", say,
                 f"PyTorch as the authors do it: {shown_time(found['authors'].median)}",
                 found["authors"].median / mine.median, goal_authors, mine.spread)
    yield Result("generation", f"the same, token by token: {case.name}", say,
                 f"recurrent PyTorch: {shown_time(found['recurrent'].median)}",
                 found["recurrent"].median / mine.median, goal_recurrent, mine.spread)
    c.note("generation", f"{case.name}: measured activity {shown_activity(result[0])}; PyTorch is "
           f"fastest on {threads['authors']} thread(s) as the authors do it (spread "
           f"{100 * found['authors'].spread:.0f} %), on {threads['recurrent']} recurrent (spread "
           f"{100 * found['recurrent'].spread:.0f} %)")
    case.forget_torch()


@row
def generation(c):
    """How much faster is a generated token than with the released code, which computes its context
    again, and than with a recurrent state?"""
    yield from generating(c, c.trained_model(), 100, 5)
    for percent, case in c.random_models().items():
        yield from generating(c, case, 20, 3 if percent == 5 else 2)


@row
def prompt(c):
    """How much faster is a prompt read in blocks than by PyTorch, parallel over the prompt?"""
    if not has_option("run", "--prefill"):
        raise Skipped("this bdh has no --prefill")
    count = 256 if c.quick else 1024
    for percent, case in c.random_models().items():
        text = c.text(count)
        tokens, reference = tokens_of(text), case.torch()

        def ours(*how):
            return bdh_json("run", case.file, "--text-file", text, *how)["seconds"]
        threads = best_threads(lambda: seconds(lambda: reference.forward(tokens[:128])))
        found = in_turns(max(2, c.repetitions - 2), bdh=lambda: ours("--prefill", "blocks"),
                         torch=lambda: seconds(lambda: reference.forward(tokens)))
        one_by_one = ours()
        mine = found["bdh"]
        yield Result("prompt", f"prompt of {count} tokens: {case.name}",
                     f"{shown_time(mine.median)}, {count / mine.median:.4g} tokens/s",
                     f"PyTorch, parallel over the prompt: {shown_time(found['torch'].median)}",
                     found["torch"].median / mine.median, 3 if percent == 5 else 2, mine.spread)
        c.note("prompt", f"{case.name}: token by token {shown_time(one_by_one)}, "
               f"{one_by_one / mine.median:.2g} times as long as in blocks; PyTorch on {threads} "
               f"thread(s), spread {100 * found['torch'].spread:.0f} %")
        case.forget_torch()


@row
def spiking(c):
    """What does a token take whose activity travels as spikes, against one whose does not, on one
    thread? Bernoulli spikes draw a random number for each bin of an active neuron."""
    if not has_option("run", "--spikes"):
        raise Skipped("this bdh has no --spikes")
    case, text = c.trained_model(), c.text(100 if c.quick else 400)
    scales = made("spike-scales.json", lambda path: bdh("spike-scales", case.file, "--text-file",
                                                        text, "-o", path))

    def token(*how):
        return lambda: run_model(case.file, "--text-file", text, "--threads", 1,
                                 *how)["warm_token"]
    ways = {f"{code}, K = {k}": ("--spikes", k, "--spike-code", code, "--spike-scales", scales)
            for code in ("bernoulli", "integrate") for k in (8, 32, 128)}
    ways["hubs too, K = 32"] = ("--spikes", 32, "--spike-hubs", "--spike-scales", scales)
    found = in_turns(c.repetitions, graded=token(), **{name: token(*how)
                                                       for name, how in ways.items()})
    for name in ways:
        yield Result("spiking", f"a token as spikes, {name}: {case.name}",
                     f"{shown_time(found[name].median)} a token",
                     f"graded: {shown_time(found['graded'].median)}",
                     found["graded"].median / found[name].median,
                     0.4 if name == "bernoulli, K = 32" else None, found[name].spread)


@row
def probes(c):
    """What do ten thousand probes of neuron pairs cost, as a share of the time of a token?"""
    case, text, generator = c.trained_model(), c.text(200 if c.quick else 600), random.Random(1)

    def pairs(path):  # a quarter of them in each layer; recorded once, at the first token
        neurons = bdh_json("info", case.file)["populations"]["neurons"]
        with open(path, "w") as f:
            json.dump([{"what": "synapses:"
                        + ",".join(f"{generator.randrange(neurons)}->{generator.randrange(neurons)}"
                                   for _ in range(2500)), "layers": str(layer), "every": 1000000}
                       for layer in range(1, 5)], f)
    recorded = made("probes.json", pairs)
    for threads in sorted({1, THREADS}):
        timed = in_turns(4 * c.repetitions, probed=lambda: run_model(case.file, "--text-file", text,
                                                                     "--threads", threads,
                                                                     "--record-file",
                                                                     recorded)["warm_token"],
                         plain=lambda: run_model(case.file, "--text-file", text, "--threads",
                                                 threads)["warm_token"])
        # Of each pair of runs, one right after the other: a machine that is slower for a while is
        # so for both.
        share = statistics.median(p / q for p, q in zip(timed["probed"].values,
                                                        timed["plain"].values)) - 1
        yield Result("probes",
                     f"10,000 probes, {threads} thread{'s' if threads > 1 else ''}: {case.name}",
                     f"{shown_time(timed['probed'].median)} a token",
                     f"without: {shown_time(timed['plain'].median)}; {100 * share:.0f} % more, a "
                     f"fifth allowed", 0.2 / max(share, 1e-3), 1, timed["probed"].spread)


@row
def streams(c):
    """How much do 16 streams over one model do in the time of one?"""
    if not has_option("run", "--batch"):
        raise Skipped("this bdh has no --batch")
    length = 24 if c.quick else 64
    for percent, case in c.random_models().items():
        batch = made(f"batch-16-{length}", lambda path: write_text(path, [length] * 16))
        single = made(f"batch-1-{length}", lambda path: write_text(path, [length]))

        def rate(*how):
            result = bdh_json("run", case.file, *how)
            return result["tokens_per_second"]
        found = in_turns(max(2, c.repetitions - 2), sixteen=lambda: rate("--batch", batch),
                         one=lambda: rate("--text-file", single))
        sixteen, one = found["sixteen"], found["one"]
        yield Result("streams", f"16 streams, {length} tokens each: {case.name}",
                     f"{sixteen.median:.4g} tokens/s in all",
                     f"1 stream: {one.median:.4g} tokens/s", sixteen.median / one.median,
                     3 if percent == 5 else 1.7, sixteen.spread)


def kernel_runs(only, repetitions):
    result = json.loads(program("kernels_bench", f"--benchmark_filter={only}",
                              "--benchmark_format=json", "--benchmark_min_time=0.2",
                              f"--benchmark_repetitions={repetitions}",
                              "--benchmark_enable_random_interleaving=true"))
    names = {}
    for run in result["benchmarks"]:
        if run.get("run_type") == "iteration":
            names.setdefault((run["family_index"], run["per_family_instance_index"], run["name"]),
                             []).append(run)
    return {name: runs for (*_, name), runs in sorted(names.items())}


@row
def sweeps(c):
    """How much of the bandwidth does a sweep over all edges of a direct graph reach (1e7 edges,
    degree 300)?"""
    for kernel, what, goal in (("propagate/push_edges", "propagate sweep", 0.45),
                               ("reweight/reweight_edges", "Hebb sweep", 0.6)):
        for name, runs in kernel_runs(f"{kernel}/active:100/real_time/threads:{THREADS}$",
                                      2 * c.repetitions).items():
            share, edges = (Sample(run[key] for run in runs) for key in ("of_bandwidth", "edges/s"))
            yield Result("sweeps", f"{what}, {THREADS} threads",
                         f"{shown_rate(edges.median)}edges/s", "the read bandwidth", share.median,
                         goal, share.spread, "%")


class Nest:
    """bench/nest_network.py, ready to simulate."""

    def __init__(self, targets, share, synapse):
        self.process = subprocess.Popen([sys.executable, "-B",
                                         os.path.join(SOURCE, "bench/nest_network.py"), targets,
                                         str(share), synapse], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError("NEST ended: " + self.process.stderr.read()[-1000:])

    def events_per_second(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        result = self.answer()
        return result["events"] / result["seconds"]

    def close(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def plastic_graph(c):
    """A graph for NEST and for bdh, and its model: synapses everywhere, hardly anything else."""
    neurons, degree = (20000, 50) if c.quick else (100000, 100)
    name = f"graph-{neurons}-{degree}"
    targets = made(name + ".npy", lambda path: save_array(path,
                                                          models.random_graph(neurons, degree)))

    def make(path):
        edges, few = path + ".h5", path + ".csv"
        models.write_csr(edges, "synapses", np.load(targets),
                         np.ones((neurons, degree), dtype=np.float32))
        with open(few, "w") as f:
            f.write("source,target,weight\n0,1,0.001\n")
        try:
            bdh("import", "--gx", few, "--gs", f"{edges}:/synapses", "--layers", 1, "-o", path)
        finally:
            os.remove(edges)
            os.remove(few)
    return targets, made(name + ".bdh.h5", make), neurons, degree


def save_array(path, values):
    with open(path, "wb") as f:
        np.save(f, values)


@row
def nest(c):
    """How many synaptic events a second, plasticity included, on one core, against NEST on the same
    graph at the same activity?"""
    if subprocess.run([sys.executable, "-c", "import nest"], capture_output=True).returncode != 0:
        raise Skipped("NEST's wheel (nest-simulator) is not to be had here")
    targets, model, neurons, degree = plastic_graph(c)
    share, steps = 0.05, 20 if c.quick else 60
    text = c.text(100 if c.quick else 300)
    mask = ["--do", "silence x:all", "--do", f"clamp x:random:{round(share * neurons)}@1 0.3"]
    result = []

    def ours():
        result.append(run_model(model, "--text-file", text, "--threads", 1, "--sites", 1, *mask))
        return result[-1]["hebbian_writes"] / result[-1]["tokens"] / result[-1]["warm_token"]
    rivals = {}
    try:
        for synapse in ("stdp_synapse", "stdp_synapse_hom"):
            rivals[synapse] = Nest(targets, share, synapse)
        found = in_turns(c.repetitions, bdh=ours, **{name: lambda r=r: r.events_per_second(steps)
                                                     for name, r in rivals.items()})
    finally:
        for rival in rivals.values():
            rival.close()
    best = max(rivals, key=lambda name: found[name].median)
    mine = found["bdh"]
    yield Result("nest", f"synaptic events on one core, each with its Hebbian write: {neurons:,} "
                 f"neurons, {neurons * degree:.1e} synapses, 5 % active",
                 f"{shown_rate(mine.median)}events/s",
                 f"NEST, {best}: {shown_rate(found[best].median)}events/s",
                 mine.median / found[best].median, 20, mine.spread)
    c.note("nest", f"an event of bdh is a synapse that is read and written: "
           f"{shown_activity(result[0])} active by a mask; of NEST, a spike that a "
           "plastic synapse delivers. "
           + "; ".join(f"{name} {shown_rate(found[name].median)}events/s" for name in rivals))


@row
def pairs(c):
    """Are the strongest of all pairs of neurons found in a minute and 1 GB, bdh step and all?"""
    case = c.random_model(5)
    text = made("pairs-256", lambda path: write_text(path, [256]))
    with open(text) as f:
        read = "text " + f.read() + "\n"
    peaks = []

    def step(script):
        begin = time.perf_counter()
        done = subprocess.Popen([os.path.join(BUILD, "bdh"), "step", case.file, "--threads",
                                 str(THREADS)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        done.stdin.write(script.encode())
        done.stdin.close()
        _, status, usage = os.wait4(done.pid, 0)
        assert status == 0, script
        peaks.append(1024 * usage.ru_maxrss)
        return time.perf_counter() - begin
    found = in_turns(c.repetitions, step=lambda: step(read + "top pairs 100 layer 4\n"))["step"]
    name = f"top pairs 100 after 256 tokens: {case.name}"
    yield Result("pairs", name, shown_time(found.median), "60 s", 60 / found.median, 1,
                 found.spread)
    yield Result("pairs", f"memory of that: {case.name}", f"{max(peaks) / 1e6:.0f} MB", "1 GB",
                 1e9 / max(peaks), 1)


@row
def memory(c):
    """What does an edge of a circuit take, and a synapse in all layers? Row starts are 8 bytes a
    neuron more."""
    neurons, degree, layers = (2000, 300, 4)

    def make(path):
        edges = path + ".h5"
        models.write_csr(edges, "edges", models.random_graph(neurons, degree),
                         np.ones((neurons, degree), dtype=np.float32))
        try:
            bdh("import", "--gx", f"{edges}:/edges", "--layers", layers, "-o", path)
        finally:
            os.remove(edges)
    result = bdh_json("info", made("graph-bytes.bdh.h5", make))["direct"]
    for what, found, goal in (("circuit edge", result["bytes_per_edge"], 8),
                              ("synapse", result["bytes_per_synapse"], 8 + 4 * layers)):
        starts = 16 / degree if what == "circuit edge" else (8 + 8 * layers) / degree
        yield Result("memory", f"bytes of a {what}, {layers} layers, degree {degree}",
                     f"{found:.3g}", f"{goal} and {starts:.2g} of row starts and clocks",
                     (goal + starts) / found, 0.999)


def grown_graph(neurons, degree):
    return made(f"erdos-renyi-{neurons}-{degree}.bdh.h5",
                lambda path: bdh("new", "erdos-renyi", "--neurons", neurons, "--degree", degree,
                                 "--layers", 2, "--seed", 1, "-o", path))


@row
def scale(c):
    """Does a graph of 100,000 neurons and 10 million synapses a layer load in 10 s, and read 50
    tokens a second, in 1 GB?"""
    neurons, degree = (20000, 50) if c.quick else (100000, 100)
    file, result = grown_graph(neurons, degree), []
    # what the graph's gains were tuned on
    text = made("bytes", lambda path: write_bytes(path, 200))

    def measure():
        result.append(run_model(file, "--text-file", text))
        return result[-1]["warm_token"]
    found = in_turns(c.repetitions, token=measure,
                     load=lambda: seconds(lambda: bdh("run", file, "--tokens", 0)))
    token, load, memory = found["token"], found["load"], max(t["peak_memory_bytes"] for t in result)
    name = f"{neurons:,} neurons, {neurons * degree:,} explicit synapses a layer, L = 2"
    c.note("scale", f"{name}: measured activity {shown_activity(result[0])}")
    yield Result("scale", f"one stream: {name}", f"{shown_time(token.median)} a token",
                 "50 tokens/s", 1 / token.median / 50, 1, token.spread)
    yield Result("scale", f"loading it, and one token: {name}", shown_time(load.median), "10 s",
                 10 / load.median, 1, load.spread)
    yield Result("scale", f"memory of the run: {name}", f"{memory / 1e6:.0f} MB", "1 GB",
                 1e9 / memory, 1)


@row
def reading(c):
    """Is a graph read from Matrix Market as fast as SciPy reads it?"""
    import scipy.io
    neurons, degree = (10000, 100) if c.quick else (100000, 100)

    def make(path):
        targets = models.random_graph(neurons, degree)
        weights = np.random.default_rng(1).uniform(0, 1, targets.size).round(6)
        with open(path, "wb") as f:
            scipy.io.mmwrite(f,
                             scipy.sparse.coo_matrix((weights, (targets.ravel().astype(np.int64),
                                                                np.repeat(np.arange(neurons),
                                                                          degree))),
                                                     shape=(neurons, neurons)), symmetry="general")
    file = made(f"graph-{neurons}-{degree}.mtx", make)
    program("files_bench", "through", file)
    found = in_turns(max(2, c.repetitions - 2),
                     bdh=lambda: json.loads(program("files_bench", "graph", file))["seconds"],
                     scipy=lambda: seconds(lambda: scipy.io.mmread(file)))
    mine = found["bdh"]
    yield Result("reading", f"reading {neurons * degree:.0e} edges, Matrix Market, "
                 f"{os.path.getsize(file) / 1e6:.0f} MB",
                 f"{shown_time(mine.median)}, {shown_rate(neurons * degree / mine.median)}edges/s",
                 f"SciPy's mmread: {shown_time(found['scipy'].median)}",
                 found["scipy"].median / mine.median, 1, mine.spread)
    c.note("reading", "the file is in the page cache for both")


def edge_text(path, size, head, nodes, edge, tail):
    """A text of about so many bytes: 300,000 nodes, their edges source by source in an order drawn
    by chance, the targets of a source all different."""
    neurons, drawn = 300000, np.random.default_rng(1)
    order, weights = drawn.permutation(neurons), drawn.normal(size=4096).round(6)
    with open(path, "w") as f:
        f.write(head + "".join(nodes(i) for i in range(neurons)))
        for turn in range(neurons // 16):
            for source in order:
                first = (int(source) * 7919 + turn * 31) % (neurons // 16)
                f.write("".join(edge(source, first + k * (neurons // 16),
                                     weights[(source * 16 + k + turn) % 4096]) for k in range(16)))
                if os.path.getsize(path) >= size:
                    f.write(tail)
                    return


def write_csv(path, size):
    edge_text(path, size, "source,target,weight\n", lambda i: "", lambda a, b, w: f"{a},{b},{w}\n",
              "")


def write_graphml(path, size):
    edge_text(path, size, '<graphml><key id="w" for="edge" attr.name="weight" attr.type="double"/>'
              '<graph edgedefault="directed">\n', lambda i: f'<node id="n{i}"/>\n',
              lambda a, b, w: f'<edge source="n{a}" target="n{b}"><data key="w">{w}</data>'
              "</edge>\n", "</graph></graphml>\n")


def import_usage(file):
    """Processor time of the program itself and of the system for it, its peak of memory, and the
    size of the model."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        target = os.path.join(folder, "m.bdh.h5")
        process = subprocess.Popen([os.path.join(BUILD, "bdh"), "import", "--gx", file, "--layers",
                                    "1", "--sensory", "random:1@1", "-o", target],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak, ended = 0, 0
        while not ended:  # the usage of a process counts the memory of its parent, too
            with open(f"/proc/{process.pid}/status") as f:
                peak = max([peak] + [int(line.split()[1]) for line in f
                                     if line.startswith("VmHWM:")])
            time.sleep(0.002)
            ended, _, usage = os.wait4(process.pid, os.WNOHANG)
        return {"seconds": usage.ru_utime, "system": usage.ru_stime, "peak": peak * 1024,
                "model": os.path.getsize(target)}


SWEPT_SEEDS = list(range(30))  # of a sweep, a run each


def usage_of(work):
    """Time of the clock, and of the processors for the programs that `work` starts."""
    before, begin = os.times(), time.perf_counter()
    work()
    after, end = os.times(), time.perf_counter()
    return end - begin, sum(getattr(after, k) - getattr(before, k)
                            for k in ("children_user", "children_system"))


@row
def sweep(c):
    """Does a sweep of 30 runs take no more than these runs themselves, and a tenth?"""
    tokens = 60 if c.quick else 300
    model = c.trained_model().file
    options = {"text-file": c.text(tokens), "temperature": 1, "generate": 20, "record": "events"}
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        plan = os.path.join(folder, "plan.json")
        with open(plan, "w") as f:
            json.dump({"model": model, "options": options, "grid": {"seed": SWEPT_SEEDS}}, f)
        clocks = {"bdh": [], "other": []}

        def measured(name, work):
            with tempfile.TemporaryDirectory(dir=folder) as target:
                clock, processor = usage_of(lambda: work(target))
            clocks[name].append(clock)
            return processor

        def apart(target):
            for seed in SWEPT_SEEDS:
                bdh("run", model, *(a for k, v in options.items() for a in (f"--{k}", v)), "--seed",
                    seed, "--threads", 1, "--quiet", "-o", os.path.join(target, str(seed)))

        def together(target):
            bdh("sweep", plan, "--jobs", 1, "-o", os.path.join(target, "sweep"))
        used = in_turns(c.repetitions, bdh=lambda: measured("bdh", together),
                        other=lambda: measured("other", apart))
    work = f"sweep of 30 runs of {tokens + 20} tokens, one at a time"
    for what, of in (("processor", used), ("clock", {k: Sample(v) for k, v in clocks.items()})):
        yield Result("sweep", f"{work}, {what}", shown_time(of["bdh"].median),
                     f"the runs: {shown_time(of['other'].median)}",
                     of["other"].median / of["bdh"].median, 1 / 1.1, of["bdh"].spread)


@row
def importing(c):
    """Are lists of edges imported at 100 MB/s and GraphML at 30 MB/s of processor time, in no more
    memory than the model and 200 MB?"""
    size = 1e8 if c.quick else 1e9
    for name, module, write, goal in (("csv", "pandas", write_csv, 100e6),
                                      ("graphml", "networkx", write_graphml, 30e6)):
        try:
            other = importlib.import_module(module)
        except ImportError as error:
            raise Skipped(str(error)) from error
        read = other.read_csv if name == "csv" else other.read_graphml
        # networkx, which has an object for each edge, gets a tenth of the text
        part = size if name == "csv" else size / 10
        file, small = [made(f"edges-{s / 1e6:.0f}.{name}", lambda path, s=s: write(path, s))
                       for s in (size, part)]
        program("files_bench", "through", file)
        used = []

        def measure():
            used.append(import_usage(file))
            return used[-1]["seconds"]
        found = in_turns(max(2, c.repetitions - 2), bdh=measure,
                         other=lambda: seconds(lambda: read(small)))
        mine = found["bdh"]
        rate = os.path.getsize(file) / mine.median
        theirs = os.path.getsize(small) / found["other"].median
        yield Result("importing", f"import of {size / 1e6:.0f} MB of {name}",
                     f"{shown_rate(rate)}B/s", f"{module} reads {shown_rate(theirs)}B/s",
                     rate / goal, 1, mine.spread)
        beside = max(1, max(u["peak"] - u["model"] for u in used))
        yield Result("importing", f"memory of that import, beside the model of "
                     f"{used[0]['model'] / 1e6:.0f} MB", f"{beside / 1e6:.0f} MB", "200 MB",
                     200e6 / beside, 1)
        c.note("importing", f"{name}: the program's own time; the system's, for pages and files, "
               f"is {shown_time(statistics.median(u['system'] for u in used))} beside "
               f"{shown_time(mine.median)}")


@row
def opening(c):
    """How soon is a model of 1 GB ready to run? Files are in the page cache, and were read through
    once before the first measurement."""
    hub_neurons, direct_neurons = (32768, 2048) if c.quick else (327680, 6400)
    large = made(f"plain-{hub_neurons}.safetensors",
                 lambda path: models.plain_checkpoint(path, 256, hub_neurons))
    small = made(f"plain-{direct_neurons}.safetensors",
                 lambda path: models.plain_checkpoint(path, 64, direct_neurons))
    hub_file = imported(f"plain-{hub_neurons}.bdh.h5", large)
    direct_file = imported(f"direct-{direct_neurons}.bdh.h5", small, "--circuit", "direct")
    for kind, file in (("through hubs", hub_file), ("with explicit edges", direct_file)):
        size = os.path.getsize(file)
        program("files_bench", "through", file)
        found = in_turns(c.repetitions,
                         open=lambda: json.loads(program("files_bench", "model", file))["seconds"],
                         through=lambda: json.loads(program("files_bench", "through",
                                                            file))["seconds"])
        mine, through = found["open"], found["through"]
        if kind == "through hubs":
            yield Result("opening", f"opening a model of {size / 1e9:.2g} GB {kind}",
                         shown_time(mine.median),
                         f"1 % of reading it through: {shown_time(through.median / 100)}",
                         through.median / 100 / mine.median, 1, mine.spread)
        else:
            rate = size / mine.median
            yield Result("opening", f"opening a model of {size / 1e9:.2g} GB {kind}, fully checked",
                         f"{shown_time(mine.median)}, {shown_rate(rate)}B/s",
                         f"the read bandwidth: {shown_rate(c.machine.read.median)}B/s",
                         rate / c.machine.read.median, 0.5, mine.spread, "%")
        c.note("opening", f"{kind}: reading the file through takes {shown_time(through.median)}")


@row
def plan(c):
    """Does `bdh plan` foresee the time of a token, within 25 %?"""
    text = c.text(60 if c.quick else 200)
    cases = [(case.name, case.file, "hubs") for case in (c.trained_model(),
                                                         *c.random_models().values())]
    for neurons, degree in ((5000, 100),) if c.quick else ((10000, 100), (100000, 10),
                                                           (100000, 100)):
        cases.append((f"{neurons:,} neurons, {neurons * degree:,} explicit synapses",
                      grown_graph(neurons, degree), "direct"))
    for name, file, form in cases:
        result, plans = [], []

        def measure():
            result.append(run_model(file, "--text-file", text))
            return result[-1]["warm_token"]

        def foresee():  # on what the machine reads at this moment
            plans.append(bdh_json("plan", file, "--activity", activity(result[0]))[form])
            return plans[-1]["seconds_per_token"]
        found = in_turns(c.repetitions, bdh=measure, plan=foresee)
        mine, ratio = found["bdh"], found["plan"].median / found["bdh"].median
        yield Result("plan", f"bdh plan: {name}", f"measured {shown_time(mine.median)}",
                     f"planned {shown_time(found['plan'].median)}", 1 - abs(ratio - 1), 0.75,
                     mine.spread, "%")
        c.note("plan", f"{name}: {shown_activity(result[0])}; planned over measured {ratio:.2f}, "
               f"spread of the plans {100 * found['plan'].spread:.0f} %; " + "read at "
               + ", ".join(f"{shown_rate(statistics.median(p['bandwidth'][of] for p in plans))}B/s "
                           f"({of})" for of in ("weights", "strengths")) + "; "
               + ", ".join(f"{what} {plans[0][what]:,.0f}"
                           for what in ("bytes_per_token", "edges", "writes", "rows_of_sources",
                                        "rows_of_targets", "meetings")))


@row
def kernels(c):
    """How fast is each kernel body by itself? of_bandwidth: against what as many threads read at
    best."""
    lines = ["\n\n| kernel body | edges/s | bytes/s | of the bandwidth | spread |",
             "|---|---|---|---|---|"]
    for name, runs in kernel_runs(".", 2 if c.quick else 3).items():
        def middle(figure):
            return statistics.median(r[figure] for r in runs)
        edges = shown_rate(middle("edges/s")) if "edges/s" in runs[0] else ""
        spread = 100 * Sample(r["bytes/s"] for r in runs).spread
        lines.append(f"| {name.replace('/real_time', '')} | {edges} | "
                     f"{shown_rate(middle('bytes/s'))}B/s | {100 * middle('of_bandwidth'):.0f} % | "
                     f"{spread:.0f} % |")
    c.note("kernels", "\n".join(lines))
    return iter(())
