"""soak.py [MINUTES]: a run on four ranks that is disturbed for so long [30], about once a minute: a
random rank, or the program that started them, is killed, or the run is stopped; each time it goes
on with another number of ranks. Then its files are compared with those of a run that was never
disturbed. Needs BDH_PROGRAM and BDH_SOURCE, and PYTHONPATH=tests/cli; not part of ctest."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import content
from program import TRAINED, bdh, contents
from test_ranks import ranks_in

RECORDED = ("--record", "logits every 50", "--record", "events every 10", "--retention", "0.998")


def start(*arguments):
    words = [os.environ["BDH_PROGRAM"], *map(str, arguments), "--threads", "1", "--quiet"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def main(minutes, seed):
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="bdh-soak-") as folder:
        model, text, run, whole = (os.path.join(folder, name)
                                   for name in ("model.bdh.h5", "text", "run", "whole"))
        bdh("import", os.path.join(TRAINED, "model.safetensors"), "-o", model)
        with open(text, "wb") as f:
            f.write(chance.randbytes(200000))
        process = start("run", model, "--ranks", 4, "--text-file", text, "--checkpoint-every", 50,
                        *RECORDED, "-o", run)
        end, disturbed = time.monotonic() + 60 * minutes, {}
        while time.monotonic() < end and process.poll() is None:
            time.sleep(chance.uniform(20, 80))
            ranks = ranks_in(folder)
            how = chance.choice(("rank", "rank", "start", "stop"))
            if how == "rank" and ranks:
                os.kill(chance.choice(ranks)[1], signal.SIGKILL)
            elif how == "start":
                process.kill()
            else:
                how = "stop"
                process.send_signal(signal.SIGINT)
            message = process.communicate(timeout=120)[1].decode().strip()
            while ranks_in(folder):
                time.sleep(0.2)
            disturbed[how] = disturbed.get(how, 0) + 1
            with open(os.path.join(run, "tokens.csv"), "rb") as f:
                tokens = f.read().count(b"\n") - 1
            ranks = chance.choice((1, 2, 3, 4))
            print(f"{how}: exit code {process.returncode}, {tokens} tokens, '{message}'; on "
                  f"{ranks} ranks from here", flush=True)
            process = start("resume", run, *(() if ranks == 1 else ("--ranks", ranks)))
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        tokens = contents(os.path.join(run, "tokens.csv")).count(b"\n") - 1
        with open(text, "rb") as f:
            beginning = f.read(tokens)
        with open(text, "wb") as f:
            f.write(beginning)
        assert start("run", model, "--text-file", text, *RECORDED, "-o", whole).wait() == 0
        found, expected = content.run_content(run), content.run_content(whole)
        different = [name for name in content.differing(found, expected) if name != "status"]
        print(f"{tokens} tokens, disturbed {disturbed}; differences: {different or 'none'}")
        return 1 if different or not disturbed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30, 1))
