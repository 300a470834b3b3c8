"""Synapses in bfloat16: the same bits however a run is divided, stopped or joined by others, and a
reason where they cannot be."""
import json
import os

from program import CliTest, bdh, main

TEXT = ("--text", "To be, or not to be, that is the question", "--generate", "20", "--temperature",
        "1", "--seed", "3")


class Synapses(CliTest):
    def run_into(self, name, *more):
        folder = self.path(name)
        self.good("run", self.trained, *TEXT, "-o", folder, "--record", "logits", "--record",
                  "synapses:in:5", "--quiet", *more)
        return folder

    def test_threads_sites_and_instructions_change_no_bit_and_diff_shows_the_storage(self):
        rounded = self.run_into("rounded", "--synapses", "bf16", "--threads", "1")
        with open(os.path.join(rounded, "run.json")) as f:
            self.assertEqual(json.load(f)["options"]["synapses"], "bf16")
        other = self.run_into("other", "--synapses", "bf16", "--threads", "2", "--sites", "5",
                              "--instructions", "plain")
        self.assertIn(b"no difference", self.good("diff", rounded, other).stdout)
        done = bdh("diff", rounded, self.run_into("exact"))
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stdout, rb'synapses +"bf16" and "float32"')

    def test_half_the_memory(self):
        rounded, exact = (self.json("run", self.trained, "--text", "To be", "--synapses", s)
                          for s in ("bf16", "float32"))
        self.assertEqual((rounded["synapses"], exact["synapses"]), ("bf16", "float32"))
        self.assertLess(rounded["synapse_bytes"], 0.6 * exact["synapse_bytes"])
        self.assertIn("strengths rounded to bfloat16", self.good("run", self.trained, "--text",
                                                                 "To be", "--synapses",
                                                                 "bf16").stderr.decode())

    def test_a_state_goes_on_as_it_was_stored(self):
        state, whole = self.path("state"), self.path("whole")
        self.good("run", self.trained, "--text", "To be, or not", "--synapses", "bf16",
                  "--save-state", state, "--quiet")
        self.good("run", self.trained, "--text", "To be, or not to be", "--synapses", "bf16",
                  "--save-state", whole, "--quiet")
        self.good("run", self.trained, "--text", " to be", "--state", state, "--save-state",
                  self.path("rest"), "--quiet")
        with open(whole, "rb") as a, open(self.path("rest"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.refused(1, "run", self.trained, "--text", "a", "--state", state, "--synapses",
                     "float32", says=("--synapses", "float32", "bf16"))
        wide = self.path("wide")
        self.good("run", self.trained, "--text", "To be", "--save-state", wide, "--quiet")
        self.refused(1, "run", self.trained, "--text", "a", "--state", wide, "--synapses", "bf16",
                     says=("--synapses", "bf16", "float32"))

    def test_streams_are_the_runs_alone(self):
        lines = self.good("run", self.trained, *TEXT, "--streams", "3", "--synapses", "bf16", "-o",
                          self.path("runs"), "--quiet").stdout
        self.assertEqual(len(lines.splitlines()), 3)
        for k in range(3):
            alone = self.path(f"alone{k}")
            self.good("run", self.trained, *TEXT[:-1], str(3 + k), "--synapses", "bf16", "-o",
                      alone, "--quiet")
            self.good("diff", self.path(f"runs/stream-{k:04}"), alone)

    def test_what_cannot_be(self):
        direct = self.path("direct.bdh.h5")
        edges = self.path("edges.csv", b"source,target,weight\n0,1,0.5\n1,0,0.5\n")
        self.good("import", "--gx", edges, "--layers", "2", "-o", direct)
        self.refused(1, "run", direct, "--text", "a", "--synapses", "bf16",
                     says=("bfloat16", "explicit edges", "through hubs"))
        self.refused(1, "run", self.trained, "--text", "a", "--synapses", "bf16", "--prefill",
                     "blocks", says=("--prefill blocks", "bfloat16"))
        self.refused(1, "run", self.trained, "--text", "a", "--synapses", "bf16", "--device",
                     "cuda", says=("--synapses bf16", "the CPU"))
        self.refused(2, "run", self.trained, "--text", "a", "--synapses", "fp8",
                     says=("--synapses", "bf16"))


if __name__ == "__main__":
    main()
