"""Activity that travels as spikes: scales, runs, their refusals, going on."""
import json
import os
import signal
import unittest

from program import TEXT, CliTest, bdh, contents, main, table

REFUSED_ALONE = ("--spike-scales", "--spike-code", "--spike-phase", "--spike-pair", "--spike-hubs",
                 "--spike-dt")


class Spiking(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scales = os.path.join(cls.shared_folder, "scales.json")
        cls.random_scales = os.path.join(cls.shared_folder, "random-scales.json")
        for model, scales in ((cls.trained, cls.scales), (cls.random, cls.random_scales)):
            done = bdh("spike-scales", model, "--text", TEXT.decode(), "-o", scales)
            assert done.returncode == 0, done.stderr

    def run_spikes(self, name, *options, model=None, scales=None):
        folder = self.path(name)
        self.good("run", model or self.trained, "--text", "To be, or not", "-o", folder, "--record",
                  "logits", "--quiet", "--spike-scales", scales or self.scales, *options)
        return folder

    def changed(self, name, change):
        with open(self.random_scales) as f:
            scales = json.load(f)
        change(scales)
        return self.path(name, json.dumps(scales).encode())

    def test_scales_are_those_of_a_model_and_a_text(self):
        with open(self.scales) as f:
            scales = json.load(f)
        self.assertEqual(scales["format"], "bdh-spike-scales")
        self.assertEqual(scales["percentile"]["common"], 99.5)
        self.assertEqual(scales["text"]["tokens"], len(TEXT))
        self.assertEqual(sorted(scales["scales"]), ["a", "w", "x", "y"])
        for of_layers in scales["scales"].values():
            self.assertEqual(len(of_layers), 4)
            self.assertTrue(all(0.1 < s < 10 for s in of_layers), of_layers)
        self.refused(1, "spike-scales", self.trained, "--text", "a", "-o", self.scales,
                     says=("exists",))
        higher = self.json("spike-scales", self.trained, "--text", TEXT.decode(), "--percentile",
                           "100", "-o", self.path("all.json"))
        for name in ("x", "y"):
            self.assertTrue(all(h > s for h, s in zip(higher[name], scales["scales"][name])))

    def test_a_run_says_what_was_sent(self):
        folder = self.run_spikes("run", "--spikes", "x=8,y=32", "--spike-dt", "2")
        with open(folder + "/run.json") as f:
            spikes = json.load(f)["options"]["spikes"]
        self.assertEqual((spikes["bins"], spikes["code"], spikes["dt_ms"], spikes["token_ms"]),
                         ("x=8,y=32", "bernoulli", 2, 4 * (8 + 32) * 2))
        self.assertEqual([(w["variable"], w["layer"], w["first_bin"], w["bins"])
                          for w in spikes["windows"][:4]],
                         [("x", 1, 0, 8), ("y", 1, 8, 32), ("x", 2, 40, 8), ("y", 2, 48, 32)])
        self.assertEqual(len(spikes["windows"]), 8)
        for row in table(folder + "/summary.csv"):
            self.assertGreater(int(row["spikes_x"]), 1000)
            self.assertEqual(int(row["spikes_w"]), 0)
            for layer in range(1, 5):
                self.assertLessEqual(float(row[f"spiking_x_{layer}"]),
                                     float(row[f"active_x_{layer}"]))
        self.assertNotIn("spikes_x", table(self.graded("graded") + "/summary.csv")[0])

    def graded(self, name):
        folder = self.path(name)
        self.good("run", self.trained, "--text", "To be, or not", "-o", folder, "--quiet")
        return folder

    def test_hubs_that_spike_have_windows_of_their_own(self):
        folder = self.run_spikes("hubs", "--spikes", "32", "--spike-hubs")
        with open(folder + "/run.json") as f:
            windows = json.load(f)["options"]["spikes"]["windows"]
        self.assertEqual([(w["variable"], w["round"], w["first_bin"]) for w in windows[:5]],
                         [("x", 0, 0), ("w", 1, 0), ("a", 2, 32), ("y", 2, 64), ("w", 3, 96)])
        first, *others = table(folder + "/summary.csv")
        self.assertGreater(int(first["coincidences"]), 0)
        self.assertEqual(int(first["spikes_a"]), 0)  # nothing has been written
        for row in others:
            self.assertGreater(int(row["spikes_a"]), 0)

    def test_seeds_differ_and_threads_and_sites_do_not(self):
        first = contents(self.run_spikes("1", "--spikes", "8") + "/logits.h5")
        self.assertEqual(first, contents(self.run_spikes("2", "--spikes", "8", "--threads", "2",
                                                         "--sites", "3") + "/logits.h5"))
        self.assertNotEqual(first, contents(self.run_spikes("3", "--spikes", "8", "--seed", "1")
                                            + "/logits.h5"))
        # A stream of its own seed is a run of that seed.
        self.good("run", self.trained, "--text", "To be, or not", "-o", self.path("streams"),
                  "--streams", "2", "--record", "logits", "--quiet", "--spikes", "8",
                  "--spike-scales", self.scales)
        self.assertEqual(contents(self.path("streams/stream-0001/logits.h5")),
                         contents(self.path("3/logits.h5")))

    def test_a_stopped_run_goes_on_with_the_same_spikes(self):
        whole = self.path("whole")
        options = ("--text", "To be, or not to be", "--spikes", "8", "--spike-scales",
                   self.path("moved.json", contents(self.scales)), "--record", "logits", "--seed",
                   "5", "--quiet")
        self.good("run", self.trained, "-o", whole, "--generate", "40", *options)
        stopped = self.path("stopped")
        process = self.start("run", self.trained, "-o", stopped, "--generate", "40",
                             "--checkpoint-every", "3", *options)
        self.wait_for(lambda: os.path.exists(stopped + "/tokens.csv")
                      and contents(stopped + "/tokens.csv").count(b"\n") > 12)
        process.send_signal(signal.SIGINT)
        if process.wait() == 0:
            self.skipTest("the run was done before it could be stopped")
        os.remove(self.path("moved.json"))  # run.json has the scales
        self.good("resume", stopped, "--quiet")
        self.assertEqual(contents(whole + "/logits.h5"), contents(stopped + "/logits.h5"))
        without_times = [[{k: v for k, v in row.items() if k != "seconds"}
                          for row in table(folder + "/summary.csv")] for folder in (whole, stopped)]
        self.assertEqual(*without_times)

    def test_trains_are_recorded_and_counted(self):
        folder = self.run_spikes("trains", "--spikes", "x=8,y=16", "--spike-dt", "2", "--record",
                                 "spikes:0-4095")
        rows = table(folder + "/summary.csv")
        sent = sum(int(r["spikes_x"]) + int(r["spikes_y"]) for r in rows)
        found = self.json("spike-stats", folder, "--csv", self.path("n.csv"), "--histogram",
                          self.path("h.csv"))
        self.assertEqual((found["neurons"], found["tokens"], found["spikes"]),
                         (4096, len(rows), sent))
        neurons = table(self.path("n.csv"))
        self.assertEqual(sum(int(n["spikes"]) for n in neurons), sent)
        seconds = len(rows) * 4 * (8 + 16) * 2 / 1000
        self.assertAlmostEqual(found["seconds"], seconds)
        self.assertAlmostEqual(found["rate_hz"]["mean"], sent / 4096 / seconds)
        bins = table(self.path("h.csv"))
        self.assertEqual(len(bins), 4 * (8 + 16))
        self.assertAlmostEqual(sum(float(b["spikes"]) for b in bins) * len(rows), sent,
                               delta=sent * 1e-4)
        for kind, header in (("spikes", b"ms,neuron,variable\n"), ("isi", b"histogram,")):
            self.good("plot", kind, folder, "-o", self.path(kind + ".svg"))
            self.assertIn(b"<svg", contents(self.path(kind + ".svg")))
            self.assertTrue(contents(self.path(kind + ".csv")).startswith(header))
        self.assertEqual(contents(self.path("spikes.csv")).count(b"\n"), sent + 1)
        self.assertIn(b"spikes.h5", self.good("inspect", folder).stdout)
        self.assertIn(b"not compared", self.good("diff", folder, folder).stderr)
        # Recording changes no bit, and fewer neurons have the same trains.
        alone = self.run_spikes("alone", "--spikes", "x=8,y=16", "--spike-dt", "2")
        self.assertEqual(contents(folder + "/logits.h5"), contents(alone + "/logits.h5"))
        some = self.run_spikes("some", "--spikes", "x=8,y=16", "--spike-dt", "2", "--record",
                               "spikes:5,17,900", "--sites", "3")
        self.good("spike-stats", some, "--csv", self.path("some.csv"))
        all_of = {n["neuron"]: n for n in neurons}
        for row in table(self.path("some.csv")):
            self.assertEqual(row, all_of[row["neuron"]])

    def test_windows_of_a_damaged_run_are_refused(self):
        run = self.run_spikes("run", "--spikes", "4", "--record", "spikes:0-9")
        with open(run + "/run.json", encoding="utf-8") as f:
            whole = json.load(f)
        windows = whole["options"]["spikes"]["windows"]
        for name, value in (("bins", 0), ("bins", 1 << 31), ("first_bin", 1 << 62),
                            ("first_bin", -1), ("layer", "one")):
            with self.subTest(name=name, value=value):
                changed = json.loads(json.dumps(whole))
                changed["options"]["spikes"]["windows"] = [{**w, name: value} for w in windows]
                with open(run + "/run.json", "w", encoding="utf-8") as f:
                    json.dump(changed, f)
                self.refused(1, "spike-stats", run, says=("run.json", "window"))

    def test_trials_are_compared(self):
        runs = [self.run_spikes(str(seed), "--spikes", "32", "--seed", str(seed), "--record",
                                "spikes:0-400") for seed in range(3)]
        found = self.json("spike-stats", runs[0], "--trial", runs[1], "--trial", runs[2])
        self.assertEqual(found["trials"], 3)
        first = found["over_trials"][0]
        self.assertEqual((first["variable"], first["layer"]), ("x", 1))
        self.assertTrue(0.3 < first["fano"] < 1, first)  # the law: 1 - p
        self.assertLess(abs(first["noise_correlation"]), 0.05)  # layer 1 has no noise to share
        self.refused(1, "spike-stats", runs[0], "--trial", runs[0], says=("seed 0 again",))
        other = self.run_spikes("other", "--spikes", "32", "--seed", "9", "--record", "spikes:0-9")
        self.refused(1, "spike-stats", runs[0], "--trial", other, says=("list of neurons",))
        self.refused(1, "spike-stats", self.graded("graded"), says=("a run with --spikes",))
        without = self.run_spikes("without", "--spikes", "8")
        self.refused(1, "spike-stats", without, says=("--record spikes:NEURONS",))

    def replayed(self, window):
        """What every target has received at the end of a window."""
        potential = [0.0] * window["targets"]
        for source in window["sources"]:
            self.assertEqual(source["times_ms"], sorted(set(source["times_ms"])))
            for time in source["times_ms"]:
                self.assertAlmostEqual(time / window["dt_ms"], round(time / window["dt_ms"]))
                self.assertTrue(0 < time <= window["bins"] * window["dt_ms"])
            for target, weight in zip(source["targets"], source["weights_mv"]):
                potential[target] += weight * len(source["times_ms"])
        return potential

    def test_a_window_is_a_network_that_integrates_its_spikes(self):
        run = self.run_spikes("run", "--spikes", "16", "--spike-hubs", "--record", "spikes:all",
                              "--record", "x:all layers 2", model=self.random,
                              scales=self.random_scales)
        target = self.path("window.json")
        self.good("export", run, "--nest", "w:2@6", "-o", target)
        with open(target) as f:
            window = json.load(f)
        potential = self.replayed(window)
        self.assertEqual(len(potential), 64)
        for found, expected in zip(potential, window["v_m_at_the_end"]):
            self.assertAlmostEqual(found, expected, places=9)
        # X of the layer is the drive above zero.
        x = []
        for k in range(64):
            course = self.good("inspect", run, f"neuron:{k}", "--layer", "2", "--csv").stdout
            x.append(float(course.decode().splitlines()[7].split(",")[4]))
        largest = max(abs(v) for v in potential)
        self.assertGreater(largest, 0)
        for drive, found in zip(potential, x):
            self.assertAlmostEqual(max(drive, 0), found, delta=1e-5 * largest)
        self.good("export", run, "--nest", "y:1@5", "-o", self.path("y.json"))
        with open(self.path("y.json")) as f:
            self.assertEqual(len(self.replayed(json.load(f))), 8)
        for text, code, says in (("x:1@5", 2, "y:LAYER@TOKEN"), ("w:2", 2, "y:LAYER@TOKEN"),
                                 ("w:9@5", 1, "no window of w in layer 9"),
                                 ("w:2@500", 1, "which were recorded")):
            self.refused(code, "export", run, "--nest", text, "-o", self.path("no.json"),
                         says=(says,))

    def test_trains_need_spikes(self):
        self.refused(1, "run", self.trained, "--text", "a", "--record", "spikes:1", "-o",
                     self.path("run"), says=("a run with --spikes",))
        good = ("--text", "a", "--spikes", "8", "--spike-scales", self.scales, "-o",
                self.path("run"))
        self.refused(1, "run", self.trained, *good, "--record", "spikes:top:3",
                     says=("neurons that are named or drawn",))
        self.refused(2, "run", self.trained, *good, "--record", "spikes:1 every 2",
                     says=("all windows of all tokens",))

    def test_evaluate_compares_with_graded_activity(self):
        text = self.path("text", TEXT)
        found = self.json("evaluate", self.trained, "--text-file", text, "--spikes", "256",
                          "--spike-code", "integrate", "--spike-scales", self.scales)
        graded = self.json("evaluate", self.trained, "--text-file", text)
        self.assertEqual(found["nats_per_token_graded"], graded["nats_per_token"])
        self.assertAlmostEqual(found["nats_per_token"], graded["nats_per_token"], delta=0.1)
        self.assertGreater(found["spikes_per_token"]["x"], 1e5)
        said = self.good("evaluate", self.trained, "--text-file", text, "--spikes", "8",
                         "--spike-scales", self.scales)
        self.assertIn(b"with graded activity", said.stdout)
        self.assertIn(b"no AND gate", said.stderr)

    def test_what_does_not_fit_each_other_is_bad_usage(self):
        text = ("--text", "a")
        for option in REFUSED_ALONE:
            value = {"--spike-hubs": (), "--spike-dt": ("2",), "--spike-code": ("integrate",),
                     "--spike-phase": ("half",), "--spike-pair": ("and",)}.get(
                         option, (self.scales,))
            self.refused(2, "run", self.trained, *text, option, *value,
                         says=(option, "needs --spikes K"))
        good = ("--spike-scales", self.scales)
        self.refused(2, "run", self.trained, *text, "--spikes", "8",
                     says=("needs --spike-scales FILE", "bdh spike-scales"))
        for bins in ("0", "1025", "x", "x=8,x=9", "z=3", "8,9", "x=8,", ""):
            self.refused(2, "run", self.trained, *text, *good, "--spikes", bins,
                         says=("--spikes", "K from 1 to 1024"))
        for options, says in (
                (("--spikes", "8", "--spike-phase", "half"), "is for --spike-code integrate"),
                (("--spikes", "8", "--spike-pair", "and"), "is for hubs that spike, --spike-hubs"),
                (("--spikes", "hub=8"), "needs --spike-hubs"),
                (("--spikes", "x=8", "--spike-hubs"), "needs the bins of hubs"),
                (("--spikes", "w=8"), "is for explicit edges"),
                (("--spikes", "x=8,hub=16", "--spike-hubs"), "needs windows of one length"),
                (("--spikes", "8", "--prefill", "blocks"), "contradicts --spikes")):
            self.refused(2, "run", self.trained, *text, *good, *options, says=(says,))
            if "--prefill" in options:
                self.refused(2, "evaluate", self.trained, "--text-file", self.scales, *good,
                             *options, says=(says,))
        self.good("run", self.trained, *text, *good, "--spikes", "x=8,hub=16", "--spike-hubs",
                  "--spike-pair", "all", "--quiet")

    def test_scales_that_cannot_be_used_are_refused(self):
        def refused(scales, *says, model=self.random):
            self.refused(1, "run", model, "--tokens", "1,2", "--spikes", "8", "--spike-scales",
                         scales, says=says)
        refused(self.random_scales, "scales of model", "bdh spike-scales", model=self.trained)
        refused(self.path("nowhere.json"), "nowhere.json")
        refused(self.path("text.json", b"no JSON"), "text.json", "scales of spikes")
        refused(self.path("other.json", b'{"format": "x"}'), "another kind of file")
        refused(self.path("deep.json", b"[" * 100), "deep.json")
        for name, change, says in (
                ("zero", lambda s: s["scales"]["x"].__setitem__(1, 0), "0 in layer 2"),
                ("negative", lambda s: s["scales"]["x"].__setitem__(0, -1), "above 0"),
                ("large", lambda s: s["scales"]["y"].__setitem__(0, 1e39), "above 0"),
                ("text", lambda s: s["scales"]["y"].__setitem__(0, "1"), "above 0"),
                ("few", lambda s: s["scales"]["x"].pop(), "3 numbers"),
                ("missing", lambda s: s["scales"].pop("y"), "no scale of y"),
                ("unknown", lambda s: s["scales"].__setitem__("z", [1, 1, 1]), "'z'"),
                ("version", lambda s: s.__setitem__("format_version", 2), "format version 2")):
            refused(self.changed(name + ".json", change), name + ".json", says)

    def test_what_spikes_cannot_do_is_one_line(self):
        good = ("--spikes", "8", "--spike-scales", self.scales)
        self.refused(1, "run", self.trained, "--text", "abc", *good, "--record", "pairs:top:3",
                     "-o", self.path("pairs"), says=("a network of spikes",))
        self.refused(1, "run", self.trained, "--text", "abc", *good, "--spike-hubs", "--record",
                     "synapses:1->2", "-o", self.path("probes"), "--quiet",
                     says=("spikes of hubs",))
        self.refused(1, "run", self.trained, "--text", "abc", *good, "--spike-hubs", "--do",
                     "lesion gx:1->2", says=("where hubs spike",))
        for command in ("step", "activity"):
            done = bdh(command, self.trained, "--spikes", "8")
            self.assertEqual(done.returncode, 2)
            self.assertOneLine(done.stderr, "--spikes")

    def test_explicit_edges_spike_too(self):
        model = self.path("direct.bdh.h5")
        self.good("import", os.path.join(os.environ["BDH_SOURCE"],
                                         "tests/data/random-64/model.safetensors"),
                  "--circuit", "direct", "-o", model)
        scales = self.path("direct.json")
        measured = self.json("spike-scales", model, "--text", TEXT.decode(), "-o", scales)
        self.assertEqual(sorted(measured), ["a", "a_sensory", "w", "w_sensory", "x", "y"])
        self.assertEqual(measured["w"][0], 0)  # only sensory nodes drive layer 1
        logits = set()
        for name, options in (("1", ()), ("2", ("--sites", "3", "--threads", "2"))):
            folder = self.run_spikes(name, "--spikes", "16,sensory=16", *options, model=model,
                                     scales=scales)
            logits.add(contents(folder + "/logits.h5"))
            row = table(folder + "/summary.csv")[-1]
            for column in ("spikes_x", "spikes_y", "spikes_w", "spikes_a", "coincidences"):
                self.assertGreater(int(row[column]), 0, column)
        self.assertEqual(len(logits), 1)
        for options, says in ((("--spikes", "8", "--spike-hubs"), "circuits through hubs"),
                              (("--spikes", "hub=8"), "circuits through hubs"),
                              (("--spikes", "x=8,w=16"), "needs windows of one length"),
                              (("--spikes", "x=8,y=8", "--spike-pair", "and"),
                               "spikes of both W and X")):
            self.refused(2, "run", model, "--text", "a", "--spike-scales", scales, *options,
                         says=(says,))


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    main()
