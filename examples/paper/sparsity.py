#!/usr/bin/env python3
"""Sparse activations (sections 1.3 and 4.1): which share of the neurons is active, X and Y, layer
by layer.

    python3 examples/paper/sparsity.py [MODEL] [--text FILE]"""
from common import TEXT, Study, main, mean, percent, table, windows


def ordered(values, share):
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def body():
    study = Study(__doc__)
    study.add("--text", metavar="FILE", default=TEXT,
              help="that the model reads [text.txt of this folder, which no model was trained on]")
    study.add("--window", metavar="N", type=int, default=512,
              help="tokens after which synapses start from zero [512, as the bundled model was "
              "trained]")
    o = study.begin()
    text = study.read(o.text, 200 if o.quick else None)
    lines = [line for run in study.read_through(windows(text, o.window)) for line in run]
    layers = range(1, study.about["layers"] + 1)

    def active(variable, l):
        return [line[f"active_{variable}_{l}"] for line in lines]
    rows = []
    for variable, paper in (("y", "about 5 %"), ("x", "about 5 %")):
        all = [v for l in layers for v in active(variable, l)]
        rows.append((f"active {variable.upper()}, all layers and tokens", paper,
                     percent(mean(all))))
        for l in layers:
            values = active(variable, l)
            rows.append((f"  layer {l}: mean; 5 % to 95 % of the tokens", None,
                         f"{percent(mean(values))}; {percent(ordered(values, .05))} to "
                         f"{percent(ordered(values, .95))}"))
    known = [line["surprisal_nats"] for line in lines if line["surprisal_nats"] is not None]
    rows.append(("tokens; nats per token", None, f"{len(lines)}; {mean(known):.3f}"))
    source = "section 1.3 for Y, section 4.1 for X ('in a typical training run')"
    table("Sparse activations", source, study, rows, [
        """The paper does not say of which model these shares are; its models have n = 24576 and
        more. A neuron counts as active when its value is not zero, here as there.""",
        """The paper's X grows from layer to layer (Eq. 8: x_l = x_{l-1} + ...), so a neuron once
        active stays so; the released code, and every model that it trained, makes X anew in each
        layer.""",
        """No penalty was put on activity in training, there or here. Weights that nothing trained
        give about half of X and a quarter of Y.""",
    ])


main(body)
