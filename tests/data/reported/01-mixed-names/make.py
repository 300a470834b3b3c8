"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, Tensor, save, state

s = state(rotation=False)


def renamed(**names):
    return {names[old.split(".")[0]]: tensor for old, tensor in s.items()}


def saved(weights, name):
    save({"model": weights, "config": CONFIG}, name)


saved(s, "plain.pt")
saved(renamed(encoder="decoder_x", encoder_v="decoder_y", decoder="encoder", lm_head="lm_head",
              embed="embed.weight"), "model.pt")
saved(renamed(encoder="decoder_x", encoder_v="encoder_v", decoder="decoder", lm_head="readout",
              embed="wte.weight"), "half.pt")
# an output layer has a row for each token
transposed = Tensor([s["lm_head"].values[hub * 256 + token] for token in range(256)
                     for hub in range(4)], (256, 4))
weights = renamed(encoder="encoder", encoder_v="encoder_v", decoder="E", lm_head="head.weight",
                  embed="token_embedding.weight")
weights["head.weight"] = transposed
saved(weights, "output-layer.pt")
saved(renamed(encoder="Dx", encoder_v="Dy", decoder="decoder", lm_head="lm_head",
              embed="embed.weight"), "port.pt")
saved({**s, "encoder_x": s["encoder"], "wte.weight": s["embed.weight"]}, "two-readings.pt")
