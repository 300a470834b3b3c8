"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import struct

from pt import CONFIG, Tensor, save, state, table

PER = 64


def rounded(x, bits):
    """To so many significant bits, as casts do."""
    pattern, drop = struct.unpack("<I", struct.pack("<f", x))[0], 24 - bits
    if drop:
        pattern = pattern + (1 << (drop - 1)) - 1 + ((pattern >> drop) & 1)
        pattern = pattern >> drop << drop
    return struct.unpack("<f", struct.pack("<I", pattern))[0]


def saved(name, values, kind="Float", **config):
    s = state(per=PER)
    s["attn.freqs"] = Tensor(values, (1, 1, 1, PER), kind)
    save({"model": s, "config": dict(CONFIG, **config)}, name)


saved("model.pt", [rounded(x, 8) for x in table(per=PER)])
saved("exact.pt", table(per=PER))
saved("bits-5.pt", [rounded(x, 5) for x in table(per=PER)])
saved("bits-13.pt", [rounded(x, 13) for x in table(per=PER)], block_size=128)
saved("bfloat16.pt", table(per=PER), "BFloat16")
saved("other-theta.pt", [rounded(x, 8) for x in table(50000, per=PER)])
saved("contradiction.pt", table(per=PER), rope_theta=10000.0)
saved("agreement.pt", table(per=PER), rope_theta=65536)
saved("radians.pt", [x * 6.283185307179586 for x in table(per=PER)])
saved("powers-of-two.pt", [2.0 ** -(i // 2) for i in range(PER)])
