#!/usr/bin/env python3
"""Learning while reading, on texts that are not part of the project: figures of docs/learning.md.

    learning.py            10,000 bytes of the validation text, each rule
    learning.py --table    20,000 bytes of it and of a licence, what is forgotten, and times
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

PROGRAM = os.environ.get("BDH_PROGRAM", "bdh")
SOURCE = os.environ.get("BDH_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
REFERENCE = os.path.join(SOURCE, "../shared/reference")
EVALUATE = os.path.join(REFERENCE, "text/evaluate.txt")
CALIBRATE = os.path.join(REFERENCE, "text/calibrate.txt")
LICENCE = "/usr/share/common-licenses/GPL-3"
COMMON = ("--threads", 1, "--retention", 0.995)
STEP = 6581  # bytes between the beginnings of windows of calibrate.txt

# Options; least and most nats a byte.
QUICK = [((), 1.3356, 1.3366),
         (("3e-5", "exact", 0), 1.2780, 1.2840), (("3e-5", "exact", 1e-3), 1.2732, 1.2792),
         (("3e-5", "rows", 0), 1.2826, 1.2886), (("2e-4", "readout", 0), 1.3055, 1.3135)]
# The same, and the most that the loss on windows of calibrate.txt may rise.
NEAR = [(("3e-5", "exact", 1e-3), 1.3471, 1.3551, 0.0265),
        (("3e-5", "rows", 1e-3), 1.3540, 1.3620, 0.0265)]
FAR = [(("1e-4", "exact", 0), 1.3, 1.55, 9), (("1e-4", "exact", 1e-3), 1.3, 1.63, 0.2365),
       (("3e-5", "rows", 1e-3), 1.3, 1.89, 0.1165)]


def bdh(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"bdh {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout


def options(how):
    return () if not how else ("--learn-rule", how[1], "--learn-return", how[2])


class Measurement:
    def __init__(self, folder):
        self.folder, self.failed = folder, False
        self.model = os.path.join(folder, "model.bdh.h5")
        bdh("import", os.path.join(REFERENCE, "shakespeare-4096/model.safetensors"), "-o",
            self.model)
        self.windows = os.path.join(folder, "windows")
        with open(CALIBRATE, "rb") as f:
            text = f.read()
        with open(self.windows, "wb") as f:
            for k in range(6):
                f.write(text[STEP * k:STEP * k + 513])

    def loss(self, model, *arguments):
        return json.loads(bdh("evaluate", model, *COMMON, "--json", *arguments))["nats_per_token"]

    def on_windows(self, model):
        return self.loss(model, "--text-file", self.windows, "--window", 513)

    def report(self, name, value, least, most):
        good = least <= value <= most
        print(f"{name:44}  {value:.4f} of {least} to {most}{'' if good else '  <-- outside'}",
              flush=True)
        self.failed = self.failed or not good

    def quick(self):
        for how, least, most in QUICK:
            rate = ("--learn", how[0], *options(how)) if how else ()
            name = "10,000 bytes, " + (" ".join(map(str, how)) or "frozen")
            self.report(name, self.loss(self.model, "--text-file", EVALUATE, "--limit", 10000,
                                        *rate), least, most)

    def table(self, text, rows):
        before = self.on_windows(self.model)
        for how, least, most, harm in rows:
            new = os.path.join(self.folder, "new.bdh.h5")
            found = json.loads(bdh("learn", self.model, "--text-file", text, "--limit", 20000,
                                   "--rate", how[0], *options(how), "-o", new, "--force",
                                   "--compare", "--json", *COMMON))
            name = f"{os.path.basename(text)}, {' '.join(map(str, how))}"
            self.report(name, found["learned"]["nats_per_token"], least, most)
            quarters = " ".join(f"{q:.3f}" for q in found["learned"]["quarters"])
            print(f"    quarters {quarters}; frozen {found['frozen']['nats_per_token']:.4f}")
            self.report("    calibrate.txt, change", self.on_windows(new) - before, -1, harm)

    def times(self):
        """In turns, so that what else the machine does is the same for all."""
        seconds = {name: [] for name in ("frozen", "exact", "rows")}
        for _ in range(5):
            for name, all_of_it in seconds.items():
                learn = () if name == "frozen" else ("--learn", "3e-5", "--learn-rule", name)
                before = os.times()
                self.loss(self.model, "--text-file", EVALUATE, "--limit", 2000, *learn)
                after = os.times()
                all_of_it.append(after.children_user - before.children_user)
        least = {name: min(all_of_it) for name, all_of_it in seconds.items()}
        for name, most in (("exact", 1.9), ("rows", 1.35)):
            print(f"time, {name}: {least[name] / least['frozen']:.2f} of a plain run "
                  f"(at most {most} is meant; no test judges a time)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true")
    chosen = parser.parse_args()
    if not os.path.exists(EVALUATE):
        print("skipped: learning on the reference texts: no shared/reference here")
        return 77
    with tempfile.TemporaryDirectory(prefix="bdh-learning-") as folder:
        measure = Measurement(folder)
        measure.quick()
        if chosen.table:
            measure.table(EVALUATE, NEAR)
            if os.path.exists(LICENCE):
                measure.table(LICENCE, FAR)
            measure.times()
    return 1 if measure.failed else 0


if __name__ == "__main__":
    sys.exit(main())
