"""Writes the files of this folder anew, by the program that BDH_PROGRAM names. See README.md."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(os.environ["BDH_PROGRAM"])
RANDOM = os.path.join(HERE, "..", "random-64", "model.safetensors")
ONE = ("--threads", "1", "--instructions", "plain", "--quiet")

TEXT = b"To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer"
NAMES = ("ada", "bob", "eve", "joe", "kim", "leo", "mia", "ned", "pam", "sue", "tom", "zoe")


def edges(weight, targets=NAMES, steps=(1, 2, 5, 6)):
    rows = [f"{name},{targets[(k + step) % len(targets)]},{weight(k, step)}"
            for k, name in enumerate(NAMES) for step in steps]
    return "\n".join(["source,target,weight", *rows]) + "\n"


GRAPH = {
    "gx.csv": edges(lambda k, step: ((5 * k + step) % 9 - 2) / 16),
    "gy.csv": edges(lambda k, step: ((7 * k + step) % 9 - 2) / 16),
    "gs.csv": edges(lambda k, step: (1 + (k + step) % 4) / 4),
    "u.csv": edges(lambda k, step: 1 - (k + step) % len(NAMES) / 64),
    "readout.csv": edges(lambda k, step: ((11 * k + 7 * step * step) % 61 - 30) / 32,
                         targets=range(256), steps=range(0, 200, 9)),
    "sensory.csv": "source,target,weight\n" + "".join(
        f"{t},{NAMES[(t + k) % len(NAMES)]},{1 + t % 3}\n" for t in range(256) for k in (0, 4, 7)),
}

RECORDED = ("logits", "events", "x:0-5 every 3", "y:2,4", "x:top:2", "synapses:3->7,8->9",
            "synapses:in:5 every 6", "synapses:3->7 factor y", "snapshot every 20 layers 2")
RECORDED_KILLED = ("logits every 6", "events layers 2", "x:0-5 every 3", "x:top:2 layers 1",
                   "synapses:3->7,8->9", "snapshot every 20 layers 2")
RECORDED_DIRECT = ("logits every 3", "events", "x:ada,zoe", "synapses:all",
                   "synapses:ada->zoe factor y", "synapses:top:2", "snapshot every 9")
DONE = ("silence x:9-12 tokens 8-20", "lesion synapses:3->7 from 15",
        "set synapses:8->9 0.5 at 25", "clamp y:6 0.25 from 30")
DONE_DIRECT = ("lesion bob from 12",)
FILES = ("hub.bdh.h5", "direct.bdh.h5", "hub.state.h5", "hub-bf16.state.h5", "direct.state.h5")
FOLDERS = ("complete", "complete-direct", "streams", "killed", "stopped")


def each(option, values):
    return [part for value in values for part in (option, value)]


def bdh(*arguments, **more):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, **more)
    if done.returncode != 0:
        sys.exit(f"bdh {' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def rows(run):
    try:
        with open(run + "/tokens.csv") as f:
            return f.read().count("\n") - 1
    except FileNotFoundError:
        return 0


def ended_by(number, run, said, *arguments):
    """A run that gets the signal when it has read and committed these bytes, and waits for more."""
    os.mkfifo("text")
    command = [PROGRAM, "run", *map(str, arguments), "--text-file", "text", "-o", run, *ONE]
    process = subprocess.Popen(command)
    with open("text", "wb", buffering=0) as text:
        text.write(said)
        while rows(run) < len(said) - 1:  # the last one waits for the next
            time.sleep(0.01)
        time.sleep(2)  # whoever waits for a text commits what there is
        process.send_signal(number)
        process.wait()
    os.remove("text")


def without_traces(run):
    """Paths become relative, and whatever is different in each run becomes the same."""
    with open(run + "/run.json") as f:
        result = json.load(f)
    for key in ("model", "text_file"):
        if key in result["options"]:
            result["options"][key] = os.path.basename(result["options"][key])
    result["host"] = "host"
    for key in ("started", "finished"):
        if key in result:
            result[key] = "2026-01-31T12:00:00+00:00"
    with open(run + "/run.json", "w") as f:
        f.write(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    with open(run + "/summary.csv") as f:
        header, *lines = f.read().splitlines()
    assert header.endswith(",seconds")
    with open(run + "/summary.csv", "w") as f:
        f.write("\n".join([header, *(re.sub(",[^,]*$", ",0.001", line) for line in lines)]) + "\n")


def pack(name, *paths):
    """NAME.tar.xz of files, and of folders with all that is in them."""
    def plain(entry):
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry
    with tarfile.open(os.path.join(HERE, name + ".tar.xz"), "w:xz", preset=9) as tar:
        for path in paths:
            tar.add(path, filter=plain)


def make():
    for name, text in GRAPH.items():
        with open(name, "w") as f:
            f.write(text)
    shutil.copyfile(RANDOM, "random-64.safetensors")
    shutil.copyfile(os.path.join(os.path.dirname(RANDOM), "config.json"), "config.json")
    bdh("import", "random-64.safetensors", "-o", "hub.bdh.h5")
    bdh("import", "--gx", "gx.csv", "--gy", "gy.csv", "--gs", "gs.csv", "--retention", "u.csv",
        "--readout", "readout.csv", "--sensory", "sensory.csv", "--heads", 2, "--layers", 2,
        "--rotation", "theta=100", "-o", "direct.bdh.h5")

    hub, direct = ("run", "hub.bdh.h5"), ("run", "direct.bdh.h5")
    begun = ("--text", TEXT[:30].decode(), *ONE)
    bdh(*hub, *begun, "--retention", 0.97, "--record", "synapses:3->7", "-o", "left-out",
        "--save-state", "hub.state.h5")
    bdh(*hub, *begun, "--synapses", "bf16", "--seed", 3, "--save-state", "hub-bf16.state.h5")
    bdh(*direct, *begun, "--save-state", "direct.state.h5")

    sampled = ("--generate", 8, "--temperature", 1, "--seed", 5)
    of_hub = (*sampled, *each("--do", DONE))
    of_direct = (*sampled, *each("--record", RECORDED_DIRECT), *each("--do", DONE_DIRECT))
    bdh(*hub, *begun, *of_hub, *each("--record", RECORDED), "-o", "complete")
    bdh(*direct, *begun, *of_direct, "-o", "complete-direct")
    bdh(*hub, "--text", "ROMEO:", *sampled, "--streams", 2, "--record", "logits", *ONE,
        "-o", "streams")
    ended_by(signal.SIGKILL, "killed", TEXT[:45], *hub[1:], *of_hub, "--checkpoint-every", 20,
             "--retention", 0.98, "--synapses", "bf16", *each("--record", RECORDED_KILLED))
    ended_by(signal.SIGINT, "stopped", TEXT[:33], *direct[1:], *of_direct)

    for folder in FOLDERS:
        for path, _, files in os.walk(folder):
            if "run.json" in files:
                without_traces(path)
        pack(folder, folder)
    pack("models-and-states", *FILES)
    with open(os.path.join(HERE, "expected.json")) as f:
        result = json.load(f)
    os.makedirs(os.path.join(HERE, "expected"), exist_ok=True)
    for name, asked in result.items():
        text = bdh(*asked["arguments"], input=asked.get("stdin", "").encode())
        if "file" in asked:
            with open(asked["file"], "rb") as f:
                text = f.read()
        with open(os.path.join(HERE, "expected", name), "wb") as f:
            f.write(text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bdh-format-1-") as folder:
        os.chdir(folder)
        make()
