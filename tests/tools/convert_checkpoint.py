#!/usr/bin/env python3
"""Writes a BDH checkpoint of the released layout (safetensors) in any layout, format and element
type that the importer reads.

For the importer's tests; needs Python's standard library alone. PyTorch files are written as
torch.save writes them, by pickling stand-ins for torch's classes; --hostile makes files that
must be refused (and some odd ones that must not).
"""
import argparse
import array
import collections
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile

DTYPES = {  # names in safetensors and in PyTorch
          "f32": ("F32", "FloatStorage"), "f16": ("F16", "HalfStorage"),
          "bf16": ("BF16", "BFloat16Storage"), "f64": ("F64", "DoubleStorage")}


class Tensor:
    """Row-major float32 values with a shape; `stride` (in elements) only where a view of the
    storage is meant."""

    def __init__(self, shape, data, stride=None):
        self.shape, self.data, self.stride = tuple(shape), data, stride


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = f.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", "the source must be float32"
        data = array.array("f")
        data.frombytes(body[slice(*entry["data_offsets"])])
        tensors[name] = Tensor(entry["shape"], data)
    return tensors


def transposed(t):
    rows, columns = t.shape
    data = array.array("f")
    for c in range(columns):
        data += t.data[c::columns]
    return Tensor((columns, rows), data)


def half_split(t):
    """(h, d, N): the pair (2m, 2m+1) of every head becomes (m, m+N/2)."""
    data, n = array.array("f"), t.shape[2]
    for begin in range(0, len(t.data), n):
        row = t.data[begin:begin + n]
        data += row[0::2] + row[1::2]
    return Tensor(t.shape, data)


def half_split_rows(t, heads):
    """(h*N, d): the same for the rows of every head."""
    data, d = array.array("f"), t.shape[1]
    n = t.shape[0] // heads
    for head in range(heads):
        for k in [*range(0, n, 2), *range(1, n, 2)]:
            begin = (head * n + k) * d
            data += t.data[begin:begin + d]
    return Tensor(t.shape, data)


def in_layout(source, layout, tied):
    t = dict(source)
    if layout == "released":
        return t
    if layout == "listing":
        return {"encoder": t["decoder"], "decoder_x": t["encoder"], "decoder_y": t["encoder_v"],
                "wte.weight": t["embed.weight"], "readout": t["lm_head"],
                "attn.freqs": t["attn.freqs"]}
    if layout == "educational":
        heads = t["encoder"].shape[0]
        return {"E": half_split_rows(t["decoder"], heads), "Dx": half_split(t["encoder"]),
                "Dy": half_split(t["encoder_v"]), "emb.weight": t["embed.weight"],
                "readout": t["lm_head"]}
    port = {"backbone." + name: t[name] for name in ("encoder", "encoder_v", "decoder",
                                                     "embed.weight")}
    return port if tied else {**port, "lm_head.weight": transposed(t["lm_head"])}


def encoded(data, dtype):
    if dtype == "f32":
        return data.tobytes()
    if dtype == "f64":
        return array.array("d", data).tobytes()
    if dtype == "f16":
        return struct.pack("<%de" % len(data), *data)
    bits = array.array("I", data.tobytes())
    # round to nearest even
    return array.array("H", [(x + 0x7FFF + ((x >> 16) & 1)) >> 16 for x in bits]).tobytes()


