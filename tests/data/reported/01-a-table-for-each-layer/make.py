"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import LAYERS, PER, Tensor, save, state, table

weights = state("_orig_mod.", rotation=False)
for layer in range(LAYERS):
    weights["_orig_mod.attns.%d.freqs" % layer] = Tensor(table(), (1, 1, 1, PER))
save({"model": weights}, "model.pt")

# each layer's own copy of every matrix, in the two ways that modules name them
one = state()
save({"model": {f"{name}.{layer}" if name != "attn.freqs" else f"attn.{layer}.freqs": tensor
                for name, tensor in one.items() for layer in range(LAYERS)
                if name not in ("lm_head", "embed.weight")}
      | {name: one[name] for name in ("lm_head", "embed.weight")}}, "lists.pt")
copies = [state() for layer in range(LAYERS)]
save({"model": {f"layers.{layer}.{name}": tensor for layer in range(LAYERS)
                for name, tensor in copies[layer].items() if name not in ("lm_head", "embed.weight")}
      | {name: one[name] for name in ("lm_head", "embed.weight")},
      "config": {"per_layer_weights": True, "n_layer": LAYERS}}, "copies.pt")
save({"model": one, "config": {"n_layer": LAYERS}}, "plain.pt")

other = dict(weights)
other["_orig_mod.attns.1.freqs"] = Tensor(table(10000), (1, 1, 1, PER))
save({"model": other}, "other-table.pt")
save({"model": {f"layers.{layer}.{name}": tensor for layer in range(LAYERS)
                for name, tensor in state(seed=layer).items()
                if name not in ("lm_head", "embed.weight")}
      | {name: one[name] for name in ("lm_head", "embed.weight")}}, "other-layers.pt")
save({"model": weights, "config": {"n_layer": 4}}, "other-number.pt")
save({"model": one, "config": {"n_layer": LAYERS, "per_layer_weights": True}}, "one-set.pt")
