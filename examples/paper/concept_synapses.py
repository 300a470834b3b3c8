#!/usr/bin/env python3
"""Concept synapses (section 6.3, figures 12 and 13): single synapses that are strong after
sentences about one concept.

    python3 examples/paper/concept_synapses.py [MODEL] [--positive FILE --negative FILE] \\
        [--layer L] [--head H]"""
import os

from common import ROOT, Study, fail, main, table

CONCEPTS = os.path.join(ROOT, "examples/concepts")
QUICK = ["--layer", "2", "--head", "0"]


def jumps(course, text):
    """The tokens after which a synapse's strength changed most, with the text up to them."""
    changes = [abs(b - a) for a, b in zip([0.0] + course, course)]
    most = sorted(range(len(changes)), key=changes.__getitem__)[-3:]
    return ", ".join(repr(text[max(0, i - 7):i + 1]) for i in sorted(most))


def body():
    study = Study(__doc__)
    study.add("--positive", metavar="FILE", default=os.path.join(CONCEPTS, "royal.txt"),
              help="sentences about the concept, one a line [examples/concepts]")
    study.add("--negative", metavar="FILE", default=os.path.join(CONCEPTS, "common.txt"),
              help="sentences without it [examples/concepts]")
    study.add("--layer", type=int, help="only this layer [all]")
    study.add("--head", type=int, help="only presynaptic neurons of this head [all]")
    o = study.begin()
    place = [a for name in ("layer", "head") if getattr(o, name) is not None
             for a in (f"--{name}", getattr(o, name))]
    found = study.bdh("concepts", study.model, "--positive", o.positive, "--negative", o.negative,
                      "--trace", *(QUICK if o.quick and not place else place), *study.threads)
    best, sentences = found["findings"], found["sentences"]
    if not best:
        fail("no synapse was written in any sentence")
    rows = [("sentences, with and without the concept", "50 and 50",
             f"{sentences['positive']} and {sentences['negative']}, half of them to confirm"),
            ("candidates; put to the test; confirmed", None, f"{found['candidates']:,}; "
             f"{found['carried']}; {found['confirmed']} ({found['correction'].title()}, p < "
             f"{found['level']})"),]
    half = found["halves"]["confirm"]
    most = len(half["positive"]) * len(half["negative"])
    for k, f in enumerate(best[:3]):
        chosen, confirmed = f["chosen"], f["confirm"]
        rows += [
            (f"synapse {f['name']} in layer {f['layer']}: U", "2368 of 2500" if k == 0 else None,
             f"{confirmed['u']:g} of {most}"),
            ("  rank-biserial correlation", "0.86" if k == 0 else None,
             f"{confirmed['rank_biserial']:+.2f} (by which it was chosen: "
             f"{chosen['rank_biserial']:+.2f})"),
            ("  p", "< 1e-14" if k == 0 else None,
             f"{confirmed['p']:.1g}, corrected {confirmed['p_corrected']:.1g}"),
        ]
    for k, course in enumerate(found.get("courses", [])):
        rows.append((f"  it changes most after, in {os.path.basename(course['sentence'])}",
                     None if k else "words related to the concept",
                     jumps(course["values"][0]["course"], course["text"])))
    table("Concept synapses", "section 6.3, figures 12 and 13, appendix B.3", study, rows, [
        """The paper's model: Europarl in three language pairs, n = 49152, d = 256, 4 heads, 8
        layers; the synapse of figure 13 is written by Y of layer 4 and X of layer 5. It does not
        say how many candidates its synapse was chosen from, nor by which sentences; p is of a
        one-sided test on sentences made afterwards. Here half of the sentences choose, the other
        half confirm, two-sided (a synapse may also be weaker, or negative, after the concept) and
        corrected for what was carried over.""",
        """A rank-biserial correlation of 2 U / (50 x 50) - 1 would be 0.89 for the paper's U, not
        0.86; both numbers are the paper's.""",
        """A model of letters learns words before concepts: a synapse that is strong after sentences
        about kings may know the letters 'king'. The sentences of both sets differ in their words;
        nothing here shows more than that the synapse separates the sets.""",
    ])


main(body)
