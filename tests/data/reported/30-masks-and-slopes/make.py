"""Writes the inputs into the folder given, or beside itself: buffers of attention that programs keep
among the weights."""
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import HEADS, LAYERS, Tensor, save, state

SIZE = 6


def mask(value, kind="Float", axes=0):
    """`value`: of row and column."""
    return Tensor([value(i, j) for i in range(SIZE) for j in range(SIZE)],
                  (1,) * axes + (SIZE, SIZE), kind)


def saved(file, prefix="", **tensors):
    """`__` in names is a point."""
    weights = state(prefix)
    weights.update({prefix + name.replace("__", "."): t for name, t in tensors.items()})
    save({"model": weights, "config": {"n_layer": LAYERS}}, file)


def before(i, j):
    return j < i


def up_to(i, j):
    return j <= i


saved("plain.pt")
saved("strict.pt", attn__mask=mask(before))
saved("strict-bool.pt", causal_mask=mask(before, "Bool"))
saved("strict-left-out.pt", "_orig_mod.", attn__mask=mask(lambda i, j: j >= i, "Bool", 2))
saved("nanogpt.pt", attn__bias=mask(up_to, axes=2))
saved("tril.pt", tril=mask(up_to, "Half"))
saved("tril-of-layers.pt", **{f"blocks__{i}__attn__tril": mask(up_to, "Byte")
                              for i in range(LAYERS)})
saved("triu.pt", attn__triu=mask(lambda i, j: j > i, "Bool"))
saved("infinite.pt", attn_mask=mask(lambda i, j: 0 if j <= i else -math.inf))
saved("large.pt", attn_mask=mask(lambda i, j: 0 if j < i else -65504, "BFloat16"))
saved("gpt2.pt", attn__bias=mask(up_to, "Bool", 2), attn__masked_bias=Tensor([-1e9], ()))

saved("all.pt", attn__mask=mask(lambda i, j: 1))
saved("window.pt", attn__mask=mask(lambda i, j: i - 2 <= j <= i))
saved("one-hole.pt", attn__tril=mask(lambda i, j: j <= i and (i, j) != (4, 1), "Bool"))
saved("later.pt", attn__mask=mask(lambda i, j: -1 if j < i else 0))
saved("weights.pt", attn__bias=mask(lambda i, j: (i * 7 + j) / 50))
saved("nan.pt", attn__mask=mask(lambda i, j: 1 if j < i else math.nan))
saved("row.pt", attn__bias=Tensor([0.0] * SIZE, (SIZE,)))

saved("slopes.pt", attn__alibi_slopes=Tensor([0.5, 0.25], (HEADS, 1, 1)))
saved("decay.pt", log_decay=Tensor([-3.0, -4.0], (HEADS,)))
