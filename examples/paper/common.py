"""What the scripts of this folder share: their arguments, the bdh program, the model, the
two-column table."""
import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUNDLED = os.path.join(ROOT, "examples/models/shakespeare-4096/model.safetensors")
TEXT = os.path.join(HERE, "text.txt")


def fail(message, code=1):
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(code)


class Study:
    """One finding of the paper, looked for in one model.

        study = Study(__doc__)
        study.add("--text", default=TEXT, help="...")
        study.begin()
        found = study.bdh("stats", study.model)
    """

    def __init__(self, description):
        self.parser = argparse.ArgumentParser(description=description,
                                              formatter_class=argparse.RawDescriptionHelpFormatter)
        self.parser.add_argument("model", nargs="?", default=BUNDLED, help="a model, NAME.bdh.h5, "
                                 "or a checkpoint that bdh import reads [the bundled one]")
        self.parser.add_argument("--bdh", metavar="PROGRAM",
                                 help="the program [build/release/bin/bdh, then bdh on the path]")
        self.parser.add_argument("--out", metavar="FOLDER",
                                 default=os.path.join(ROOT, "examples/out/paper"),
                                 help="for imported models [examples/out/paper]")
        self.parser.add_argument("--threads", type=int,
                                 help="that compute [as many as the machine has]")
        self.parser.add_argument("--quick", action="store_true", help="a small version, in "
                                 "seconds: to see that it works, not to conclude from")
        self.add = self.parser.add_argument

    def begin(self):
        self.options = self.parser.parse_args()
        built = os.path.join(ROOT, "build/release/bin/bdh")
        self.program = self.options.bdh or (built if os.access(built, os.X_OK)
                                            else shutil.which("bdh"))
        if not self.program or not shutil.which(self.program):
            fail(f"no program {self.program or built}, expected bdh; build it "
                 f"(./examples/quickstart.sh) or name it with --bdh")
        self.threads = ["--threads",
                        str(self.options.threads)] if self.options.threads is not None else []
        self.model = self.imported(self.options.model)
        self.about = self.bdh("info", self.model)
        return self.options

    def imported(self, path):
        """The model file of a checkpoint, made once for each content."""
        if path.endswith(".bdh.h5"):
            if not os.path.isfile(path):
                fail(f"{path}: no such file, expected a model or a checkpoint")
            return path
        try:
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).hexdigest()[:12]
            os.makedirs(self.options.out, exist_ok=True)
        except OSError as why:
            fail(f"{why.filename}: {why.strerror}")
        target = os.path.join(self.options.out, f"{digest}.bdh.h5")
        if not os.path.exists(target):
            self.call("import", path, "-o", target, "--force")
        return target

    def call(self, command, *arguments):
        """The program's standard output. Where it fails, its message is shown as it is, and its
        exit code ends the script."""
        done = subprocess.run([self.program, command, *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != 0:
            sys.stderr.write(done.stderr.decode(errors="replace"))
            sys.exit(done.returncode if done.returncode > 0 else 128 - done.returncode)
        return done.stdout

    def bdh(self, command, *arguments):
        return json.loads(self.call(command, *arguments, "--json"))

    def read_through(self, texts, *arguments):
        """Runs of texts, each from zero synapses: for every text its summary.csv, a dictionary a
        token. Several are read together, as streams, unless they have line ends."""
        if len(texts) > 1 and any(b"\n" in text for text in texts):
            return [self.read_through([text], *arguments)[0] for text in texts]
        with tempfile.TemporaryDirectory(prefix="bdh-paper-") as folder:
            file, out = os.path.join(folder, "texts"), os.path.join(folder, "run")
            together = len(texts) > 1
            with open(file, "wb") as f:
                f.write(b"\n".join(texts))
            self.call("run", self.model, "--batch" if together else "--text-file", file, "-o", out,
                      "--quiet", *self.threads, *arguments)
            found = []
            for k in range(len(texts)):
                with open(os.path.join(out, f"stream-{k:04}" if together else "", "summary.csv"),
                          newline="") as f:
                    found.append([{name: float(value) if value else None for name,
                                   value in line.items()} for line in csv.DictReader(f)])
        return found

    def read(self, path, most=None):
        try:
            with open(path, "rb") as f:
                return f.read(-1 if most is None else most)
        except OSError as why:
            fail(f"{path}: {why.strerror}")

    def write(self, path, text):
        try:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        except OSError as why:
            fail(f"{path}: {why.strerror}")

    def named(self):
        a = self.about
        return (f"{os.path.basename(self.options.model)}: {a['populations']['neurons']} neurons in "
                f"{a['heads']} head{'s' if a['heads'] > 1 else ''}, {a['layers']} layers")


def windows(text, tokens):
    """A text in pieces that a model was trained for, which share no state; a last one that is short
    is left out."""
    pieces = [text[k:k + tokens] for k in range(0, len(text), tokens)]
    return pieces[:-1] if len(pieces) > 1 and len(pieces[-1]) < tokens // 2 else pieces


def percent(share):
    return f"{100 * share:.3g} %"


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else float("nan")


def table(title, source, study, rows, differences):
    """rows: (what, the paper's figure, ours); None in the paper's column: it gives none."""
    print(f"{title}\npaper: arXiv 2509.26507, {source}\nhere:  {study.named()}"
          + (", --quick\n" if study.options.quick else "\n"))
    cells = [("", "paper", "here")] + [(what, "-" if paper is None else paper, ours) for what,
                                       paper, ours in rows]
    wide = [max(len(c[k]) for c in cells) for k in range(3)]
    for k, row in enumerate(cells):
        print("  ".join(c.ljust(w) for c, w in zip(row, wide)).rstrip())
        if k == 0:
            print("  ".join("-" * w for w in wide))
    print("\nWhat differs, and why:")
    for text in differences:
        print("- " + re.sub(r"\s+", " ", text))


def main(study):
    """Runs a script's body; Ctrl-C ends it with 130, a closed pipe silently."""
    try:
        study()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
