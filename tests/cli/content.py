"""What a model, a state or a run holds, apart from how its files are laid out: arrays under names
of our own, for hashing and comparing.

Two files with the same content are the same result, whatever the version of their format. What a
new version lays out differently is read by one function here: state_content(), surprisals() or
recording_content(). Times, hosts, versions, paths and bytes sent between sites are no content."""
import csv
import hashlib
import json
import os

import h5py
import numpy


def text(value):
    """A string as an array, so that it is compared like one."""
    return numpy.frombuffer(value if isinstance(value, bytes) else str(value).encode(), numpy.uint8)


def digest(array):
    """The SHA-256 of an array: of its type, its shape and its elements, little-endian."""
    array = numpy.asarray(array)
    array = array.astype(array.dtype.newbyteorder("<"), order="C")
    shape = "x".join(map(str, array.shape))
    head = f"{array.dtype.kind}{8 * array.dtype.itemsize} {shape}\n"
    return hashlib.sha256(head.encode() + array.tobytes()).hexdigest()


def digests(content):
    return {name: digest(array) for name, array in content.items()}


def differing(a, b):
    """The names of arrays that only one of two contents has, or that differ."""
    a, b = digests(a), digests(b)
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def below(name, content):
    return {f"{name}/{part}": array for part, array in content.items()}


def model_content(path):
    """The hash that covers all that the dynamics depends on, and what the neurons are called."""
    with h5py.File(path) as f:
        neurons = f["nodes/neurons"]
        kept = [name for name in ("name", "original_id", "order") if name in neurons]
        names = {name: neurons[name][:] for name in kept}
        if "name" in names:
            names["name"] = text(b"\n".join(names["name"].tolist()))
        return {"hash": text(f.attrs["content_sha256"]), **names}


def state_content(path):
    """A state, or a checkpoint of a run."""
    with h5py.File(path) as f:
        content = {"model": text(f.attrs["model_sha256"]),
                   "tokens": numpy.uint64(f.attrs["tokens"]),
                   "retention": numpy.float64(f.attrs["retention"]),
                   "rounded": text(f.attrs.get("synapses", b"float32"))}
        for layer in f["layers"]:
            group = f["layers"][layer]
            first = f.attrs["format_version"] == 1
            clock = group.attrs["clock"] if first else group["clock"][0]
            content[f"clock {layer}"] = numpy.uint64(clock)
            content[f"last used {layer}"] = group["last_used"][:]
            content[f"strengths {layer}"] = group["stored" if first else "synapses"][:]
        for column in f.get("probes", ()):
            content[f"probes {column}"] = f["probes"][column][:]
        if "logits" in f:
            content["logits"] = f["logits"][:]
        return content


def rows_of(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def surprisals(summary):
    """Of each token its surprisal in nats, as text; empty where it is unknown, and always empty of
    the first token of a run."""
    if "surprisal_nats" in summary[0]:
        return [row["surprisal_nats"] for row in summary]
    losses = [row["loss_nats"] for row in summary]  # format 1: of the token after
    return ["", *losses[:-1]]


def tokens_content(folder):
    """tokens.csv and summary.csv."""
    tokens, summary = rows_of(folder, "tokens.csv"), rows_of(folder, "summary.csv")
    integers = [(tokens, "position"), (tokens, "token"), (tokens, "generated"),
                (summary, "synaptic_events"), (summary, "hebbian_writes")]
    content = {column: numpy.array([int(row[column]) for row in rows], numpy.uint64)
               for rows, column in integers}
    content["text"] = text("\n".join(row["text"] for row in tokens))
    for column in ("position", "token"):
        assert [row[column] for row in summary] == [row[column] for row in tokens], folder
    for column in summary[0]:
        if column.startswith("active_"):
            content[column] = numpy.array([float(row[column]) for row in summary])
    texts = surprisals(summary)
    known = [k for k, value in enumerate(texts) if value]
    content["surprisal of"] = numpy.array(known, numpy.uint64)
    content["surprisal"] = numpy.array([float(texts[k]) for k in known])
    return content


def recording_content(path):
    """A report: what is committed of it."""
    with h5py.File(path) as f:
        start, stop, step = f["mapping/time"][:]
        rows = round((stop - start) / step)
        content = {"request": text(f.attrs["request"]), "time": f["mapping/time"][:]}
        if "logits" in f:
            return {**content, "values": f["logits"][:rows], "tokens": f["tokens"][:rows]}
        kind = "spikes" if "spikes" in f else "report"
        (population, group), = f[kind].items()
        content["population"] = text(population)
        content["variable"] = text(group.attrs["variable"])
        content["layer"] = numpy.uint64(group.attrs["layer"])
        if kind == "spikes":
            events = int(f["mapping/events"][0])
            return {**content, **{name: group[name][:events] for name in group}}
        content["values"] = group["data"][:rows]
        for name in ("node_ids", "index_pointers", "element_ids"):
            content[name] = group["mapping"][name][:]
        for name in f.get("synapses", ()):
            content["synapses " + name] = f["synapses"][name][:]
        if "synapses" in f:
            content["factor"] = text(f["synapses"].attrs["factor"])
        return content


def run_content(folder):
    """The folder of a run, or of several streams."""
    if os.path.exists(os.path.join(folder, "streams.json")):
        with open(os.path.join(folder, "streams.json")) as f:
            streams = json.load(f)["streams"]
        content = {}
        for stream in streams:
            name = stream["folder"]
            content.update(below(name, run_content(os.path.join(folder, name))))
            content[name + "/seed"] = numpy.uint64(stream["seed"])
        return content
    with open(os.path.join(folder, "run.json")) as f:
        run = json.load(f)
    content = {"status": text(run["status"]),
               "first position": numpy.uint64(run["first_position"]),
               "model": text(run["model"]["content_sha256"]), **tokens_content(folder)}
    for report in run["reports"]:
        name = report["file"]
        of_report = recording_content(os.path.join(folder, name))
        content.update(below(name.removesuffix(".h5"), of_report))
    return content
