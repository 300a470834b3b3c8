"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, Tensor, save, state


def saved(name, rotation=True, **keys):
    save({"model": state(rotation=rotation), "config": dict(CONFIG, **keys)}, name)


saved("plain.pt")
saved("plain-theta.pt", rotation=False, rope_theta=10000)
saved("plain-decay.pt", compute_ticks=2, attention_decay=0.05)

# flags and texts where a number belongs
for key in ("attention_decay", "alibi_slope", "attention_half_life_tokens", "rope_theta",
            "layer_norm_eps", "context_window", "n_layer", "n_head", "vocab_size", "compute_ticks",
            "sliding_window", "activation_history_mix", "mlp_internal_dim_multiplier"):
    saved("true-%s.pt" % key, **{key: True})
    saved("text-%s.pt" % key, **{key: "true"})
    saved("word-%s.pt" % key, **{key: "auto"})
for key in ("n_layer", "rope_theta", "layer_norm_eps", "block_size", "compute_ticks"):
    saved("false-%s.pt" % key, **{key: False})
saved("slopes-true.pt", alibi_slopes=[True, True])
saved("loops-text.pt", n_loops="true")
saved("factor-true.pt", rope_scaling={"type": "linear", "factor": True})
saved("causal-number.pt", causal=2)
saved("tied-word.pt", tie_weights="partly")
# numbers in texts are numbers, and flags in texts or numbers are flags
saved("numbers-in-texts.pt", n_head="2", causal="True", tie_weights=0, compute_ticks="1.0")

# as Weights & Biases keeps keys
saved("wrapped.pt", compute_ticks={"value": 2}, attention_decay={"value": 0.05, "desc": None})
saved("wrapped-all.pt", **{k: {"desc": "of the model", "value": v} for k, v in CONFIG.items()},
      compute_ticks={"value": 2}, attention_decay={"value": "0.05"})
saved("wrapped-theta.pt", rotation=False, rope_theta={"value": 10000})
saved("wrapped-object.pt", rotation=False, rope_parameters={"value": {"rope_theta": 10000}})
saved("wrapped-switch.pt", use_decay={"value": False}, attention_decay={"value": 0.1})
saved("wrapped-unknown.pt", wobble={"value": 3})
# values of another shape
saved("wrapped-more.pt", attention_decay={"value": 0.05, "learnable": True})
saved("wrapped-twice.pt", attention_decay={"value": {"value": 0.05}})
saved("learned.pt", attention_decay={"learnable": True, "init": 0.1})
saved("ticks-list.pt", compute_ticks=[2])
saved("theta-object.pt", rope_theta={"base": 10000})
saved("slopes-empty.pt", alibi_slopes=[])
saved("slopes-object.pt", alibi_slopes={"0": 0.1, "1": 0.1})
saved("layers-list.pt", n_layer=[3])
saved("causal-list.pt", causal=[True])
saved("bytes.pt", compute_ticks=b"2")
saved("tensor.pt", compute_ticks=Tensor([2.0], ()))
save({"model": state(), "config": {"compute_ticks": Tensor([2.0], ()),
                                   "alibi_slopes": Tensor([0.1, 0.2], (2,))}}, "tensors-only.pt")
save({"model": state(), "params": {"a": Tensor([2.0], ()), "b": Tensor([0.1, 0.2], (2,))},
      "config": CONFIG}, "other-tensors.pt")
saved("inside-harmless.pt", parameters={"attention_decay": 0.05, "compute_ticks": 2})

# keys that may be about sampling or speed, or about what is computed
saved("topk.pt", topk=16)
saved("top-k.pt", top_k=16)
saved("temperature.pt", temperature=0.5)
saved("block.pt", block_sparse=True)
saved("sampling.pt", top_k=50, top_p=1.0, temperature=1.0, do_sample=False)
saved("unclear-off.pt", topk=0, block_sparse=False)