def write_safetensors(path, tensors, dtype, stated):
    header, body = {}, []
    if stated:
        header["__metadata__"] = {key: str(value) for key, value in stated.items()}
    begin = 0
    for name, t in tensors.items():
        body.append(encoded(t.data, dtype))
        header[name] = {"dtype": DTYPES[dtype][0], "shape": t.shape,
                        "data_offsets": [begin, begin + len(body[-1])]}
        begin += len(body[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(body))


def stand_in_torch():
    """Modules `torch` and `torch._utils` with just the names that torch.save refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ["LongStorage"] + [d[1] for d in DTYPES.values()]:
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        pass

    def _rebuild_parameter():
        pass

    for function in (_rebuild_tensor_v2, _rebuild_parameter):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(utils, function.__name__, function)
    torch._utils = utils
    sys.modules["torch"], sys.modules["torch._utils"] = torch, utils
    return torch


class Storage:
    def __init__(self, kind, data, count, key):
        self.kind, self.data, self.count, self.key = kind, data, count, key


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", thing.kind, thing.key, "cpu", thing.count)
        return None


class Rebuilt:
    """Pickles as a call of torch's function, as a tensor does."""

    def __init__(self, function, arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Danger:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


def write_torch(path, tensors, dtype, stated, wrapper, hostile, protocol):
    torch = stand_in_torch()
    storages = []

    def tensor(t, kind=dtype):
        storages.append(Storage(getattr(torch, DTYPES[kind][1]), encoded(t.data, kind), len(t.data),
                                str(len(storages))))
        stride = [1] * len(t.shape)
        for axis in range(len(t.shape) - 1, 0, -1):
            stride[axis - 1] = stride[axis] * t.shape[axis]
        offset = 1 if hostile == "reach" else 0
        arguments = (storages[-1], offset, t.shape, t.stride or tuple(stride), False,
                     collections.OrderedDict())
        made = Rebuilt(torch._utils._rebuild_tensor_v2, arguments)
        return Rebuilt(torch._utils._rebuild_parameter,
                       (made, True, collections.OrderedDict())) if hostile == "parameters" else made

    state = collections.OrderedDict()
    for name, t in tensors.items():
        if hostile == "strided" and len(t.shape) == 2:  # saved as a transposed view
            flipped = transposed(t)
            state[name] = tensor(Tensor(t.shape, flipped.data, (1, t.shape[0])))
        else:
            state[name] = tensor(t)
    # as nn.Module.state_dict() does
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    if hostile == "global":
        state["extra"] = Danger()
    if hostile == "self-reference":
        state["loop"] = state
    if hostile == "nested":
        state["layers"] = {0: tensor(Tensor((2,), array.array("f", [1, 2])))}
    thing = state
    if wrapper:
        moments = tensor(Tensor((3,), array.array("f", [0.5, float("nan"), 2])))
        optimizer = {"state": {0: {"step": 7, "exp_avg": moments}},
                     "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.95), "params": [0]}]}
        thing = {wrapper: state, "optimizer": optimizer, "epoch": 3, "loss": 1.25, "note": "text",
                 "config": dict(stated), "none": None, "set": {1, 2}}
        if hostile in ("model-configuration", "two-states"):
            thing["model"] = {"n_layer": 3} if hostile == "model-configuration" else state
    if hostile == "shared":  # small as a file, enormous when every path through it is walked
        large = {str(i): None for i in range(60000)}
        thing = {"key" + str(i): large for i in range(100000)}
    described = io.BytesIO()
    Pickler(described, protocol=protocol).dump(thing)
    write_zip(path, described.getvalue(), storages, hostile)


def write_zip(path, description, storages, hostile):
    method = zipfile.ZIP_DEFLATED if hostile == "deflate" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as z:
        z.writestr("archive/data.pkl", description)
        z.writestr("archive/byteorder", "big" if hostile == "big-endian" else "little")
        for s in storages:
            if hostile == "missing-storage" and s.key == "0":
                continue
            z.writestr("archive/data/" + s.key, s.data[:-1] if hostile == "short-storage"
                       and s.key == "0" else s.data)
        z.writestr("archive/version", "3\n")
        if hostile == "absolute-name":
            z.writestr(zipfile.ZipInfo("/etc/passwd"), "x")
        if hostile == "parent-name":
            z.writestr(zipfile.ZipInfo("archive/../../x"), "x")
        if hostile == "script":
            z.writestr("archive/constants.pkl", "x")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source")
    p.add_argument("target", help="*.safetensors, or *.pt for a PyTorch file")
    p.add_argument("--layout", choices=["released", "listing", "educational", "hugging-face"],
                   default="released")
    p.add_argument("--dtype", choices=DTYPES, default="f32")
    p.add_argument("--prefix", default="", help="put before every tensor's name")
    p.add_argument("--wrapper", default="", help="key of the state dictionary in an outer one, "
                   "optimizer state beside it (PyTorch)")
    p.add_argument("--state", action="append", default=[], metavar="KEY=NUMBER",
                   help="safetensors metadata, or `config` beside the wrapped state")
    p.add_argument("--tied", action="store_true", help="leave the Hugging Face port's readout out")
    p.add_argument("--no-table", action="store_true", help="leave the frequency table out")
    p.add_argument("--drop", action="append", default=[], help="leave this tensor out")
    p.add_argument("--add", action="append", default=[], metavar="NAME=N",
                   help="add a tensor of N ones")
    p.add_argument("--poke", action="append", default=[], metavar="NAME:I=X",
                   help="set element I of a tensor")
    p.add_argument("--protocol", type=int, default=2, help="pickle protocol")
    p.add_argument("--hostile", default="")
    a = p.parse_args()
    tensors = in_layout(read_safetensors(a.source), a.layout, a.tied)
    for name in a.drop + (["attn.freqs"] if a.no_table else []):
        tensors.pop(name, None)
    for text in a.add:
        name, size = text.split("=")
        tensors[name] = Tensor((int(size),), array.array("f", [1.0] * int(size)))
    for text in a.poke:
        name, where = text.split(":")
        index, number = where.split("=")
        changed = array.array("f", tensors[name].data)
        changed[int(index)] = float(number)
        tensors[name] = Tensor(tensors[name].shape, changed)
    tensors = {a.prefix + name: t for name, t in tensors.items()}
    stated = {key: json.loads(number) for key, number in (s.split("=") for s in a.state)}
    if a.target.endswith(".safetensors"):
        write_safetensors(a.target, tensors, a.dtype, stated)
    else:
        write_torch(a.target, tensors, a.dtype, stated, a.wrapper, a.hostile, a.protocol)


if __name__ == "__main__":
    main()
