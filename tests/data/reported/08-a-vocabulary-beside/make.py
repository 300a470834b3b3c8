"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, save, state

letters = [chr(c) for c in range(32, 97)]
s = state(tokens=65)
config = dict(CONFIG, vocab_size=65)
stoi = {c: i for i, c in enumerate(letters)}
save({"model": s, "config": config, "stoi": stoi}, "stoi.pt")
save({"model": "bdh", "state_dict": s, "config": dict(config, block_size=128), "vocab": letters},
     "vocab.pt")
save({"model": s, "config": config}, "plain.pt")
# keys of configurations in what is none
save({"model": s, "config": config, "metrics": {"L": 0.5, "H": 1.5, "n_layer": 7},
      "dataset": {"vocab_size": 50257, "block_size": 64}, "meta": {"stoi": stoi, "vocab_size": 65},
      "data_config": {"n_head": 9}}, "metrics.pt")
save({"model": s, "config": dict(config, data={"vocab_size": 50257, "seq_len": 3},
                                 tokenizer={"vocab_size": 50257}, stoi=stoi)}, "inside.pt")
save({"model": s, "config": dict(config, max_seq_len=64), "train_config":
      {"block_size": 32, "n_layer": 3, "learning_rate": 1e-3, "patience": 5}}, "windows.pt")
