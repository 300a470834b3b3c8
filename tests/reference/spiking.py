"""Spikes on the trained model: loss against graded activity, on the reference texts, which are not
part of the project: skipped where they are absent.

    spiking.py            the first 256 bytes of two windows, in a few settings
    spiking.py --table    all settings of docs/spiking.md on six windows, with their bounds
    spiking.py --table --only "NAME;NAME"
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
STEP = 6581  # bytes between the beginnings of windows of evaluate.txt

INTEGRATE = ("--spike-code", "integrate")
# Name: options; least and most of loss minus graded loss.
SETTINGS = {
    "bernoulli 8": (("--spikes", "8"), 0.11, 0.25),
    "bernoulli 16": (("--spikes", "16"), 0, 0.13),
    "bernoulli 32": (("--spikes", "32"), 0, 0.06),
    "bernoulli 64": (("--spikes", "64"), 0, 0.04),
    "integrate 4": (("--spikes", "4", *INTEGRATE), 0, 0.20),
    "integrate 8": (("--spikes", "8", *INTEGRATE), 0, 0.06),
    "integrate 16": (("--spikes", "16", *INTEGRATE), -0.01, 0.025),
    "integrate 32": (("--spikes", "32", *INTEGRATE), -0.01, 0.012),
    "integrate x=8,y=32": (("--spikes", "x=8,y=32", *INTEGRATE), -0.01, 0.025),
    "integrate x=16,y=64": (("--spikes", "x=16,y=64", *INTEGRATE), -0.01, 0.010)}
HUBS = {
    "hubs, and, bernoulli 32": (("--spikes", "32", "--spike-hubs"), 0, 0.18),
    "hubs, and, bernoulli 128": (("--spikes", "128", "--spike-hubs"), 0, 0.06),
    "hubs, all, integrate 32": (("--spikes", "32", "--spike-hubs", "--spike-pair", "all",
                                 *INTEGRATE), -0.01, 0.03)}
QUICK = {
    "integrate x=16,y=64": (SETTINGS["integrate x=16,y=64"][0], -0.015, 0.015),
    "bernoulli 8": (SETTINGS["bernoulli 8"][0], 0.08, 0.25),
    "bernoulli 32": (SETTINGS["bernoulli 32"][0], -0.01, 0.06)}
X_SPIKES = {"bernoulli 8": 8644, "bernoulli 16": 17312, "bernoulli 32": 34615,
            "bernoulli 64": 69242, "integrate 4": 4326, "integrate 8": 8658,
            "integrate 16": 17317, "integrate 32": 34634, "integrate x=8,y=32": 8659,
            "integrate x=16,y=64": 17322}


def bdh(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"bdh {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout


class Measurement:
    def __init__(self, folder, windows, length, seed):
        self.folder, self.length, self.seed = folder, length, seed
        self.model = os.path.join(folder, "model.bdh.h5")
        self.scales = os.path.join(folder, "scales.json")
        if not os.path.exists(self.model):
            bdh("import", os.path.join(REFERENCE, "shakespeare-4096/model.safetensors"), "-o",
                self.model)
            bdh("spike-scales", self.model, "--text-file",
                os.path.join(REFERENCE, "text/calibrate.txt"), "--limit", 6 * 512, "--threads", 1,
                "-o", self.scales)
        with open(os.path.join(REFERENCE, "text/evaluate.txt"), "rb") as f:
            text = f.read()
        self.text = os.path.join(folder, f"windows-{len(windows)}-{length}.txt")
        with open(self.text, "wb") as f:
            for w in windows:
                f.write(text[STEP * w:STEP * w + length + 1])

    def __call__(self, options):
        return json.loads(bdh("evaluate", self.model, "--text-file", self.text, "--window",
                              self.length + 1, "--spike-scales", self.scales, "--seed", self.seed,
                              "--threads", 1, "--json", *options))


def report(name, found, least, most, failed):
    loss = found["nats_per_token"] - found["nats_per_token_graded"]
    spikes = found["spikes_per_token"]
    good = least <= loss <= most
    if name in X_SPIKES and found["predictions"] == 6 * 512:
        good = good and abs(spikes["x"] / X_SPIKES[name] - 1) < 0.02
        good = good and abs(found["nats_per_token_graded"] - 1.4314) < 0.0005
    print(f"{name:26}  {loss:+.4f} of {least} to {most}  graded "
          f"{found['nats_per_token_graded']:.4f}  a token: x {spikes['x']:,.0f}, "
          f"y {spikes['y']:,.0f}, coincidences {spikes['coincidences']:,.0f}"
          f"{'' if good else '  <-- outside'}", flush=True)
    if not good:
        failed.append(name)
    return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if not os.path.exists(os.path.join(REFERENCE, "text/evaluate.txt")):
        print("skipped: spikes on the reference texts: no shared/reference here")
        return 77
    failed, loss = [], {}
    with tempfile.TemporaryDirectory(prefix="bdh-spiking-") as folder:
        rows = [(QUICK, (0, 3), 256)]
        if chosen.table:
            rows = [(SETTINGS, range(6), 512), (HUBS, (0, 3), 512)]
        for settings, windows, length in rows:
            measure = Measurement(folder, windows, length, chosen.seed)
            for name, (options, least, most) in settings.items():
                if not chosen.only or name in chosen.only.split(";"):
                    loss[name] = report(name, measure(options), least, most, failed)
    for few, many, least, most in (("bernoulli 8", "bernoulli 32", 3, 10),
                                   ("integrate 4", "integrate 16", 6, 1e9)):
        if chosen.table and few in loss and many in loss:
            ratio = loss[few] / loss[many]
            print(f"{few} over {many}: {ratio:.1f}")
            if not least <= ratio <= most:
                failed.append(f"{few} over {many}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
