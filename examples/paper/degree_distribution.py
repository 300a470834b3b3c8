#!/usr/bin/env python3
"""Degree distribution (section 5.5, figure 10 a): are the degrees of Gx within a head heavy-tailed,
and a power law?

The weights from the neurons of a head to themselves, cut at a threshold beta, at the mean degree
that the paper's graph has.

    python3 examples/paper/degree_distribution.py [MODEL] [--degree D] [--samples N]"""
import math

from common import Study, main, table

PAPER_NODES, PAPER_EDGES = 8192, 46820


def tail(degrees):
    law = degrees["power_law"]
    if law is None:
        return "none: " + degrees["no_power_law"]
    text = (f"exponent {law['alpha']:.2f} from {law['xmin']} on "
            f"({law['tail']} of {law['values']} neurons)")
    if "p" in law:
        text += f", p = {law['p']:.2g}" + (": ruled out" if law["p"] < 0.1 else "")
    return text


def rivals(degrees):
    """Vuong's test: above 0 the power law is the likelier."""
    law = degrees["power_law"]
    if law is None:
        return "-"
    return ", ".join(f"{name} {r['log_ratio']:+.1f} (p {r['p']:.1g})" for name,
                     r in law["against"].items())


def body():
    study = Study(__doc__)
    study.add("--degree", type=float, default=PAPER_EDGES / PAPER_NODES,
              help="mean number of excitatory edges a neuron [5.7, the paper's]")
    study.add("--samples", type=int, default=100, help="for the p values of the power laws [100]")
    o = study.begin()
    heads = study.about["heads"]
    per_head = study.about["populations"]["neurons"] // heads
    # of both signs, of which about half are excitatory
    keep = min(1.0, 2 * o.degree / (per_head - 1))
    rows, found = [], []
    for head in range(heads):
        arguments = ["--graph", "gx", "--head", head, "--keep",
                     f"{keep:.9f}"] + ([] if o.quick else ["--fit-p", o.samples])
        found.append(study.bdh("stats", study.model, *arguments, *study.threads)["results"][0])
    rows.append(("neurons of a head; excitatory edges", f"{PAPER_NODES}; {PAPER_EDGES}",
                 f"{per_head}; " + ", ".join(str(r["excitatory"]["edges"]) for r in found)))
    rows.append(("threshold beta", "1.2", ", ".join(f"{r['beta']:.3g}" for r in found)))
    for head, r in enumerate(found):
        for name in ("out", "in"):
            d, first = r["excitatory"][name + "_degree"], head == 0
            chance = 1 / math.sqrt(d["mean"]) if d["mean"] else 0
            rows += [(f"head {head}, {name}-degree: deviation / mean (of chance)",
                      "out more concentrated" if first and name == "out" else None,
                      f"{d['deviation'] / d['mean'] if d['mean'] else 0:.2f} ({chance:.2f})"),
                     ("  largest; neurons without", None, f"{d['largest']}; {d['without']}"),
                     ("  power law", "power-law-like, no exponent" if first else None, tail(d)),
                     ("  against others: ratio of likelihoods, log", None, rivals(d)),]
    table("Degree distribution of Gx within a head", "section 5.5, figure 10 (a)", study, rows, [
        """The paper shows one head of one of five models of 24M parameters, chosen as
        representative (n = 4 x 8192, d = 256, 8 layers), and says 'heavy-tailed, power-law-like',
        from the look of the figure: it gives no exponents and no test. Here every head,
        maximum-likelihood fits after Clauset, Shalizi and Newman, and p values (below 0.1 a power
        law is ruled out).""",
        """The paper's beta is 1.2, where by its figure 9 (a) the right tail leaves the noise;
        weights of another model have another scale, so that the mean degree is matched instead.""",
        """Here edges lead from the neuron that sends to the one that receives, so in-degree counts
        a row of Gx = Dx E. The paper does not say which of rows and columns its out-degree counts:
        compare both ways. Gx is here with the centring of the normalisation in it (docs/theory.md),
        and without edges from a neuron to itself.""",
        """Figure 11, the same of sigma in one layer: bdh stats --graph sigma.""",
    ])


main(body)
