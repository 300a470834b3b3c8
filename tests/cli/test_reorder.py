"""bdh reorder: another order in memory; every number that is shown or written stays."""
import csv
import os
import random
import re
import signal
import subprocess

from program import CliTest, main

TEXT = "To be, or not to be, that is the question: whether 'tis nobler"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")


class Reorder(CliTest):
    def graph(self, *options, names=False, n=240, far=20):
        """A ring and some far edges, its pairs of neurons numbered at random: a good order exists,
        and is not that of the numbers."""
        draw = random.Random(1)
        pairs = list(range(n // 2))
        draw.shuffle(pairs)
        number = [2 * pair + member for pair in pairs for member in (0, 1)]
        name = (lambda i: f"n{number[i]}") if names else (lambda i: str(number[i]))
        edges = {(i, (i + k) % n) for i in range(n) for k in (1, 2,
                                                              3)} | {(draw.randrange(n),
                                                                      draw.randrange(n))
                                                                     for _ in range(far)}
        text = "source,target,weight\n" + "".join(
            f"{name(i)},{name(j)},{draw.choice((0.2, 0.1, 0.3, -0.1))}\n" for i, j in sorted(edges))
        model = self.path("graph.bdh.h5")
        readout = self.path("readout.csv",
                            ("source,target,weight\n"
                             + "".join(f"{name(i)},{i % 50},{draw.random()}\n"
                                       for i in range(n))).encode())
        self.good("import", "--gx", self.path("edges.csv", text.encode()), "--readout", readout,
                  "--layers", 3, "-o", model, "--force", "--retention", 0.9, *options)
        return model

    def reordered(self, model, by="rcm"):
        target = self.path(by + ".bdh.h5")
        return self.json("reorder", model, "--by", by, "-o", target, "--force"), target

    def shuffled(self, model):
        """The same graphs with their 400 neurons numbered at random."""
        number, target = list(range(400)), self.path("shuffled.bdh.h5")
        random.Random(4).shuffle(number)
        options = []
        for graph in ("gx", "gy", "gs"):
            edges = self.path(graph + ".csv")
            self.good("export", model, "--graph", graph, "-o", edges)
            with open(edges) as f:
                rows = list(csv.DictReader(f))
            text = "".join(f"{number[int(r['Source'])]},{number[int(r['Target'])]},{r['Weight']}\n"
                           for r in rows)
            options += ["--" + graph, self.path("shuffled-" + graph,
                                                ("source,target,weight\n" + text).encode())]
        self.good("import", *options, "--layers", 2, "-o", target)
        return target

    def run_of(self, model, name, *options):
        folder = self.path(name)
        self.good("run", model, "--text", TEXT, "-o", folder, *options)
        return folder

    def test_connected_neurons_come_nearer_and_the_way_back_is_exact(self):
        for options in ((), ("--rotation", "theta=65536")):
            model = self.graph(*options, far=0)
            result, target = self.reordered(model)
            self.assertLess(5 * result["mean_distance"]["after"], result["mean_distance"]["before"])
            info = self.json("info", target)
            self.assertEqual((info["reordered"], info["content_sha256"]),
                             (True, result["content_sha256"]))
            self.assertEqual(self.json("reorder", target, "--by", "none", "-o",
                                       self.path("back"))["content_sha256"],
                             self.json("info", model)["content_sha256"])
            self.good("info", target, "--check")
            os.remove(self.path("back"))
        self.assertIn(b"neurons apart in the mean, before", self.good("reorder", model, "-o",
                                                                      self.path(
                                                                          "text.bdh.h5")).stdout)
        self.assertIn(b"another order", self.good("info", self.path("text.bdh.h5")).stdout)

    def test_communities_lie_together_and_the_seed_decides(self):
        model, target = self.path("blocks.bdh.h5"), self.path("ordered.bdh.h5")
        self.good("new", "blocks", "--neurons", 400, "--degree", 10, "--communities", 8, "--rewire",
                  0.05, "--seed", 2, "-o", model)
        shuffled = self.shuffled(model)
        result = self.json("reorder", shuffled, "--by", "community", "-o", target)
        self.assertLess(3 * result["mean_distance"]["after"], result["mean_distance"]["before"])
        again = self.json("reorder", shuffled, "--by", "community", "--seed", 0, "-o", target,
                          "--force")
        self.assertEqual(again["content_sha256"], result["content_sha256"])
        plain, other = self.run_of(shuffled, "plain", "--record", "events"), self.run_of(target,
                                                                                         "other",
                                                                                         "--record",
                                                                                         "events")
        found = self.json("diff", plain, other, "--tolerance", 1e-4)
        self.assertIsNone(found["activity"]["first"])
        self.refused(2, "reorder", shuffled, "--seed", 3, "-o", self.path("x"),
                     says=("--seed", "--by community"))

    def test_recordings_have_the_same_neurons_and_synapses(self):
        """Exactly the same numbers everywhere, and values that differ in their rounding alone."""
        wanted = ("events", "x:3-30,200 every 2", "y:top:5", "synapses:in:7", "synapses:random:9@3",
                  "synapses:top:6 every 7", "snapshot every 5", "synapses:3->200 factor y",
                  "logits")
        record = [word for what in wanted for word in ("--record", what)]
        for options in ((), ("--rotation", "theta=65536")):
            model = self.path("grown.bdh.h5")
            self.good("new", "small-world", "--neurons", 400, "--degree", 10, "--seed", 5, "-o",
                      model, "--force", *options)
            _, target = self.reordered(model, "degree")
            plain, other = self.run_of(model, "plain", *record), self.run_of(target, "other",
                                                                             *record)
            found = self.json("diff", plain, other, "--tolerance", 1e-4)
            self.assertEqual([s["name"] for s in found["settings"]], ["model"])
            self.assertIsNone(found["activity"]["first"])
            self.assertGreater(found["activity"]["values"], 8000)
            self.assertEqual(found["synapses"]["differing"], 0)
            self.assertGreater(found["synapses"]["compared"], 700)
            listed = [[(r["file"], r["request"], r["rows"])
                       for r in self.json("inspect", run)["reports"]] for run in (plain, other)]
            self.assertEqual(*listed)
            for what in ("neuron:7", "neuron:200"):
                rows = [self.good("inspect", run, what, "--csv").stdout.decode().splitlines()
                        for run in (plain, other)]
                self.assertSameButForRounding(*("\n".join(r) for r in rows))
            for run in (plain, other):
                subprocess.run(["rm", "-r", run], check=True)

    def assertSameButForRounding(self, a, b):
        """The words are the same; numbers with a fraction may differ by rounding."""
        self.assertEqual(NUMBER.sub("#", a), NUMBER.sub("#", b))
        for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)):
            self.assertAlmostEqual(float(x), float(y), delta=2e-5 * max(1, abs(float(x))))

    def test_the_prompt_names_and_changes_the_same_neurons(self):
        script = "\n".join(("text To be or", "show x 0-40 layer 2", "neighbors n17",
                            "top synapses 5", "why n17 layer 2", "silence x:n17,n3",
                            "lesion gx:n17->n3", "token 65", "show y top 7", "synapse n17->n3",
                            "undo", "clamp y:n5 0.5", "text and", "show w top 9", "show a n0,n1,n2",
                            "changed")) + "\n"
        script = script.replace("0-40", ",".join(f"n{i}" for i in range(41)))
        for options in ((), ("--rotation", "theta=65536")):
            model = self.graph(*options, names=True)
            _, target = self.reordered(model, "degree")
            with open(self.path("edges.csv")) as f:
                edge = re.search(r"n17,(n\d+),", f.read())[1]
            commands = script.replace("n17->n3", f"n17->{edge}").encode()
            result = [self.good("step", m, stdin=commands).stdout.decode() for m in (model, target)]
            self.assertGreater(result[0].count("\n"), 60)
            self.assertSameButForRounding(*result)

    def test_streams_threads_sites_and_a_state_give_the_same_bits(self):
        _, target = self.reordered(self.graph("--rotation", "theta=65536"))

        def generated(*options):
            return self.json("run", target, "--text", TEXT, "--generate", 30, "--temperature", 1,
                             "--seed", 4, *options)["generated"]
        alone = generated()
        self.assertEqual(generated("--threads", 2, "--sites", 3), alone)
        self.assertEqual(self.json("run", target, "--text", TEXT, "--generate", 30, "--temperature",
                                   1, "--seed", 4, "--streams", 2) ["streams"][0]["generated"],
                         alone)
        state = self.path("state.h5")
        self.good("run", target, "--text", TEXT[:20], "--save-state", state)
        self.assertEqual(self.json("run", target, "--state", state, "--text", TEXT[20:],
                                   "--generate", 30, "--temperature", 1, "--seed", 4) ["generated"],
                         alone)

    def test_plan_counts_the_copy(self):
        for model in (self.graph(), self.reordered(self.graph())[1]):
            planned = self.json("plan", model, "--threads", 1, "--bandwidth", 10, "--memory",
                                8)["direct"]
            run = self.json("run", model, "--tokens", "1,2,3", "--threads", 1)
            self.assertEqual(planned["synapse_bytes"] + planned["working_bytes"],
                             run["synapse_bytes"])

    def test_what_is_refused(self):
        model, target = self.graph(), self.path("new.bdh.h5")
        self.refused(1, "reorder", self.random, "-o", target, says=("circuits through hubs",
                                                                    "explicit edges"))
        self.refused(1, "reorder", self.path("nothing.bdh.h5"), "-o", target,
                     says=("nothing.bdh.h5",))
        self.refused(1, "reorder", model, "-o", model, says=("exists",))
        self.refused(2, "reorder", model, "--by", "size", "-o", target, says=("--by",))
        self.refused(2, "reorder", model, says=("-o",))
        self.assertFalse(os.path.exists(target))

    def test_ctrl_c_leaves_no_file(self):
        model = self.path("large.bdh.h5")
        n = 20000
        text = "source,target,weight\n" + "".join(f"{i},{(i * 7919 + k * k) % n},0.1\n"
                                                  for i in range(n) for k in range(1, 12))
        self.good("import", "--gx", self.path("edges.csv", text.encode()), "--layers", 1, "-o",
                  model)
        before = sorted(os.listdir(self.folder))
        self.stopped(signal.SIGINT, "reorder", model, target=self.path("x.bdh.h5"))
        self.assertEqual(sorted(os.listdir(self.folder)), before)


if __name__ == "__main__":
    main()
