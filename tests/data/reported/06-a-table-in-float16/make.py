"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, Tensor, save, state, table

s = state(per=64)
s["attn.freqs"] = Tensor(table(per=64), (1, 1, 1, 64), "Half")
save({"model": s, "config": CONFIG}, "model.pt")
half = state(per=64, kind="Half")
half["attn.freqs"] = Tensor(table(per=64), (1, 1, 1, 64), "Half")
save({"model": half, "config": CONFIG}, "all-half.pt")
small = state(per=64)  # the smallest are below float16's
small["attn.freqs"] = Tensor(table(1e9, per=64), (1, 1, 1, 64), "Half")
save({"model": small, "config": CONFIG}, "subnormal.pt")
save({"model": state(per=64, rotation=False), "config": CONFIG}, "no-table.pt")
