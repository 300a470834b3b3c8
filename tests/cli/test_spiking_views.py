"""Spikes as they are looked at: in bdh step, on the page of a run, as networks of NEST over
explicit edges."""
import json
import os
import subprocess

from program import RANDOM, TEXT, bdh, contents, main, table
from step import StepTest


def numbers(file, dataset):
    """Of whole numbers."""
    text = subprocess.run(["h5dump", "-y", "-w", "1", "-d", dataset, file], capture_output=True,
                          text=True, check=True).stdout
    return [int(float(line.strip(" ,"))) for line in
            text.split("DATA {")[1].split("}")[0].splitlines() if line.strip(" ,")]


class Views(StepTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.edges = os.path.join(cls.shared_folder, "edges.bdh.h5")
        cls.ring = os.path.join(cls.shared_folder, "ring.bdh.h5")
        for made in (("import", os.path.join(RANDOM, "model.safetensors"), "--circuit", "direct",
                      "-o", cls.edges),
                     ("new", "small-world", "--neurons", "90", "--degree", "16", "--layers", "2",
                      "--target-activity", "0.25", "--seed", "2", "-o", cls.ring)):
            done = bdh(*made)
            assert done.returncode == 0, done.stderr
        cls.scales = {}
        for model in cls.random, cls.edges, cls.ring:
            cls.scales[model] = model + ".json"
            done = bdh("spike-scales", model, "--text", TEXT.decode(), "-o", cls.scales[model])
            assert done.returncode == 0, done.stderr

    def spiking(self, model, *more):
        return ("--spikes", "16", "--spike-scales", self.scales[model], "--seed", "4", *more)

    def recorded(self, model, *more):
        folder = self.path(os.path.basename(model) + "-run")
        self.good("run", model, "--text", "to be or", "-o", folder, "--quiet", "--record",
                  "spikes:all", *self.spiking(model, *more))
        return folder

    def objects(self, model, *lines, options=()):
        text = self.step(model, *lines, options=self.spiking(model, *options))
        decoder, found, at = json.JSONDecoder(), [], text.find("{")
        while at != -1:
            one, end = decoder.raw_decode(text, at)
            found.append(one)
            at = text.find("{", end)
        return found

    def test_windows_round_by_round(self):
        for model, more in ((self.random, ("--spike-hubs",)), (self.edges, ())):
            run = self.recorded(model, *more)
            summary = table(run + "/summary.csv")[-1]
            with open(run + "/run.json") as f:
                windows = json.load(f)["options"]["spikes"]["windows"]
            shown, = self.objects(model, "text to be or", "show spikes json", options=more)
            self.assertEqual(sorted((w["first_bin"], w["variable"], w["round"], w["layer"],
                                     w["bins"]) for w in windows),
                             sorted((w["first_bin"], w["variable"], w["round"], w["layer"],
                                     w["bins"]) for w in shown["windows"]))
            sent = {}
            for w in shown["windows"]:
                name = w["variable"].removesuffix("_sensory")
                sent[name] = sent.get(name, 0) + w["spikes"]
            for name, count in sent.items():
                self.assertEqual(count, int(summary[f"spikes_{name}"]), name)
            # A token that is open has those that it has reached.
            reached = [len(o["windows"]) for o in self.objects(
                model, "text to be o", "round 114", "show spikes json", "round", "show spikes json",
                "finish", "show spikes json", options=more)]
            self.assertTrue(0 < reached[0] < reached[1] < reached[2] == len(windows), reached)
            text = self.step(model, "text to be or", "show spikes",
                             options=self.spiking(model, *more))
            rows = text[text.index("spikes of token 7"):].splitlines()
            self.assertEqual(len(rows), 2 + len(windows))

    def test_bins_are_those_that_a_run_records(self):
        run = self.recorded(self.edges)
        with open(run + "/run.json") as f:
            token = int(json.load(f)["options"]["spikes"]["token_ms"])
        spikes = {name: [numbers(run + "/spikes.h5", f"/spikes/{name}/{part}")
                         for part in ("timestamps", "node_ids", "variable")]
                  for name in ("neurons", "axons")}
        recorded = set()
        for name, (times, nodes, variables) in spikes.items():
            for time, node, variable in zip(times, nodes, variables):
                if (time - 1) // token == 7:
                    recorded.add((name, variable, node, time - 1 - 7 * token))
        sources = self.json("info", self.edges)["populations"]["sources"]
        shown = set()
        for layer in (1, 2, 3):
            for number, variable in enumerate("xywa"):
                if variable in "wa" and layer == 1:
                    continue  # of sensory nodes alone
                for o in self.objects(self.edges, "text to be or",
                                      f"show spikes json {variable} 0-63 layer {layer}"):
                    for t in o["trains"]:
                        node = t["node"]
                        if variable == "a":
                            node = 2 * (node + sources * t["head"]) + (t["value"] < 0)
                        shown |= {("axons" if variable == "a" else "neurons", number, node,
                                   o["first_bin"] + b) for b in t["bins"]}
        self.assertEqual(shown, recorded)
        self.assertEqual({(name, variable) for name, variable, *_ in shown},
                         {("neurons", 0), ("neurons", 1), ("neurons", 2), ("axons", 3)})

    def test_trains_are_drawn(self):
        text = self.step(self.random, "text to be", "show spikes x layer 2 top 3",
                         options=self.spiking(self.random))
        head, *rows = text[text.index("X of layer 2"):].splitlines()
        self.assertIn("token 4, round 0, bins 32-47", head)
        self.assertEqual(len(rows), 3)
        for row in rows:
            _, value, _, amount, count, bins = row.split()
            self.assertEqual((len(bins), bins.count("|")), (16, int(count)))
            self.assertGreater(float(value) * float(amount), 0)
        for line, says in (("show spikes x 999", "999"), ("show spikes z", "show"),
                           ("show spikes w", "no window of w"), ("show spikes x layer 9", "layer"),
                           ("show spikes x top:3", "top K")):
            done = bdh("step", self.random, *self.spiking(self.random),
                       stdin=f"text to\n{line}\n".encode())
            self.assertEqual(done.returncode, 1, line)
            self.assertOneLine(done.stderr, "standard input:2", says)
        self.wrong(self.random, "text to", "show spikes", says=("--spikes K",))
        self.refused(2, "step", self.random, "--spike-code", "integrate", says=("--spikes K",))

    def test_why_counts_what_arrived(self):
        """The drive is that of the spikes, and gives the neuron's value."""
        for model, options in ((self.random, ()), (self.edges, ())):
            text = self.step(model, "text to be or", "show y layer 2 top 1",
                             options=self.spiking(model, *options))
            neuron = text.splitlines()[-1].split()[0]
            why = self.step(model, "text to be or", f"why {neuron} layer 2",
                            options=self.spiking(model, *options))
            for name in "XY":
                part = why[why.index(f"{name} of {neuron} in layer 2"):].splitlines()
                value = float(part[0].split()[-1])
                sums = next(line for line in part if f"{name}^e" in line)
                drive = float(sums.split("=")[1])
                if name == "Y":
                    drive *= float(part[1].split()[-1])
                self.assertAlmostEqual(max(drive, 0), value, delta=1e-4 * max(1, value))

    def test_undo_and_seeds(self):
        options = self.spiking(self.random)
        once = self.step(self.random, "text to b", "logits", options=options)
        again = self.step(self.random, "text to ", "token 120", "undo", "token 98", "logits",
                          options=options)
        self.assertEqual(once.splitlines()[-3:], again.splitlines()[-3:])
        other = self.step(self.random, "text to b", "logits", options=(*options[:-1], "5"))
        self.assertNotEqual(once.splitlines()[-3:], other.splitlines()[-3:])

    def test_the_page_of_a_run_has_its_trains(self):
        run = self.recorded(self.random)
        target = self.path("run.html")
        self.good("report", run, "-o", target)
        page = contents(target).decode()
        for says in ("Spikes", "time (ms)", "Intervals between spikes", "interval (ms)",
                     "rate (Hz)"):
            self.assertIn(says, page)
        graded = self.path("graded")
        self.good("run", self.random, "--text", "to be", "-o", graded, "--quiet")
        self.good("report", graded, "-o", self.path("graded.html"))
        self.assertNotIn("Intervals between spikes", contents(self.path("graded.html")).decode())

    def test_a_window_of_explicit_edges_is_a_network(self):
        """Of a model whose sensory nodes are no sources, so that W is that of the neurons alone."""
        run = self.path("run")
        self.good("run", self.ring, "--text", "to be or", "-o", run, "--quiet", "--record",
                  "spikes:all", "--record", "x:all", "--spikes", "w=16", "--spike-scales",
                  self.scales[self.ring])
        target = self.path("window.json")
        self.good("export", run, "--nest", "w:2@5", "-o", target)
        with open(target) as f:
            window = json.load(f)
        potential = [0.0] * window["targets"]
        for source in window["sources"]:
            self.assertTrue(all(t % 1 == 0 and 0 < t <= 16 for t in source["times_ms"]))
            for k, weight in zip(source["targets"], source["weights_mv"]):
                potential[k] += weight * len(source["times_ms"])
        self.assertGreater(len(window["sources"]), 3)
        largest = max(abs(v) for v in potential)

        def x(neuron, layer):
            course = self.good("inspect", run, f"neuron:{neuron}", "--layer", str(layer),
                               "--csv").stdout
            return float(course.decode().splitlines()[6].split(",")[4])
        active = 0
        for k in range(0, 90, 3):
            self.assertAlmostEqual(potential[k], window["v_m_at_the_end"][k], places=9)
            # X of a layer is that of the layer before and the drive above zero.
            before, after = x(k, 1), x(k, 2)
            self.assertAlmostEqual(before + max(potential[k], 0), after, delta=1e-5 * largest)
            active += after > before
        self.assertGreater(active, 3)


if __name__ == "__main__":
    main()
