"""Writes the inputs into the folder given, or beside itself: whole files of tokenizers among what a
checkpoint has beside its weights, and among these."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, OUT, Tensor, save, state

TOKENS = 512
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tokenizers")


def contents(name):
    with open(os.path.join(FILES, name), "rb") as file:
        return file.read()


def saved(file, config=None, tensors=None, tokens=TOKENS, **keys):
    weights = state(tokens=tokens)
    weights.update(tensors or {})
    save({"model": weights, "config": {**CONFIG, "vocab_size": tokens, **(config or {})}, **keys},
         file, protocol=3)


def as_tensor(data, kind="Byte"):
    return Tensor(list(data), (len(data),), kind)


PIECES, JSON = contents("bpe.model"), contents("byte_level.json")
with open(os.path.join(OUT, "bpe.model"), "wb") as f:
    f.write(PIECES)
saved("plain.pt")
saved("bytes.pt", tokenizer_model=PIECES)
saved("sp-model.pt", sp_model=PIECES)
saved("spm.pt", config={"spm": PIECES})
saved("nested.pt", tokenizer={"type": "sentencepiece", "model": PIECES})
saved("twice.pt", spm=PIECES, tokenizer={"sentencepiece": {"proto": PIECES}})
saved("tensor.pt", tensors={"spiece_model": as_tensor(PIECES)})
saved("json.pt", tokenizer_json=JSON.decode())
saved("json-bytes.pt", tokenizer=JSON)

saved("two.pt", spm=PIECES, tokenizer_model=contents("unigram.model"))
saved("damaged.pt", spm_model=PIECES[:3000])
saved("damaged-tensor.pt", tensors={"tokenizer_model": as_tensor(PIECES[:3000])}, tokens=256)
saved("too-many.pt", spm=PIECES, tokens=64)
saved("another-name.pt", notes=PIECES)
saved("integers.pt", tensors={"tokenizer_model": as_tensor(PIECES[:100], "Long")})
