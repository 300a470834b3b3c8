"""Statistics over trials: averages around events, and tests of differences between conditions."""
import csv
import json
import math
import os
import shutil

from program import CliTest, main

TEXT = "It is the east, and Juliet is the sun. But soft, what light through yonder"


class Trials(CliTest):
    def trials(self):
        """Four trials of two conditions, in the first of which five neurons get a pulse. They are
        run once, for all tests, which leave the folder as it is."""
        folder = os.path.join(self.shared_folder, "trials")
        if os.path.exists(folder):
            return folder
        protocol = self.path("p.json", json.dumps({
            "trials": 4, "interventions": ["noise x:all gaussian 0 0.1"],
            "conditions": {"pulse": ["stimulate x:5-9 3 at 20,40 for 2"], "control": []},
        }).encode())
        self.good("run", self.trained, "--text", TEXT, "--protocol", protocol, "--record", "x:0-19",
                  "-o", folder)
        return folder

    def course(self, run, neuron, layer):
        """What `inspect` shows of X of a neuron, by position."""
        if (run, neuron) in self.courses:
            return self.courses[run, neuron]
        text = self.good("inspect", run, f"neuron:{neuron}", "--layer", layer, "--csv")
        table = csv.DictReader(text.stdout.decode().splitlines())
        course = {int(line["position"]): float(line["x"]) for line in table}
        self.courses[run, neuron] = course
        return course

    def test_averages_are_those_of_the_courses(self):
        folder = self.trials()
        output = self.path("psth.csv")
        self.courses = {}
        result = self.json("psth", folder, "--variable", "x", "--layer", 2, "--neurons", "5-6",
                           "--before", 4, "--after", 6, "--each", "-o", output)
        self.assertEqual(result["events"], [20, 40])
        averages = {(a["condition"], a["neuron"]): a for a in result["averages"]}
        self.assertEqual(set(averages), {(c, n) for c in ("pulse", "control")
                                         for n in ("all", "5", "6")})
        for (condition, neuron), average in averages.items():
            neurons = (5, 6) if neuron == "all" else [int(neuron)]
            of_trials = []
            for trial in range(4):
                courses = [self.course(f"{folder}/{condition}/trial-000{trial}", n, 2)
                           for n in neurons]
                of_trials.append([sum(c[e + d] for c in courses for e in (20, 40))
                                  / 2 / len(courses) for d in range(-4, 7)])
            for d in range(11):
                values = [t[d] for t in of_trials]
                mean = sum(values) / 4
                half = 3.182446305284263 * math.sqrt(
                    sum((v - mean) ** 2 for v in values) / 3) / 2
                self.assertAlmostEqual(average["mean"][d], mean, delta=1e-6)
                self.assertAlmostEqual(average["high"][d], mean + half, delta=1e-6)
                self.assertAlmostEqual(average["low"][d], mean - half, delta=1e-6)
        self.assertEqual(averages["pulse", "all"]["latency_tokens"], 0)
        # X of layer 2 is there after the fifth round of a token.
        self.assertEqual(averages["pulse", "all"]["latency_rounds"], 5)
        with open(output, encoding="utf-8", newline="") as f:
            table = list(csv.DictReader(f))
        self.assertEqual(len(table), 2 * 3 * 11)
        self.assertEqual(table[0]["distance"], "-4")
        self.assertEqual({(r["latency_tokens"], r["latency_rounds"]) for r in table
                          if (r["condition"], r["neuron"]) == ("pulse", "all")}, {("0", "5")})
        self.assertIn("responds after 0 tokens", self.good(
            "psth", folder, "--variable", "x", "--layer", 2, "--neurons",
            "5-9").stdout.decode())

    def test_conditions_differ_where_the_pulse_was(self):
        folder = self.trials()
        compare = ("compare", folder, "--conditions", "pulse,control", "--variable", "x", "--layer",
                   1, "--neurons", "0-9", "--to", 1)
        result = self.json(*compare)
        self.assertTrue(result["paired"])
        neurons = {n["neuron"]: n for n in result["neurons"]}
        for k in range(10):
            n = neurons[str(k)]
            self.assertTrue(n["exact"])
            self.assertEqual(n["permutations"], 16)
            if k >= 5:  # 3 of X more, in every trial: the smallest p that 2^4 signs allow
                self.assertEqual(n["p"], 2 / 16)
                self.assertGreater(n["difference"], 1)
        self.assertEqual(self.json(*compare, "--unpaired")["neurons"][9]["permutations"], 70)
        self.assertIn("trials of the same number paired", self.good(*compare).stdout.decode())

    def test_pictures_have_the_values_of_the_commands(self):
        folder = self.trials()
        psth = ("--variable", "x", "--layer", 2, "--neurons", "5-6", "--before", 4, "--after", 6)
        self.good("psth", folder, *psth, "-o", self.path("psth.csv"))
        self.good("plot", "psth", folder, *psth, "-o", self.path("picture.svg"))
        with open(self.path("psth.csv"), "rb") as a, open(self.path("picture.csv"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        with open(self.path("picture.svg"), encoding="utf-8") as f:
            picture = f.read()
        for words in ("tokens from the event", "pulse (4 trials)", "control (4 trials)",
                      "pulse: stimulate x:5-9 3"):  # what was done is marked
            self.assertIn(words, picture)
        compare = ("--conditions", "pulse,control", "--variable", "x", "--neurons", "0-9", "--to",
                   1)
        found = self.json("compare", folder, *compare)
        self.good("plot", "compare", folder, *compare, "-o", self.path("compare.svg"))
        with open(self.path("compare.csv"), encoding="utf-8", newline="") as f:
            table = list(csv.DictReader(f))
        trials = [float(r["value"]) for r in table
                  if r["what"] == "trial" and r["condition"] == "pulse"]
        self.assertEqual(len(trials), 4)
        self.assertAlmostEqual(sum(trials) / 4, found["population"]["mean_a"], delta=1e-9)
        differences = [float(r["value"]) for r in table if r["what"] == "difference"]
        self.assertEqual(len(differences), 10)
        self.assertEqual(differences, sorted(differences))

    def correlation(self, a, b, lag):
        """Pearson's, of a[t] and b[t + lag], all trials together."""
        pairs = [(x[t], y[t + lag]) for x, y in zip(a, b) for t in range(len(x))
                 if 0 <= t + lag < len(y)]
        means = [sum(p[k] for p in pairs) / len(pairs) for k in (0, 1)]
        product = [sum((p[i] - means[i]) * (p[j] - means[j]) for p in pairs)
                   for i, j in ((0, 1), (0, 0), (1, 1))]
        return product[0] / math.sqrt(product[1] * product[2])

    def test_correlations_are_those_of_the_courses(self):
        folder = self.trials()
        self.courses = {}
        output = self.path("lags.csv")
        correlate = ("correlate", folder, "--variable", "x", "--layer", 2, "--neurons", "5-6",
                     "--with", "7", "--with-layer", 1, "--lags", 3)
        result = self.json(*correlate, "-o", output)
        self.assertEqual((result["lags"], result["with_layer"]), ([-3, 3], 1))
        self.assertEqual([(c["condition"], c["a"], c["b"], c["trials"])
                          for c in result["correlations"]],
                         [(c, "mean of 2", "7", 4) for c in ("control", "pulse")])
        for c in result["correlations"]:
            runs = [f"{folder}/{c['condition']}/trial-000{k}" for k in range(4)]
            a = [[(self.course(run, 5, 2)[t] + self.course(run, 6, 2)[t]) / 2
                  for t in range(len(TEXT))] for run in runs]
            self.courses = {}
            b = [[self.course(run, 7, 1)[t] for t in range(len(TEXT))] for run in runs]
            self.courses = {}
            for k, lag in enumerate(range(-3, 4)):
                self.assertAlmostEqual(c["correlation"][k], self.correlation(a, b, lag), delta=1e-5)
                self.assertAlmostEqual(c["shift_predictor"][k],
                                       self.correlation(a, b[1:] + b[:1], lag), delta=1e-5)
            over = [abs(r - s) for r, s in zip(c["correlation"], c["shift_predictor"])]
            self.assertEqual(c["peak_lag"], max(range(7), key=over.__getitem__) - 3)
        with open(output, encoding="utf-8", newline="") as f:
            table = list(csv.DictReader(f))
        self.assertEqual(len(table), 2 * 7)
        self.assertEqual([float(r["correlation"]) for r in table[:7]],
                         result["correlations"][0]["correlation"])
        self.assertEqual([r["lag"] for r in table[:7]], ["-3", "-2", "-1", "0", "1", "2", "3"])
        self.good("plot", *correlate, "-o", self.path("picture.svg"))
        with open(output, "rb") as x, open(self.path("picture.csv"), "rb") as y:
            self.assertEqual(x.read(), y.read())

    def test_every_pair_once(self):
        folder = self.trials()
        each = ("correlate", folder, "--variable", "x", "--layer", 1, "--each", "--lags", 2)
        pairs = [{c["a"], c["b"]} for c in self.json(*each, "--neurons", "5-8")["correlations"]
                 if c["condition"] == "pulse"]
        self.assertEqual(len(pairs), 6)
        for a, b in ((a, b) for a in "5678" for b in "5678" if a < b):
            self.assertIn({a, b}, pairs)
        (alone,) = (c for c in self.json(*each, "--neurons", "5")["correlations"]
                    if c["condition"] == "pulse")
        self.assertAlmostEqual(alone["correlation"][2], 1)  # with itself, without a lag
        text = self.good(*each, "--neurons", "5-8", "--top", 2).stdout.decode()
        self.assertIn("peak lag", text)
        self.assertIn("... 8 more", text)
        self.assertNotEqual(self.json("correlate", folder, "--variable", "x", "--neurons", "5-8",
                                      "--lags", 2)["correlations"][0]["correlation"], None)

    def test_wrong_correlations_are_named(self):
        folder = self.trials()
        for arguments, says in (
                (("--lags", 100), ("--lags: 100",
                                   f"at most {len(TEXT) - 2}, for runs of {len(TEXT)} tokens")),
                (("--with", "90"), ("no x of these neurons", "--record")),
                (("--with-layer", 9), ("--layer: 9", "1 to 4")),
                (("--with", "top:3"), ("top:3",))):
            with self.subTest(arguments):
                self.refused(1, "correlate", folder, "--variable", "x", "--neurons", "5",
                             *arguments, says=says)
        self.refused(2, "correlate", folder, "--with-variable", "z", says=("--with-variable",))

    def test_what_is_wrong_is_named(self):
        folder = self.trials()
        self.refused(1, "compare", folder, "--conditions", "pulse,contrl", says=("'contrl'",
                                                                                "control, pulse"))
        self.refused(1, "compare", folder, "--conditions", "pulse", says=("pulse,control",))
        self.refused(1, "psth", folder, "--variable", "y",
                     says=("no y", "--record y:NEURONS, or events\n"))
        self.refused(1, "psth", folder, "--variable", "x", "--neurons", "50",
                     says=("no x", "--record x:NEURONS, or events; recorded are x:0-19, which "
                           "--neurons can choose"))
        self.refused(1, "psth", folder, "--variable", "x", "--layer", 9, says=("--layer", "9"))
        self.refused(1, "psth", folder, "--variable", "x", "--neurons", "5", "--at", "1",
                     says=("none of them with a whole window", "--before"))
        self.refused(1, "psth", self.path("none"), says=("none",))
        index = f"{shutil.copytree(folder, self.path('changed'))}/streams.json"
        with open(index, encoding="utf-8") as f:
            text = f.read()
        for bad, says in ((text.replace("pulse/trial-0000", "../../etc"), "../../etc"),
                          ("{", "no JSON"), ("{}", "an index of streams")):
            with open(index, "w", encoding="utf-8") as f:
                f.write(bad)
            self.refused(1, "psth", os.path.dirname(index), "--variable", "x",
                         says=("streams.json", says))


if __name__ == "__main__":
    main()
