"""Statistics over trials: averages around events, and tests of differences between conditions."""
import csv
import json
import math
import os

from program import CliTest, main

TEXT = "It is the east, and Juliet is the sun. But soft, what light through yonder"


class Trials(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorded = None

    def trials(self):
        """Four trials of two conditions, in the first of which five neurons get a pulse."""
        protocol = self.path("p.json", json.dumps({
            "trials": 4, "interventions": ["noise x:all gaussian 0 0.1"],
            "conditions": {"pulse": ["stimulate x:5-9 3 at 20,40 for 2"], "control": []},
        }).encode())
        folder = self.path("trials")
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
        for words in ("tokens from the event", "pulse (4 trials)", "control (4 trials)"):
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

    def test_what_is_wrong_is_named(self):
        folder = self.trials()
        self.refused(1, "compare", folder, "--conditions", "pulse,contrl", says=("'contrl'",
                                                                                "control, pulse"))
        self.refused(1, "compare", folder, "--conditions", "pulse", says=("pulse,control",))
        self.refused(1, "psth", folder, "--variable", "y", says=("no y", "--record y:NEURONS"))
        self.refused(1, "psth", folder, "--variable", "x", "--neurons", "50",
                     says=("no x", "--record"))
        self.refused(1, "psth", folder, "--variable", "x", "--layer", 9, says=("--layer", "9"))
        self.refused(1, "psth", folder, "--variable", "x", "--neurons", "5", "--at", "1",
                     says=("none of them with a whole window", "--before"))
        self.refused(1, "psth", self.path("none"), says=("none",))
        index = f"{folder}/streams.json"
        with open(index, encoding="utf-8") as f:
            text = f.read()
        for bad, says in ((text.replace("pulse/trial-0000", "../../etc"), "../../etc"),
                          ("{", "no JSON"), ("{}", "an index of streams")):
            with open(index, "w", encoding="utf-8") as f:
                f.write(bad)
            self.refused(1, "psth", folder, "--variable", "x", says=("streams.json", says))
        os.remove(index)


if __name__ == "__main__":
    main()
