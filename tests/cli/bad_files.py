"""Makers of bad files, for the tests of bad input: each is called with the path of the file to make
and the folder of good ones."""
import json
import os
import pickle
import struct
import zipfile

from program import RANDOM, convert, small_checkpoint

GOOD = f"{RANDOM}/model.safetensors"
GOOD_PT = f"{RANDOM}/model.pt"
NAN, INFINITY = float("nan"), float("inf")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def nothing(path, good):
    pass


def content(data):
    return lambda path, good: write(path, data)


def changed(source, change):
    """A good file (a path, or a name such as "model") after `change`, bytes to bytes."""
    return lambda path, good: write(path, change(read(good.get(source, source))))


def copied(source):
    return changed(source, lambda data: data)


def flipped(at, bit=3):
    """One bit, `at` bytes from the start, or that part of the length."""
    def flip(data):
        i = int(at * len(data)) if isinstance(at, float) else at
        return data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1:]
    return flip


def cut(part):
    return lambda data: data[:int(part * len(data))]


def folder(path, good):
    os.mkdir(path)


def converted(*options):
    return lambda path, good: convert(GOOD, path, "--state", "n_layer=3", *options)


def hostile(kind, *options):
    return lambda path, good: convert(GOOD, path, "--hostile", kind, *options)


def header(text, body=b"\0" * 64):
    """A safetensors file with this header."""
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return content(struct.pack("<Q", len(text)) + text + body)


def one_tensor(dtype="F32", shape=(4, 4), offsets=(0, 64)):
    return header({"encoder": {"dtype": dtype, "shape": list(shape),
                               "data_offsets": list(offsets)}})


def small(vocabulary=16, **changes):
    return lambda path, good: small_checkpoint(path, vocabulary, **changes)


def pickled(data, name="archive/data.pkl", method=zipfile.ZIP_STORED, more=()):
    def make(path, good):
        with zipfile.ZipFile(path, "w", method) as z:
            z.writestr(name, data)
            for other, text in more:
                z.writestr(other, text)
    return make


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def calling(function, *arguments):
    return lambda path, good: pickled(pickle.dumps({"encoder": Calls(function, *arguments)}, 2,
                                                   fix_imports=False))(path, good)


def bomb(path, good):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
        with z.open("archive/data.pkl", "w", force_zip64=True) as entry:
            for _ in range(1024):
                entry.write(b"\0" * (1 << 20))  # 1 GiB in 5 MB


def several(**files):
    """A folder `path` with these files in it."""
    def make(path, good):
        os.mkdir(path)
        for name, maker in files.items():
            maker(os.path.join(path, name.replace("__", ".")), good)
    return make
