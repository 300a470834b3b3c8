#!/usr/bin/env python3
"""Spiking neurons (sections 2.1 and 2.5): the model's rules carried out with signals of 0 and 1,
and what that costs in loss.

    python3 examples/paper/spiking.py [MODEL] [--text FILE] [--calibrate FILE]"""
import os
import tempfile

from common import TEXT, Study, main, table

ADDITION, MULTIPLY_ADD = 0.9, 4.6  # pJ, of 32-bit floats, the usual figures for 45 nm


def body():
    study = Study(__doc__)
    study.add("--text", metavar="FILE", default=TEXT,
              help="that the model reads [text.txt of this folder, which no model was trained on]")
    study.add("--calibrate", metavar="FILE", help="that scales are measured on [that of --text]")
    study.add("--window", metavar="N", type=int, default=512,
              help="tokens after which synapses start from zero [512]")
    study.add("--seed", type=int, default=1)
    o = study.begin()
    limit = ["--limit", 150] if o.quick else []
    with tempfile.TemporaryDirectory(prefix="bdh-paper-") as folder:
        scales = os.path.join(folder, "scales.json")
        study.bdh("spike-scales", study.model, "--text-file", o.calibrate or o.text, "--window",
                  o.window, *limit, "-o", scales, *study.threads)

        def measured(*options):
            return study.bdh("evaluate", study.model, "--text-file", o.text, "--window", o.window,
                             *limit, "--spike-scales", scales, "--seed", o.seed, *study.threads,
                             *options)
        integrate = ("--spike-code", "integrate")
        settings = [(f"Bernoulli, K = {k}", ("--spikes", str(k)))
                    for k in ((8, 32) if o.quick else (1, 4, 8, 16, 32, 64, 128))]
        settings += [("integrate, X 8 and Y 32 bins", ("--spikes", "x=8,y=32", *integrate)),
                     ("hubs too, AND gates, Bernoulli, K = 32", ("--spikes", "32",
                                                                 "--spike-hubs")),
                     ("hubs too, all pairs, integrate, K = 32",
                      ("--spikes", "32", "--spike-hubs", "--spike-pair", "all", *integrate))]
        rows = []
        for name, options in settings:
            found = measured(*options)
            spikes = found["spikes_per_token"]
            loss = found["nats_per_token"] - found["nats_per_token_graded"]
            sent = (f"X {spikes['x']:,.0f}, Y {spikes['y']:,.0f}"
                    + (f", {spikes['coincidences']:,.0f} coincidences"
                       if spikes["coincidences"] else ""))
            rows.append((f"{name}: loss more than graded; spikes a token", None,
                         f"{loss:+.4f} nats; {sent}"))
        rows.insert(0, ("loss with graded activity", None,
                        f"{found['nats_per_token_graded']:.4f} nats"))
        rows.insert(1, ("rules carried out with 0/1 signals, Pr[spike] = activity", "claimed",
                        "run"))
    table("Spikes in place of activity", "sections 2.1, 2.5 and table 1", study, rows, [
        """The paper states that its rules can be executed so; it reports no run. Sums, AND gates
        and the product of the gate are exact in expectation, thresholds and gains are not
        (docs/spiking.md), so the loss depends on how many bins a window has.""",
        f"""An event is one addition, {ADDITION} pJ, where a graded value that travels over an edge
        is one multiply-add, {MULTIPLY_ADD} pJ: spikes pay below
        {MULTIPLY_ADD / ADDITION:.1f} of them for each active value and edge. On a CPU they are
        slower.""",
        """Scales are percentiles of activity on the text of --calibrate: without another one, that
        of --text itself.""",
    ])


main(body)
