"""bdh new: random models, tuned so that they stay active and bounded."""
import os
import re
import signal

from program import CliTest, main

FAMILIES = ("erdos-renyi", "small-world", "scale-free", "blocks", "ring", "complete")


class New(CliTest):
    def make(self, family="erdos-renyi", *options, name="m.bdh.h5"):
        target = self.path(name)
        # Where every neuron reaches every other, 5 % would need a g out of bounds.
        degree = ("--target-activity", "0.3") if family == "complete" else ("--degree", 10)
        return self.good("new", family, "--neurons", 600, *degree, "-o", target, *options), target

    def test_every_family_makes_a_model_that_info_and_run_take(self):
        for family in FAMILIES:
            done, model = self.make(family, "--seed", 3, name=family + ".bdh.h5")
            for part in (b"600 neurons, 120 of them inhibitory, 2 layers", family.encode(),
                         b"layer 2:", b"gains:", b"wrote"):
                self.assertIn(part, done.stdout)
            self.assertEqual(done.stderr, b"")
            info = self.json("info", model)
            self.assertEqual((info["circuits"], info["populations"]["neurons"], info["layers"]),
                             ("direct", 600, 2))
            self.assertGreater(info["direct"]["Gx"]["inhibitory"], 0)
            run = self.good("run", model, "--text", "any bytes at all, and some more of them",
                            "--generate", 3)
            share = float(re.search(rb"active: X ([0-9.]+) %", run.stderr)[1])
            self.assertTrue(0.5 < share < (70 if family == "complete" else 15), (family, share))

    def test_the_same_seed_is_the_same_file(self):
        def hashed(*options, name):
            _, model = self.make("small-world", *options, name=name)
            return self.json("info", model)["content_sha256"]
        first = hashed("--seed", 4, name="a.bdh.h5")
        self.assertEqual(hashed("--seed", 4, "--threads", 2, name="b.bdh.h5"), first)
        with open(self.path("a.bdh.h5"), "rb") as a, open(self.path("b.bdh.h5"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.assertNotEqual(hashed("--seed", 5, name="c.bdh.h5"), first)

    def test_options_reach_the_model(self):
        done, model = self.make("ring", "--inhibitory", "0.3", "--vocabulary", 7, "--layers", 1,
                                "--retention", "0.9", "--rotation", "theta=100", "--dynamics",
                                "normfree", "--readout", "no", "--target-activity", "0.1")
        self.assertIn(b"180 of them inhibitory, 1 layer", done.stdout)
        self.assertTrue(0.05 < float(re.search(rb"mean ([0-9.]+) % of X",
                                               done.stdout)[1]) / 100 < 0.15)
        info = self.json("info", model)
        self.assertEqual((info["dynamics"]["name"], info["retention"], info["layers"]),
                         ("normfree", 0.9, 1))
        self.assertEqual(info["populations"], {"neurons": 600, "sensory": 7, "readout": 0})
        self.assertRegex(info["origin"]["creator"], r"^bdh [0-9]")
        self.assertEqual(self.json("info", self.make("ring", "--heads", 3,
                                                     name="heads.bdh.h5")[1])["heads"], 3)
        self.good("run", model, "--tokens", "0,1,6")

    def test_what_was_requested_and_found_is_kept(self):
        _, model = self.make("small-world", "--rewire", "0.2", "--inhibitory", "0.25", "--g", "4",
                             "--seed", 6, "--target-activity", "0.06")
        info = self.json("info", model)
        self.assertEqual(info["recipe"], {
            "family": "small-world", "neurons": 600, "degree": 10, "inhibitory_degree": 10,
            "rewire": 0.2, "inhibitory": 0.25, "vocabulary": 256, "seed": 6})
        found = info["tuning"]
        self.assertEqual((found["target_activity"], found["g"]), (0.06, 4))
        self.assertTrue(0.03 < found["active_x"] < 0.09, found)
        for name in ("gain_gx", "gain_gy", "driven_excitatory", "driven_inhibitory",
                     "layer_1_active_x", "layer_2_tokens_with_y", "largest_y"):
            self.assertIn(name, found)
        text = self.good("info", model).stdout.decode()
        self.assertIn("recipe          rewire                  0.2\n", text)
        self.assertIn("tuning          g                       4\n", text)
        # the weights are what they are said to be
        c = self.edges(model, "gx")
        mean = [sum(w) / len(w) for w in ([w for w in c if w > 0], [-w for w in c if w < 0])]
        self.assertAlmostEqual(mean[0] / found["gain_gx"], 1, delta=0.1)
        self.assertAlmostEqual(mean[1] / mean[0], 4, delta=0.6)

    def edges(self, model, graph):
        target = self.path("edges.mtx")
        self.good("export", model, "-o", target, "--graph", graph, "--force")
        with open(target) as f:
            lines = [line for line in f if not line.startswith("%")][1:]
        return [float(line.split()[2]) for line in lines]

    def test_two_and_four_layers_of_the_reported_graph(self):
        for layers in (2, 4):
            done = self.good("new", "small-world", "--neurons", 2000, "--degree", 20,
                             "--inhibitory", "0.2", "--layers", layers, "-o",
                             self.path(f"{layers}.bdh.h5"))
            info = self.json("info", self.path(f"{layers}.bdh.h5"))
            self.assertEqual(info["tuning"]["g"], 5)
            self.assertTrue(0.025 < info["tuning"]["active_x"] < 0.075)
            dense = info["recipe"]["inhibitory_degree"]
            self.assertEqual(dense, 20 if layers == 2 else 320)
            self.assertEqual(b"inhibition is denser: 320 edges leave an inhibitory neuron, 20 an "
                             b"excitatory one\n" in done.stdout, layers == 4)
        self.refused(1, "new", "small-world", "--neurons", 2000, "--degree", 20, "--layers", 4,
                     "--inhibitory-degree", 20, "-o", self.path("x.bdh.h5"),
                     says=("no gains found, small-world: ", " at best (g 5, a token drives ",
                           ", expected "))

    def test_bad_values_are_refused_in_one_line(self):
        target = self.path("x.bdh.h5")
        self.refused(2, "new", says=("FAMILY", *FAMILIES))
        for code, family, options, says in ((1, "ring", ("--neurons", 10, "--degree", 10),
                                             ("degree: 10", "1 to 9")),
                                            (1, "erdos-renyi", ("--neurons", 10, "--degree",
                                                                4000000000),
                                             ("degree: 4000000000",)),
                                            (1, "scale-free", ("--neurons", 10, "--degree", 6),
                                             ("half of the neurons",)),
                                            (1, "blocks", ("--neurons", 40, "--degree", 12,
                                                           "--communities", 4),
                                             ("4 communities of 10 neurons",)),
                                            (1, "blocks", ("--neurons", 10, "--degree", 2,
                                                           "--communities", 11),
                                             ("communities: 11",)),
                                            (1, "ring", ("--neurons", 100, "--degree", 5,
                                                         "--inhibitory", "1"), ("inhibitory: 1",)),
                                            (1, "ring", ("--neurons", 101, "--degree", 5,
                                                         "--rotation", "theta=10"),
                                             ("even number",)),
                                            (1, "ring", ("--neurons", 100, "--degree", 5, "--heads",
                                                         3), ("heads: 3",)),
                                            (1, "ring", ("--neurons", 102, "--degree", 5, "--heads",
                                                         2, "--rotation", "theta=10"),
                                             ("even number",)),
                                            (1, "ring", ("--neurons", 100, "--degree", 5,
                                                         "--target-activity", "0"),
                                             ("target-activity: 0",)),
                                            (1, "complete", ("--neurons", 20, "--inhibitory", "0"),
                                             ("no gains found, complete",
                                              "expected 0.025 to 0.075")),
                                            (1, "ring", ("--neurons", 40, "--degree", 5,
                                                         "--inhibitory-degree", 40),
                                             ("inhibitory-degree: 40", "1 to 39")),
                                            (2, "ring", ("--neurons", 40, "--degree", 5, "--g",
                                                         "1024"), ("--g: '1024'", "0.1 to 20")),
                                            (2, "lattice", ("--neurons", 10, "--degree", 2),
                                             ("FAMILY",)),
                                            (2, "ring", ("--neurons", 0, "--degree", 2),
                                             ("--neurons: '0'", "2 to 4294967294")),
                                            (2, "ring", ("--neurons", 10), ("--degree",)),
                                            (2, "ring", ("--degree", 10), ("--neurons",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 0),
                                             ("--degree",)),
                                            (2, "ring", ("--neurons", 10, "--degree", -3),
                                             ("--degree",)),
                                            (2, "small-world", ("--neurons", 10, "--degree", 2,
                                                                "--rewire", "1.5"),
                                             ("--rewire", "share from 0 to 1")),
                                            (2, "small-world", ("--neurons", 10, "--degree", 2,
                                                                "--rewire", "nan"), ("--rewire",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2, "--rewire",
                                                         "0.1"), ("--rewire", "small-world")),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--communities", "3"),
                                             ("--communities", "blocks")),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--inhibitory", "1.2"), ("--inhibitory",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--inhibitory", "-0.1"),
                                             ("--inhibitory",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--target-activity", "2"),
                                             ("--target-activity",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--vocabulary", 0), ("--vocabulary",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2, "--layers",
                                                         0), ("--layers",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--retention", "0"), ("--retention",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--rotation", "100"), ("--rotation",)),
                                            (2, "ring", ("--neurons", 10, "--degree", 2,
                                                         "--dynamics", "gpu-release"),
                                             ("gpu-release",))):
            with self.subTest(family=family, options=options):
                self.refused(code, "new", family, *options, "-o", target, says=says)
        self.refused(1, "new", "ring", "--neurons", 10, "--degree", 2, "-o", self.path("none")
                     + "/x.bdh.h5", says=("none",))
        self.assertEqual(os.listdir(self.folder), [])

    def test_nothing_is_overwritten_without_force(self):
        _, model = self.make()
        self.refused(1, "new", "ring", "--neurons", 600, "--degree", 10, "-o", model,
                     says=("--force",))
        self.make("ring", "--force")

    def test_ctrl_c_while_it_tunes_leaves_no_file(self):
        stderr = self.stopped(signal.SIGINT, "new", "erdos-renyi", "--neurons", "12000", "--degree",
                              "60", "--layers", "8", target=self.path("x.bdh.h5"), worked=0.5)
        self.assertOneLine(stderr, "stopped by a signal")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    main()
