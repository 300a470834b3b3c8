"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, Tensor, call, instance, named, save, state


def saved(name, **keys):
    save({"model": state(), "config": dict(CONFIG, **keys)}, name)


saved("decay.pt", attention_decay=0.05)
saved("plain.pt")
saved("alibi.pt", rotary_embedding="alibi")
saved("nothing-changed.pt", attention_decay=None, compute_ticks=1, activation_history_mix=0.0)

saved("slope.pt", alibi_slope=0.05)
saved("slopes-of-heads.pt", alibi_slopes=[0.05, 0.05])
saved("half-life.pt", attention_half_life_tokens=13.862943611198906)
saved("ticks.pt", compute_ticks=2)
saved("layers.pt", n_layer=6)
save({"model": state(), "config": {"model": dict(CONFIG, attention_decay="0.05")}}, "nested.pt")
save({"model": state(), "hparams": '{"n_layer": 3, "attentionDecay": 0.05}'}, "text.pt")
save({"model": state(), "args": instance("argparse.Namespace", attention_decay=0.05, **CONFIG)},
     "namespace.pt")
save({"model": state(), "attention_decay": 0.05, **CONFIG}, "outermost.pt")
save({"model": state(), "config": {"bdh.attention_decay": 0.05, **CONFIG}}, "dotted.pt")
save({"model": state(), "config": CONFIG, "train_args": {"attention_decay": 0.05, "lr": 0.1}},
     "training.pt")
# what programs write when nothing was changed
saved("defaults.pt", per_layer_weights=False, architecture_variant="bdh_v1",
      activation_history_decay=0.5, activation_history_target="x", activation_history_max_mix=0.5,
      learned_activation_history=False, learned_attention_decay=False, adaptive_compute=False,
      adaptive_min_ticks=1, adaptive_max_ticks=1, adaptive_logit_delta_threshold=0.0,
      mlp_internal_dim_multiplier=2, alibi_slope=0.0, k_sparse_ratio=0.0, no_bptt=True,
      tie_weights=False, relu_threshold=0.0, n_expert=1, use_moe=False, use_rope=True,
      rope_scaling=None, sliding_window=None, strict_causal=True, rotary_embedding="rope",
      use_session_memory=False, block_size=None, activation="relu", attention="linear")

saved("objects.pt", attention={"type": "linear", "causal": True}, moe={"enabled": False, "n_expert": 4},
      rope={"enabled": True, "theta": 65536}, useRoPE=True, hidden_act=call(named("bdh.Act"), "relu"),
      activation=named("torch.nn.functional.relu", False))
save({"model": state(), "BDHConfig": dict(CONFIG, attentionDecay=0.05)}, "camel.pt")

# what is not computed here
saved("learned-decay.pt", attention_decay=0.05, learned_attention_decay=True)
saved("two-slopes.pt", alibi_slopes=[0.5, 0.25])
saved("history.pt", activation_history_mix=0.1)
saved("no-mask.pt", causal=False)
saved("window.pt", sliding_window=16)
saved("softmax.pt", softmax=True)
saved("sparse.pt", k_sparse_ratio=0.05)
saved("experts.pt", n_expert=4)
saved("untied.pt", per_layer_weights=True)
saved("off.pt", rotary_embedding=False)
saved("pope.pt", rotaryEmbedding="pope")
saved("adaptive.pt", adaptive_compute=True)
saved("two-rates.pt", attention_decay=0.05, alibi_slope=0.1)
saved("half-ticks.pt", compute_ticks=1.5)
save({"model": state(), "config": CONFIG, "rope_scaling": {"type": "yarn", "factor": 4}},
     "scaling-outermost.pt")
saved("no-positions.pt", pos_encoding="none")
saved("absent-positions.pt", pos_encoding=None)
saved("softmax-type.pt", attention={"type": "softmax"})
saved("softmax-name.pt", attention="softmax")
saved("moe.pt", moe={"enabled": True, "n_expert": 4})
saved("rope-off.pt", rope={"enabled": False})
saved("no-mask-type.pt", mask="none")
save({"model": state(), "config": "n_layer: 3\nattention_decay: 0.05\n"}, "yaml.pt")
# a small file whose configuration is enormous when every path through it is walked
many = ["y" * 1000] * 10
for level in range(12):
    many = [many] * 10
saved("enormous.pt", many=many, attention_decay=0.05)
save({"model": state(), "many": many, "config": dict(CONFIG, attention_decay=0.05)},
     "enormous-beside.pt")
saved("gelu.pt", activation="gelu")

saved("not-known.pt", wobble=0.5, nested={"wibble": "x"}, loss=1.25)
learned = state()
learned["attn.attention_decay"] = Tensor([-2.9, -2.9], (2, 1, 1))
save({"model": learned, "config": CONFIG}, "learned-tensor.pt")
