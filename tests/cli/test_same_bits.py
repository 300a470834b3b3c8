"""The same bits with any instructions of the processor, and synapses that forget."""
import json
import os

from program import SOURCE, CliTest, contents, main


class SameBits(CliTest):
    def logits(self, model, *options):
        folder = self.path("run" + str(len(os.listdir(self.folder))))
        self.good("run", model, "--text", "The quick brown fox", "--generate", "10", "-o", folder,
                  "--record", "logits", "--quiet", *options)
        return contents(folder + "/logits.h5")

    def test_threads_sites_and_repetition_change_no_bit(self):
        for model in (self.random, self.trained):
            logits = {self.logits(model, "--threads", t, "--sites", s) for t in "124"
                      for s in "1237"}
            logits.add(self.logits(model))
            self.assertEqual(len(logits), 1)


class Instructions(SameBits):
    def test_threads_sites_and_repetition_change_no_bit(self):
        pass  # in SameBits

    def forced(self, name, **more):
        folder = self.path("forced-" + name)
        self.good("run", self.trained, "--text", "ab", "-o", folder, "--quiet", "--instructions",
                  name, **more)
        return json.loads(contents(folder + "/run.json"))["options"]["instructions"]

    def same_or_refused(self, name):
        why = self.json("devices")["cpu"].get("unusable", {}).get(name)
        if why:
            self.refused(1, "run", self.random, "--text", "a", "--instructions", name,
                         says=("instructions: " + name, why, "best, plain"))
            print(f"skipped: comparison with {name}: {why}")
            return
        for model in (self.random, self.trained):
            self.assertEqual(self.logits(model), self.logits(model, "--instructions", name))
        self.assertEqual(self.forced(name), name)

    def test_plain(self):
        self.same_or_refused("plain")

    def test_avx2(self):
        self.same_or_refused("avx2")

    def test_avx512(self):
        self.same_or_refused("avx512")

    def test_a_limit_holds_for_the_best_and_for_what_is_requested(self):
        limited = {**os.environ, "BDH_INSTRUCTIONS": "plain"}
        result = self.json("devices", env=limited)["cpu"]
        self.assertEqual((result["instructions"], sorted(result["unusable"])),
                         ("plain", ["avx2", "avx512"]))
        self.assertEqual(self.forced("best", env=limited), "plain")
        self.refused(1, "run", self.random, "--text", "a", "--instructions", "avx2",
                     says=("instructions: avx2", "best, plain"), env=limited)

    def test_a_limit_that_is_no_set_is_one_line_and_an_empty_one_is_none(self):
        for arguments in (("devices",), ("info", self.random), ("run", self.random, "--text", "a",
                                                                "--instructions", "plain")):
            self.refused(1, *arguments,
                         says=("BDH_INSTRUCTIONS: 'sse', expected plain, avx2 or avx512",),
                         env={**os.environ, "BDH_INSTRUCTIONS": "sse"})
        without = {name: value for name, value in os.environ.items() if name != "BDH_INSTRUCTIONS"}
        self.assertEqual(self.json("devices", env={**without, "BDH_INSTRUCTIONS": ""}),
                         self.json("devices", env=without))


class Forgetting(CliTest):
    def test_retention_restores_length_generalisation(self):
        text = os.path.join(SOURCE, "../shared/reference/text/evaluate.txt")
        if not os.path.exists(text):
            self.skipTest("no shared/reference/text here")
        measured = {"1": (0.98, 1.23, 1.33, 2.07, 2.81), "0.998": (0.97, 1.22, 1.28, 1.34, 1.36),
                    "0.995": (0.97, 1.21, 1.25, 1.25, 1.22), "0.99": (0.97, 1.21, 1.26, 1.25, 1.21)}
        for u, expected in measured.items():
            bins = self.json("evaluate", self.trained, "--text-file", text, "--limit", "1537",
                             "--by-position", "--retention", u)["by_position"]
            self.assertEqual(len(bins), 5)
            for b, nats in zip(bins, expected):
                self.assertAlmostEqual(b["nats"], nats, delta=0.02, msg=(u, b))
            print(u, *("%.4f" % b["nats"] for b in bins))


if __name__ == "__main__":
    main()
