"""bdh tune and bdh import --target-activity: gains of graphs that exist."""
import random
import re

from program import CliTest, bdh, main


def circuit(path, neurons=600, degree=12, seed=1, inhibitory=5, scale=100):
    """Random edges of the size that counts of synapses have; every fifth neuron inhibits."""
    draw = random.Random(seed)
    with open(path, "w") as f:
        f.write("source,target,weight\n")
        for i in range(neurons):
            for j in sorted(draw.sample(range(neurons), degree)):
                sign = -1 if i % inhibitory == 0 else 1
                f.write(f"{i},{j},{sign * draw.expovariate(1) * scale + sign}\n")
    return path


class Tune(CliTest):
    def graph(self, *options, name="g.bdh.h5"):
        self.good("import", "--gx", circuit(self.path("c.csv")), "--layers", 2, "--retention",
                  "0.99", "-o", self.path(name), *options)
        return self.path(name)

    def edges(self, model, graph="gx"):
        target = self.path("edges.mtx")
        self.good("export", model, "-o", target, "--graph", graph, "--force")
        with open(target) as f:
            lines = [line.split() for line in f if not line.startswith("%")][1:]
        return {(int(i), int(j)): float(w) for i, j, w in lines}

    def test_an_import_for_an_activity(self):
        model = self.graph("--target-activity", "0.1", "--g", "3")
        found = self.json("info", model)["tuning"]
        self.assertEqual((found["target_activity"], found["g"]), (0.1, 3))
        self.assertTrue(0.05 < found["active_x"] < 0.15, found)
        drives = found["driven_excitatory"]
        self.assertEqual(found["sensory"], f"random:{drives}@0")
        # the same neurons as with this option
        same = self.graph("--sensory", f"random:{drives}@0", name="same.bdh.h5")
        self.assertEqual(self.edges(model, "gx").keys(), self.edges(same, "gx").keys())
        tuned, plain = self.edges(model), self.edges(same)
        factor = {w / plain[pair] for pair, w in tuned.items() if w > 0}
        self.assertAlmostEqual(min(factor), max(factor), delta=1e-5 * max(factor))
        excites, inhibits = ([w for w in tuned.values() if w > 0],
                             [-w for w in tuned.values() if w < 0])
        mean = sum(excites) / len(excites)
        self.assertAlmostEqual(mean, found["gain_gx"], delta=1e-5 * mean)
        self.assertAlmostEqual(sum(inhibits) / len(inhibits) / mean, 3, delta=1e-4)
        self.good("run", model, "--text", "a text that a graph of large weights overflows on")

    def test_weights_as_they_come_run_away_and_tuned_ones_do_not(self):
        wild = self.graph()
        self.refused(1, "run", wild, "--text", "a text that a graph of large weights overflows on",
                     says=("a finite value", "--retention", "bdh tune"))
        done = self.good("tune", wild, "-o", self.path("t.bdh.h5"), "--sensory", "random", "--seed",
                         3, "--target-activity", "0.1")
        self.assertIn(b"a token drives ", done.stdout)
        self.good("run", self.path("t.bdh.h5"), "--text",
                  "a text that a graph of large weights overflows on")
        info = self.json("info", self.path("t.bdh.h5"))
        self.assertEqual(info["tuning"]["g"], 5)
        self.assertRegex(info["tuning"]["sensory"], r"^random:[0-9]+@3$")
        self.assertIn("sensory: " + info["tuning"]["sensory"], info["origin"]["inferred"])
        self.assertEqual(info["origin"]["source"], self.json("info", wild)["origin"]["source"])

    def test_the_same_options_give_the_same_file(self):
        wild = self.graph()
        for name, threads in (("a", 1), ("b", 2)):
            self.good("tune", wild, "-o", self.path(name), "--sensory", "random", "--threads",
                      threads, "--target-activity", "0.1")
        with open(self.path("a"), "rb") as a, open(self.path("b"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_what_cannot_be_reached_is_refused_with_what_came_nearest(self):
        wild = self.graph()
        out = self.path("x.bdh.h5")
        self.refused(1, "tune", wild, "-o", out, "--target-activity", "0.01",
                     says=(f"no gains found, {wild}: an active share of X of ", "at best (g 20)",
                           "expected 0.005 to 0.015", "--sensory random"))
        self.refused(1, "tune", wild, "-o", out, "--target-activity", "0",
                     says=("target-activity",))
        self.refused(2, "tune", wild, "-o", out, "--g", "50", says=("--g: '50'", "0.1 to 20"))
        self.refused(2, "tune", wild, "-o", out, "--seed", 3, says=("--seed", "--sensory random"))
        self.refused(1, "tune", self.random, "-o", out, says=("circuits through hubs",))
        self.good("import", self.random, "--circuit", "direct", "-o", self.path("d.bdh.h5"))
        self.refused(1, "tune", self.path("d.bdh.h5"), "-o", out,
                     says=("gains come from its pool",))
        self.refused(1, "tune", wild, "-o", wild, says=("--force",))

    def test_what_was_found_instead_is_named_and_works(self):
        """A neuron that a token drives makes 4 % active, and what these drive half of the rest."""
        wild = self.path("small.bdh.h5")
        self.good("import", "--gx", circuit(self.path("small.csv"), neurons=400, degree=16),
                  "--layers", 2, "--retention", "0.99", "-o", wild)
        tried = []
        for options in ((), ("--sensory", "random"), ("--g", 20)):
            done = bdh("tune", wild, "-o", self.path("t.bdh.h5"), "--force", *options)
            self.assertEqual(done.returncode, 1)
            text = done.stderr.decode()
            found = re.search("; gains were found with (.*); else a higher target", text)
            self.assertTrue(found, text)
            for other in found.group(1).split(", and with "):
                more = other.split()
                self.good("tune", wild, "-o", self.path("t.bdh.h5"), "--force",
                          *(o for o in options if o not in more), *more)
                goal = float(more[-1])
                self.assertLess(abs(self.json("info", self.path("t.bdh.h5"))["tuning"]["active_x"]
                                    - goal), 0.5 * goal)
            tried.append([o.split()[:-1] for o in found.group(1).split(", and with ")])
        by_target = ["--target-activity"]
        self.assertEqual(tried[0], [["--sensory", "random"] + by_target, by_target])
        self.assertEqual(tried[1], [by_target])
        # where it is enough that tokens drive fewer neurons
        self.refused(1, "tune", self.graph(), "-o", self.path("new.bdh.h5"), "--target-activity",
                     "0.06", says=("; gains were found with --sensory random; else ",))

    def test_a_random_graph_names_a_target_that_has_gains(self):
        graph = ("new", "complete", "--neurons", 150, "-o", self.path("n.bdh.h5"))
        done = self.refused(1, *graph, says=("no gains found, complete",))
        found = re.search("; gains were found with --target-activity (.*?); else a higher",
                          done.stderr.decode())
        self.assertTrue(found, done.stderr)
        self.good(*graph, "--target-activity", found.group(1))

    def test_options_of_an_import(self):
        out = self.path("x.bdh.h5")
        self.refused(2, "import", "--gx", circuit(self.path("c.csv")), "--layers", 2, "-o", out,
                     "--g", "5", says=("--g", "needs --target-activity"))
        self.refused(2, "import", "c.safetensors", "-o", out, "--target-activity", "0.1",
                     says=("--target-activity", "for graph files"))
        with open(self.path("i.csv"), "w") as f:
            f.write("source,target,weight\n0,1,-1\n1,0,-1\n")
        self.refused(1, "import", "--gx", self.path("i.csv"), "--layers", 2, "-o", out,
                     "--target-activity", "0.1", says=("no excitatory weights in gx",))


if __name__ == "__main__":
    main()
