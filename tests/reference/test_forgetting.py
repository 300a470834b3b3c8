"""The README's table: cross-entropy along one stream by position and retention, from `bdh evaluate`, to 0.02 nats."""
import json
import os
import subprocess
import sys
import tempfile

BDH, SOURCE = sys.argv[1:3]
TEXT = os.path.join(SOURCE, "../shared/reference/text/evaluate.txt")
POSITIONS = [(0, 128), (128, 256), (256, 512), (512, 1024), (1024, 1536)]
EXPECTED = {
    "1": [0.98, 1.23, 1.33, 2.07, 2.81],
    "0.998": [0.97, 1.22, 1.28, 1.34, 1.36],
    "0.995": [0.97, 1.21, 1.25, 1.25, 1.22],
    "0.99": [0.97, 1.21, 1.26, 1.25, 1.21],
}

if not os.path.exists(TEXT):
    print(f"skipped: {TEXT} is absent")
    sys.exit(77)

failed = False
with tempfile.TemporaryDirectory() as folder:
    model = os.path.join(folder, "shakespeare.bdh.h5")
    checkpoint = os.path.join(SOURCE, "examples/models/shakespeare-4096/model.safetensors")
    subprocess.run([BDH, "import", checkpoint, "-o", model], check=True, stdout=subprocess.DEVNULL)
    print("u      " + "".join(f"{f'{a}-{b}':>11}" for a, b in POSITIONS))
    for u, expected in EXPECTED.items():
        command = [BDH, "evaluate", model, "--text-file", TEXT, "--limit", "1537", "--by-position", "--retention", u, "--json"]
        bins = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["by_position"]
        assert [(b["from"], b["to"]) for b in bins] == POSITIONS, bins
        print(f"{u:7}" + "".join(f"{b['nats']:11.3f}" for b in bins))
        failed = failed or any(abs(b["nats"] - e) > 0.02 for b, e in zip(bins, expected))
sys.exit(1 if failed else 0)
