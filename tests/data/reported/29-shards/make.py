"""Writes the inputs, each in a folder of its own, into the folder given, or beside itself."""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import LAYERS, OUT, state

WEIGHTS = {name: t.parts for name, t in state().items()}


def write(path, names):
    header, data = {}, b""
    for name in names:
        storage, _, shape = WEIGHTS[name][:3]
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [len(data), len(data) + len(storage.data)]}
        data += storage.data
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    return len(data)


def shards(folder, parts, stem="model", change=lambda index: None, left_out=(), mark=b""):
    """The names of tensors in `parts`; `change` is done to the index before it is written."""
    folder = os.path.join(OUT, folder)
    os.makedirs(folder, exist_ok=True)
    where, size = {}, 0
    for i, names in enumerate(parts):
        file = "%s-%05d-of-%05d.safetensors" % (stem, i + 1, len(parts))
        where.update({name: file for name in names})
        size += write(os.path.join(folder, file), names)
        if i in left_out:
            os.remove(os.path.join(folder, file))
    index = {"metadata": {"total_size": size}, "weight_map": where}
    change(index)
    with open(os.path.join(folder, stem + ".safetensors.index.json"), "wb") as file:
        file.write(mark + json.dumps(index, indent=2).encode())
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump({"n_layer": LAYERS}, file)


NAMES = list(WEIGHTS)
os.makedirs(os.path.join(OUT, "whole"), exist_ok=True)
write(os.path.join(OUT, "whole", "model.safetensors"), NAMES)
with open(os.path.join(OUT, "whole", "config.json"), "w", encoding="utf-8") as whole:
    json.dump({"n_layer": LAYERS}, whole)
shards("two", [NAMES[:3], NAMES[3:]])
shards("five", [[n] for n in NAMES[:4]] + [NAMES[4:]], stem="bdh", mark=b"\xef\xbb\xbf")
shards("one", [NAMES])
shards("no-metadata", [NAMES[:3], NAMES[3:]], change=lambda index: index.pop("metadata"))
shards("missing", [NAMES[:3], NAMES[3:]], left_out=(1,))


def renamed(index):
    index["weight_map"]["lm_heads"] = index["weight_map"].pop("lm_head")


def swapped(index):
    index["weight_map"]["encoder"] = index["weight_map"]["lm_head"]


def elsewhere(index):
    index["weight_map"]["encoder"] = "../two/model-00001-of-00002.safetensors"


def pickled(index):
    index["weight_map"]["encoder"] = "pytorch_model-00001-of-00002.bin"


def more(index):
    index["weight_map"]["gate"] = index["weight_map"]["lm_head"]


for change in (renamed, swapped, elsewhere, pickled, more):
    shards(change.__name__, [NAMES[:3], NAMES[3:]], change=change)
shards("too-small", [NAMES[:3], NAMES[3:]],
       change=lambda index: index["metadata"].update(total_size=1 << 20))
shards("no-map", [NAMES[:3], NAMES[3:]], change=lambda index: index.pop("weight_map"))
shards("repeated", [NAMES[:3], NAMES[2:]])
shards("cut", [NAMES[:3], NAMES[3:]], change=lambda index: index["metadata"].clear())
with open(os.path.join(OUT, "cut", "model-00002-of-00002.safetensors"), "r+b") as cut:
    cut.truncate(os.path.getsize(cut.name) - 64)
with open(os.path.join(OUT, "cut", "damaged.json"), "w", encoding="utf-8") as damaged:
    damaged.write('{"weight_map": {"encoder": ')
shards("alone", [NAMES[:3], NAMES[3:]], left_out=(1,))
os.remove(os.path.join(OUT, "alone", "model.safetensors.index.json"))
