"""Writes the inputs into the folder given, or beside itself."""
import array
import json
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, OUT, Tensor, save, state

draw = random.Random(1)


def some(count):
    return array.array("f", (draw.gauss(0, 0.3) for _ in range(count))).tobytes()


good = [("decoder", "F32", [8, 4], some(32)), ("encoder", "F32", [2, 4, 4], some(32)),
        ("encoder_v", "F32", [2, 4, 4], some(32)), ("lm_head", "F32", [4, 256], some(1024)),
        ("embed.weight", "F32", [256, 4], some(1024))]


def write(name, tensors):
    header, at = {"__metadata__": {"n_layer": "3"}}, 0
    for key, kind, shape, data in tensors:
        header[key] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(t[3] for t in tensors))


def encoder_as(kind, divisor):
    return [(key, kind, shape, data[:len(data) // divisor]) if key == "encoder" else
            (key, of, shape, data) for key, of, shape, data in good]


write("plain.safetensors", good)
write("scale-beside.safetensors", good + [("encoder_scale", "F8_E8M0", [4], bytes([127] * 4))])
write("four-bits-beside.safetensors", good + [("packed", "F4", [8], bytes(4))])
write("fp8-weights.safetensors", encoder_as("F8_E4M3", 4))
write("four-bits.safetensors", encoder_as("F4", 8))
write("int8.safetensors", encoder_as("I8", 4))


def typed(dtype, size):
    s = state()
    s["encoder"] = Tensor(bytes(size), (2, 4, 4), None, dtype=dtype)
    return {"model": s, "config": CONFIG}


save(typed("float8_e4m3fn", 32), "fp8-weights.pt")
save(typed("float99_new", 32), "unknown.pt")
beside = state()
beside["encoder_scale"] = Tensor(bytes([127] * 4), (4,), None, dtype="float8_e8m0fnu")
save({"model": beside, "config": CONFIG}, "scale-beside.pt")
