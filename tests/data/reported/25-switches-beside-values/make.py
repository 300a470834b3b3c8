"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, save, state


def saved(name, **keys):
    save({"model": state(), "config": dict(CONFIG, **keys)}, name)


saved("plain.pt")
saved("rate.pt", attention_decay=0.1)
saved("six-layers.pt", n_layer=6)

# off, in many ways, beside a value
saved("alibi-off.pt", use_alibi=False, alibi_slope=0.1)
saved("alibi-bare.pt", alibi=False, alibi_slopes=[0.1, 0.1])
saved("alibi-none.pt", alibi=None, alibi_slope=0.1)
saved("alibi-heads.pt", useAlibi="false", alibi_slopes=[0.1, 0.2])
saved("alibi-text.pt", alibi_enabled="off", alibi_slope=0.1)
saved("no-alibi.pt", no_alibi=True, alibi_slope=0.1)
saved("decay-off.pt", use_decay=False, attention_decay=0.1)
saved("decay-learned.pt", use_decay=False, attention_decay=0.1, learned_attention_decay=True)
saved("decay-word.pt", enable_attention_decay=0, attention_decay="auto")
saved("half-life-off.pt", use_decay=False, attention_half_life_tokens=100)
saved("half-life-own.pt", half_life_enabled=False, attention_half_life_tokens=100)
saved("decay-object.pt", attention_decay={"enabled": False, "rate": 0.1})
saved("decay-false.pt", attention_decay=False)
saved("window-off.pt", sliding_window_enabled=False, attn_window=2)
saved("window-used.pt", use_sliding_window=False, sliding_window=2)
saved("ticks-off.pt", use_compute_ticks=False, compute_ticks=2)
saved("experts-off.pt", use_moe=False, n_experts=4)
saved("lora-off.pt", lora_r=8, use_lora=False)
saved("sparse-off.pt", k_sparse_enabled=False, k_sparse_ratio=0.05)
saved("scaling-off.pt", use_rope_scaling=False, rope_scaling={"type": "linear", "factor": 4.0})
saved("scaling-inside.pt", rope_scaling={"enabled": False, "type": "linear", "factor": 4.0})
saved("history-off.pt", activation_history_enabled=False, activation_history_mix=0.1)
save({"model": state(), "use_decay": False, "attention_decay": 0.1, **CONFIG}, "outermost.pt")
save({"model": state(), "config": {"bdh.use_decay": False, "bdh.attention_decay": 0.1, **CONFIG}},
     "dotted.pt")
saved("nested.pt", attention={"use_decay": False, "attention_decay": 0.1})

# on, with a value
saved("alibi-on.pt", use_alibi=True, alibi_slopes=[0.1, 0.1])
saved("alibi-on-bare.pt", alibi=True, alibi_slope=0.1)
saved("decay-on.pt", decay_enabled=True, attention_decay=0.1)
saved("alibi-off-decay-on.pt", use_alibi=False, attention_decay=0.1)
saved("not-disabled.pt", disable_decay=False, attention_decay=0.1)
saved("ticks-on.pt", compute_ticks_enabled=True, compute_ticks=2)

# on, without one
saved("alibi-alone.pt", use_alibi=True)
saved("decay-alone.pt", use_decay=True)
saved("decay-learned-alone.pt", use_decay=True, learned_attention_decay=False)
saved("window-alone.pt", use_sliding_window=True)
saved("experts-alone.pt", moe_enabled=True)
# the released code has these
saved("rope-enabled.pt", rope_enabled=True)
saved("rope-disabled.pt", rope_enabled=False)
saved("no-rope.pt", no_rope=True)

# contradictions
saved("both.pt", use_alibi=False, alibi_enabled=True, alibi_slope=0.1)
saved("elsewhere.pt", attention={"use_decay": False}, attention_decay=0.1)
saved("other-part.pt", use_decay=False, alibi_slope=0.1)
