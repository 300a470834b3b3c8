"""Explicit edges from a checkpoint or a model: complete they predict the same; pruned they hold
what was requested."""
import os
import re
import resource
import signal
import subprocess

from program import (PATIENCE, RANDOM, SOURCE, TRAINED, CliTest, idles, listens, main,
                     small_checkpoint)

TEXT = b"Now is the winter of our discontent made glorious summer by this sun of York; " * 4
CHECKPOINT = f"{RANDOM}/model.safetensors"
REFERENCE_TEXT = os.path.join(SOURCE, "../shared/reference/text")


def losses(result):
    """The cross-entropies before and after, as import --evaluate prints them."""
    return [float(nats)
            for nats in re.search(r"cross-entropy: ([\d.]+) nats per token before, ([\d.]+) after",
                                  result).groups()]


class Direct(CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.path("text", TEXT)
        self.made = self.path("direct.bdh.h5")

    def direct(self, source, *options):
        return self.good("import", source, "--circuit", "direct", "-o", self.made, "--force",
                         *options).stdout.decode()

    def nats(self, model, *options):
        return self.json("evaluate", model, "--text-file", self.text, "--window", "32",
                         *options)["nats_per_token"]

    def test_complete_it_predicts_the_same(self):
        for source in (CHECKPOINT, self.random):
            result = self.direct(source)
            for part in ("100 % of all pairs", "excitatory", "inhibitory", "0 partners added",
                         "direct circuits, complete"):
                self.assertIn(part, result)
            self.assertAlmostEqual(self.nats(self.made), self.nats(self.random), 5)

    def test_pruned_it_holds_the_shares_requested(self):
        result = self.direct(self.random, "--keep-gx", "0.25", "--keep-gy", "0.1", "--keep-gs",
                             "0.5", "--calibrate", self.text, "--window", "20",
                             "--calibration-windows", "3", "--threads", "2")
        for part in ("Gx: 5,120 edges (25 % of all pairs)", "Gy: 2,048 edges (10 % of all pairs)",
                     "Gs: 10,240 synapses (50 % of all pairs)",
                     "kept 25 % of Gx and 10 % of Gy, by activity, and 50 % of the synapses",
                     "calibrated on 3 windows of 20 tokens of " + self.text):
            self.assertIn(part, result)
        edges = {name: p["edges"] for name,
                 p in self.json("info", self.made)["projections"].items()}
        self.assertEqual((edges["gx_excitatory"] + edges["gx_inhibitory"], edges["gy_excitatory"]
                          + edges["gy_inhibitory"]), (5120, 2048))
        self.assertIn(f"{edges['gx_excitatory']:,} excitatory, {edges['gx_inhibitory']:,} "
                      f"inhibitory", result)
        self.nats(self.made)

    def test_it_shows_the_loss_that_evaluate_finds(self):
        held_out = ("--evaluate", self.text, "--window", "32", "--evaluation-windows", "3")
        before, after = losses(self.direct(self.random, "--keep-gx", "0.05", "--rank", "magnitude",
                                           *held_out))
        self.assertAlmostEqual(before, self.nats(self.random, "--limit", "96"), 4)
        self.assertAlmostEqual(after, self.nats(self.made, "--limit", "96"), 4)
        self.assertNotEqual(before, after)
        before, after = losses(self.direct(self.random, *held_out))
        self.assertAlmostEqual(before, after, 3)

    def test_a_text_shorter_than_a_window_is_one_window(self):
        result = self.direct(self.random, "--keep-gs", "0.1", "--calibrate",
                           self.path("short", b"Now"), "--evaluate", self.text, "--window", "200")
        self.assertIn("calibrated on 1 window of 3 tokens", result)
        self.assertIn("1 window of 200 tokens", result)

    def test_token_ids_where_tokens_are_not_bytes(self):
        ids = small_checkpoint(self.path("ids.safetensors"), 11)
        result = self.direct(ids, "--layers", "2", "--keep-gx", "0.5", "--calibrate",
                           self.path("tokens", b"1 2 3,4\n10 9"), "--theta", "100")
        self.assertIn("calibrated on 1 window of 6 tokens", result)
        self.refused(1, "import", ids, "--circuit", "direct", "--layers", "2", "--keep-gx", "0.5",
                     "--calibrate", self.text, "-o", self.path("m.bdh.h5"),
                     says=("text[0]: 'Now', expected a token, 0 to 10",))

    def test_magnitude_needs_no_text(self):
        self.assertIn("by magnitude", self.direct(self.random, "--keep-gx", "0.25", "--rank",
                                                  "magnitude"))

    def test_options_that_do_not_fit_are_refused(self):
        to = ("-o", self.path("m.bdh.h5"))
        direct = ("import", self.random, "--circuit", "direct", *to)
        for option in ("--keep-gx=0.5", "--keep-gy=0.5", "--keep-gs=0.5", "--rank=magnitude",
                       "--calibrate=t", "--evaluate=t", "--window=9", "--calibration-windows=9",
                       "--evaluation-windows=9", "--threads=2"):
            for source in ((CHECKPOINT,), (CHECKPOINT, "--circuit", "hubs"),
                           ("--gx", "gx.csv", "--layers", "2")):
                self.refused(2, "import", *source, option, *to, says=(option.split("=")[0],
                                                                      "only with --circuit direct"))
        for share in ("0", "1.5", "-0.1", "nan", "10%", ""):
            self.refused(2, *direct, "--keep-gx", share, says=("--keep-gx", "0 < share <= 1"))
        self.refused(2, *direct, "--keep-gx", "0.5", says=("--keep-gx", "need --calibrate FILE",
                                                           "--rank magnitude"))
        self.refused(2, *direct, "--keep-gs", "0.5", says=("--keep-gs", "needs --calibrate FILE"))
        self.refused(2, *direct, "--keep-gx", "0.5", "--keep-gs", "0.5", "--rank", "magnitude",
                     says=("--keep-gs", "needs --calibrate FILE"))
        self.refused(2, *direct, "--calibrate", self.text,
                     says=("--calibrate", "nothing is ranked by a text"))
        self.refused(2, *direct, "--keep-gx", "0.5", "--rank", "magnitude", "--calibrate",
                     self.text, says=("--calibrate", "nothing is ranked"))
        self.refused(2, *direct, "--rank", "magnitude",
                     says=("--rank", "expected --keep-gx or --keep-gy"))
        self.refused(2, *direct, "--calibration-windows", "3", says=("--calibration-windows",
                                                                     "needs --calibrate"))
        self.refused(2, *direct, "--evaluation-windows", "3", says=("--evaluation-windows",
                                                                    "needs --evaluate"))
        self.refused(2, *direct, "--window", "3",
                     says=("--window", "needs --calibrate FILE or --evaluate FILE"))
        self.refused(2, "import", CHECKPOINT, "--circuit", "sideways", *to, says=("hubs, direct",))
        self.refused(2, "import", "--circuit", "direct", *to, says=("nothing to import",))
        for circuit in ("hubs", "direct"):
            self.refused(2, "import", "--gx", "gx.csv", "--layers", "2", "--circuit", circuit, *to,
                         says=("--circuit", "graph files are direct already"))
        self.refused(2, *direct, "--gs", "gs.csv", says=("need --gx FILE",))
        self.refused(1, *direct, "--heads", "2", says=("random.bdh.h5", "checkpoint"))
        self.assertFalse(os.path.exists(to[1]))

    def test_inputs_that_cannot_be_used_are_refused(self):
        to = ("-o", self.path("m.bdh.h5"))
        missing, empty, one = self.path("missing"), self.path("empty", b""), self.path("one", b"a")
        for option in ("--calibrate", "--evaluate"):
            pruned = ("import", self.random, "--circuit", "direct", "--keep-gx", "0.5", *to)
            pruned += ("--rank", "magnitude") if option == "--evaluate" else ()
            self.refused(1, *pruned, option, missing, says=(missing, "No such file"))
            self.refused(1, *pruned, option, self.folder, says=(self.folder, "a folder"))
            self.refused(1, *pruned, option, empty, says=(empty, "fewer than 2 tokens", "a text"))
            self.refused(1, *pruned, option, one, says=(one, "fewer than 2 tokens"))
        self.refused(1, "import", missing, "--circuit", "direct", *to,
                     says=(missing, "No such file"))
        self.refused(1, "import", self.random, *to, says=("a bdh model already",
                                                          "--circuit direct"))
        self.direct(self.random)
        self.refused(1, "import", self.made, "--circuit", "direct", *to,
                     says=(self.made, "a model with direct circuits", "through hubs"))
        self.assertEqual(sorted(os.listdir(self.folder)), ["direct.bdh.h5", "empty", "one", "text"])

    def interrupted(self, number, worked, *options):
        result = self.stopped(number, "import", self.trained, "--circuit", "direct", *options,
                            target=self.made, worked=worked)
        self.assertOneLine(result, "stopped by a signal, nothing was written")
        self.assertEqual(os.listdir(self.folder), ["text"])

    def test_a_signal_leaves_nothing_behind(self):
        # While it calibrates, which takes minutes here; while it makes edges; while it waits for a
        # text.
        long = self.path("text", TEXT * 1000)
        self.interrupted(signal.SIGINT, 0.3, "--keep-gx", "0.5", "--calibrate", long,
                         "--calibration-windows", "100000", "--window", "8")
        self.interrupted(signal.SIGTERM, 0.1, "--keep-gx", "0.5", "--keep-gy", "0.5", "--rank",
                         "magnitude")
        process = self.start("import", self.trained, "--circuit", "direct", "-o", self.made,
                             "--keep-gx", "0.5", "--calibrate", "/dev/stdin", "--evaluate", long,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for(lambda: listens(process) and idles(process), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)  # before its input ends
        output, result = process.communicate()
        self.assertEqual(output, b"")
        self.assertOneLine(result, "stopped by a signal, nothing was written")
        self.assertEqual(os.listdir(self.folder), ["text"])


class Trained(CliTest):
    """What n = 4096 costs, in time, memory and loss. The texts are not part of the project: skipped
    where they are absent."""

    def test_a_tenth_of_the_trained_model(self):
        if not os.path.exists(REFERENCE_TEXT):
            self.skipTest("no shared/reference/text here")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = self.good("import", f"{TRAINED}/model.safetensors", "--circuit", "direct", "-o",
                         self.path("m.bdh.h5"), "--keep-gx", "0.1", "--keep-gy", "0.1", "--keep-gs",
                         "0.1", "--calibrate", f"{REFERENCE_TEXT}/calibrate.txt").stdout.decode()
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        # of processors: the machine may be busy
        seconds = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
        print("%.1f s, %.0f MB" % (seconds, spent.ru_maxrss / 1024))
        self.assertLess(seconds, 60)
        self.assertLess(spent.ru_maxrss, 2e6)  # kB
        self.assertIn("Gx: 1,782,579 edges (10 % of all pairs)", result)


if __name__ == "__main__":
    main()
