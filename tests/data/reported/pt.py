"""PyTorch files from the standard library alone: a tiny BDH (2 heads of 4 neurons, 4 hubs, 3
layers) and what stands beside it. What a maker saves goes into the folder that it is given."""
import collections
import io
import math
import os
import pickle
import random
import struct
import sys
import types
import zipfile

HEADS, HUBS, PER, TOKENS, LAYERS = 2, 4, 4, 256, 3
CONFIG = {"n_layer": LAYERS, "n_embd": HUBS, "n_head": HEADS, "vocab_size": TOKENS, "dropout": 0.1}
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(sys.argv[0]))


def named(path, is_class=True):
    """A stand-in for the class or function of this name."""
    where, name = path.rsplit(".", 1)
    parts = where.split(".")
    for i in range(len(parts)):
        module = ".".join(parts[:i + 1])
        sys.modules.setdefault(module, types.ModuleType(module))
    module = sys.modules[where]
    if not hasattr(module, name):
        made = type(name, (), {}) if is_class else (lambda *a: None)
        made.__module__, made.__name__, made.__qualname__ = where, name, name
        setattr(module, name, made)
    return getattr(module, name)


def call(function, *arguments):
    """Pickles as a call."""
    return type("Call", (), {"__reduce__": lambda self: (function, arguments)})()


def instance(path, **state):
    """Pickles as an object of this class with this state."""
    made = named(path)()
    made.__dict__.update(state)
    return made


def bfloat16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


KINDS = {"Float": "f", "Half": "e", "Double": "d", "BFloat16": "H", "Long": "q", "Int": "i",
         "Short": "h", "Char": "b", "Byte": "B", "Bool": "?"}


class Storage:
    """`kind` None: untyped, of bytes."""

    def __init__(self, values, kind="Float"):
        if kind is None:
            self.type, self.data = named("torch.storage.UntypedStorage"), bytes(values)
        else:
            if kind == "BFloat16":
                values = [bfloat16(x) for x in values]
            self.type = named("torch.%sStorage" % kind)
            self.data = struct.pack("<%d%s" % (len(values), KINDS[kind]), *values)
        self.count = len(values)


def contiguous(shape):
    return tuple(math.prod(shape[i + 1:]) for i in range(len(shape)))


class Tensor:
    """Of values, or of a storage that others may share. `dtype`: of an untyped storage."""

    def __init__(self, values, shape, kind="Float", stride=None, offset=0, dtype=None):
        self.values = values
        storage = values if isinstance(values, Storage) else Storage(values, kind)
        self.parts = (storage, offset, tuple(shape),
                      contiguous(shape) if stride is None else tuple(stride), False,
                      collections.OrderedDict())
        self.function = named("torch._utils._rebuild_tensor_v2", False)
        if dtype is not None:
            self.parts += (named("torch." + dtype),)
            self.function = named("torch._utils._rebuild_tensor_v3", False)

    def __reduce__(self):
        return self.function, self.parts


class Writer(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            if thing not in self.storages:
                self.storages.append(thing)
            return "storage", thing.type, str(self.storages.index(thing)), "cpu", thing.count
        return None


def save(thing, name, protocol=2):
    stream = io.BytesIO()
    writer = Writer(stream, protocol=protocol)
    writer.storages = []
    writer.dump(thing)
    with zipfile.ZipFile(os.path.join(OUT, name), "w", zipfile.ZIP_STORED) as z:
        z.writestr("a/data.pkl", stream.getvalue())
        z.writestr("a/byteorder", b"little")
        for i, storage in enumerate(writer.storages):
            z.writestr("a/data/%d" % i, storage.data)
        z.writestr("a/version", b"3\n")


def table(theta=65536.0, per=PER):
    """In float32, as PyTorch computes it, nearly."""
    return [theta ** -(i // 2 * 2 / per) / (2 * math.pi) for i in range(per)]


def shapes(tokens=TOKENS, per=PER):
    return (("encoder", (HEADS, HUBS, per)), ("encoder_v", (HEADS, HUBS, per)),
            ("decoder", (HEADS * per, HUBS)), ("lm_head", (HUBS, tokens)),
            ("embed.weight", (tokens, HUBS)))


def state(prefix="", tokens=TOKENS, rotation=True, seed=1, per=PER, kind="Float"):
    draw = random.Random(seed)
    made = collections.OrderedDict()
    for name, shape in shapes(tokens, per):
        values = [draw.gauss(0, 0.3) for _ in range(math.prod(shape))]
        made[prefix + name] = Tensor(values, shape, kind)
    if rotation:
        made[prefix + "attn.freqs"] = Tensor(table(per=per), (1, 1, 1, per))
    return made
