#!/usr/bin/env python3
"""Model merging (section 7.1, table 2): two models, joined along their neurons without any
training, know what both knew.

With the bundled model alone: what merging keeps exactly. With a base model and two copies of it,
tuned on texts of their own (examples/train/train.py --start BASE), and a held-out text for each:
the paper's table. --write-texts makes texts in two languages.

    python3 examples/paper/merging.py [MODEL]
    python3 examples/paper/merging.py --write-texts FOLDER
    python3 examples/paper/merging.py BASE --tuned A B --texts TEXT_OF_BASE TEXT_OF_A TEXT_OF_B"""
import gettext
import glob
import os
import random
import tempfile

from common import TEXT, Study, fail, main, table

PAPER = {  # table 2, translation into English: Es, Fr, Pt; from English: Es, Fr, Pt
    "base": "0.36, 0.77, 0.64; 0.35, 2.21, 2.27",
    "A": "0.58, 0.36, 0.68; 2.57, 0.31, 2.54",
    "B": "0.44, 0.76, 0.34; 1.79, 2.20, 0.33",
    "merged": "0.43, 0.40, 0.39; 1.45, 0.77, 0.86",
}


def write_texts(study, folder):
    """What the programs on this machine say in French and German: fr.txt to train on,
    fr-held-out.txt, de.txt, de-held-out.txt."""
    for language in ("fr", "de"):
        messages = set()
        for path in glob.glob(f"/usr/share/locale/{language}/LC_MESSAGES/*.mo"):
            try:
                with open(path, "rb") as f:
                    catalog = gettext.GNUTranslations(f)._catalog
            except (OSError, ValueError, IndexError):
                continue  # gettext does not read every one
            messages.update(text for text in catalog.values() if len(text) > 40)
        if len(messages) < 1000:
            fail(f"/usr/share/locale/{language}: {len(messages)} messages, expected at least 1000: "
                 f"this machine's programs speak English only")
        lines = sorted(messages)
        random.Random(1).shuffle(lines)
        cut = len(lines) * 49 // 50
        study.write(os.path.join(folder, language + ".txt"), "\n".join(lines[:cut]))
        study.write(os.path.join(folder, language + "-held-out.txt"), "\n".join(lines[cut:]))


class Losses:
    def __init__(self, study, window, limit):
        self.study, self.limits = study, ["--window", window, "--limit", limit, "--prefill",
                                          "blocks"]

    def of(self, model, text):
        return self.study.bdh("evaluate", model, "--text-file", text, *self.limits,
                              *self.study.threads)["nats_per_token"]


def alone(study, losses, folder, text, rows):
    """Merged with itself; and cut in two halves, which are then joined again."""
    def made(name, *command):
        path = os.path.join(folder, name + ".bdh.h5")
        study.call(*command, "-o", path)
        return path
    per_head = study.about["populations"]["neurons"] // study.about["heads"]
    half = per_head // 4 * 2  # neurons rotate in pairs
    twice = made("twice", "merge", study.model, study.model, "--scale-e", "0.5")
    doubled = made("doubled", "merge", study.model, study.model)
    first = made("first", "slice", study.model, "--neurons", f"0-{half - 1}", "--each-head")
    second = made("second", "slice", study.model, "--neurons", f"{half}-{per_head - 1}",
                  "--each-head")
    joined = made("joined", "merge", first, second)
    whole = losses.of(study.model, text)

    def shown(model):
        loss = losses.of(model, text)
        return f"{loss:.4f} ({loss - whole:+.2g})"
    rows.append(("the model", None, f"{whole:.4f}"))
    rows.append(("merged with itself, E halved", None, shown(twice)))
    rows.append(("merged with itself, E as it is", None, shown(doubled)))
    rows.append(("half of each head's neurons; the other half", None,
                 f"{shown(first)}; {shown(second)}"))
    rows.append(("the two halves merged", None, shown(joined)))


def tuned(study, losses, folder, o, rows):
    models = {"base": study.model, "A": study.imported(o.tuned[0]), "B": study.imported(o.tuned[1])}
    for name, scale in (("merged", "1"), ("merged, E halved", "0.5")):
        models[name] = os.path.join(folder, name.replace(", ", "-").replace(" ", "-") + ".bdh.h5")
        study.call("merge", models["A"], models["B"], "-o", models[name], "--scale-e", scale)
    rows.append(("texts", "En with Es, Fr, Pt", ", ".join(os.path.basename(t) for t in o.texts)))
    for name, model in models.items():
        rows.append((name, PAPER.get(name), ", ".join(f"{losses.of(model, text):.3f}"
                                                      for text in o.texts)))


def body():
    study = Study(__doc__)
    study.add("--tuned", nargs=2, metavar=("A", "B"), help="two models that started from MODEL")
    study.add("--texts", nargs=3, metavar=("TEXT", "TEXT_A", "TEXT_B"),
              help="of MODEL, of A, of B; none of them trained on")
    study.add("--window", metavar="N", type=int, default=128,
              help="tokens after which synapses start from zero [128]")
    study.add("--limit", metavar="N", type=int, default=4096, help="tokens of each text [4096]")
    study.add("--write-texts", metavar="FOLDER",
              help="write texts in two languages, to train on and held out, and do nothing else")
    o = study.begin()
    if o.write_texts:
        return write_texts(study, o.write_texts)
    if (o.tuned is None) != (o.texts is None):
        fail("--tuned and --texts: one without the other, expected both or none", 2)
    losses, rows = Losses(study, o.window, 256 if o.quick else o.limit), []
    with tempfile.TemporaryDirectory(prefix="bdh-paper-") as folder:
        if o.tuned:
            tuned(study, losses, folder, o, rows)
        else:
            alone(study, losses, folder, TEXT, rows)
    differences = ["""Loss per token: the paper's tokens are the bytes of Europarl translations
                   (validation); its columns are Es, Fr, Pt into English, then from English. Here:
                   nats per byte of the texts named."""]
    differences += [
            """The paper's models: n = 24576 each, tuned on 1.2e9 tokens; E is concatenated as it
            is. E halved keeps the size of what both models write alike, which concatenation
            doubles; the normalisation that follows takes a common factor out
            again."""] if o.tuned else [
        """The paper merges two models tuned on different language pairs (table 2: merged 0.43,
        0.40, 0.39 into English against 0.36 of the best model for each). The bundled model is one
        model: what is shown is that concatenation loses nothing by itself. The docstring and
        README.md say how to tune two and merge them."""]
    table("Model merging", "section 7.1, table 2 and table 6", study, rows, differences)


main(body)
