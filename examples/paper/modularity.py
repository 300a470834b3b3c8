#!/usr/bin/env python3
"""Modularity (section 5.5, figure 9): is the excitatory part of Gx within a head more modular than
graphs without structure?

Newman's modularity of the weights above beta, for several beta, beside that of random graphs
G(n, m) and of products of Gaussian factors, with as many edges.

    python3 examples/paper/modularity.py [MODEL] [--keep SHARE,...] [--nulls N]"""
from common import Study, fail, main, mean, percent, table

SHARES = "0.001,0.003,0.006,0.0156,0.06"  # excitatory; 2^20 of the paper's 2^26 pairs are 0.0156


def quality(part):
    return part["modularity"]["louvain"]["modularity"] if "modularity" in part else 0.0


def null(part, kind):
    found = part.get("modularity", {}).get(kind)
    return found["modularity_mean"] if found else float("nan")


def shown(values):
    return ", ".join(f"{v:.3f}" for v in values)


def body():
    study = Study(__doc__)
    study.add("--keep", metavar="SHARE,...", default=SHARES,
              help=f"excitatory edges, as shares of all pairs [{SHARES}]")
    study.add("--nulls", metavar="N", type=int, default=3,
              help="graphs of either kind without structure [3]")
    o = study.begin()
    try:
        shares = [float(share) for share in o.keep.split(",")]
    except ValueError:
        fail(f"--keep: '{o.keep}', expected shares with commas between", 2)
    heads = study.about["heads"]
    if o.quick:
        shares, o.nulls, heads = shares[1:2], 1, 1
    # of which about half are excitatory
    both = ",".join(f"{min(1.0, 2 * share):.9g}" for share in shares)
    found = [study.bdh("stats", study.model, "--graph", "gx", "--head", head, "--keep", both,
                       "--modularity", "--nulls", o.nulls, *study.threads)["results"]
             for head in range(heads)]
    rows = []
    for k, share in enumerate(shares):
        parts = [results[k]["excitatory"] for results in found]
        if not all("modularity" in part for part in parts):
            continue
        rows.append((f"{percent(mean(part['share'] for part in parts))} of the pairs: modularity, "
                     f"{'head 0' if heads == 1 else f'heads 0 to {heads - 1}'}",
                     "high; nearly constant to above 1.6 %" if not rows else None,
                     shown(part["modularity"]["leiden"]["modularity"] for part in parts)))
        for kind, name in (("gaussian_product", "products of Gaussian factors"),
                           ("random_graph", "random graphs")):
            if kind in parts[0]["modularity"]:
                rows.append((f"  {name}", "'quickly drops to 0'" if len(rows) < 3 else None,
                             shown(null(part, kind) for part in parts)))
        rows.append(("  by Louvain, as in the paper", None, shown(quality(part) for part in parts)))
    middle = [results[len(shares) // 2] for results in found]
    rows.append((f"inhibitory part, {percent(mean(r['inhibitory']['share'] for r in middle))} of "
                 f"the pairs", "also high",
                 shown(r["inhibitory"].get("modularity", {}).get("leiden", {}).get("modularity", 0)
                       for r in middle)))
    if "gaussian_product" in middle[0]["inhibitory"].get("modularity", {}):
        rows.append(("  products of Gaussian factors", None,
                     shown(null(r["inhibitory"], "gaussian_product") for r in middle)))
    blocks = study.bdh("stats", study.model, "--graph", "gx", "--head", "each", "--keep", "0.001",
                       *study.threads)["results"]
    skew = [r["excitatory"]["edges"] / max(1, r["excitatory"]["edges"] + r["inhibitory"]["edges"])
            for r in blocks]
    rows.append(("blocks from head to head whose largest weights are mostly positive",
                 "12 of 16, in each of 5 models", f"{sum(s > 0.5 for s in skew)} of {len(skew)}"))
    rows.append(("  share of positive ones among the largest 0.1 %, block by block", None,
                 ", ".join(f"{s:.2f}" for s in skew)))
    table("Modularity of Gx within a head", "section 5.5, figure 9 (b)", study, rows, [
        """The paper shows one head of one model (n = 4 x 8192, d = 256) chosen as representative,
        and its curve without numbers in the text: high, largest at beta of about 1.0, almost
        constant up to well above 2^20 of 2^26 pairs (1.6 %). Here every head, in rows by share of
        the pairs.""",
        """Modularity of the undirected graph of the edges, by Leiden and by Louvain; the paper's by
        Louvain, the best of 5 runs, perhaps with weights (not stated). Both are lower bounds.""",
        """With as many edges a smaller graph is denser: the nulls' modularity depends on edges per
        neuron, so compare with the nulls of the same row, and not between models.""",
        """The paper found that in every model one of the four encoder heads has no heavy positive
        tail. The counts of positive and of negative weights among the largest are a simpler measure
        than its figure 9 (a).""",
    ])


main(body)
