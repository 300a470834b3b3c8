"""bdh merge and bdh slice: models joined along their neurons, and parts of models."""
import json
import math
import os
import resource
import signal
import subprocess

from program import PATIENCE, PROGRAM, RANDOM, CliTest, bdh, main, small_checkpoint

TEXT = "To be, or not to be: that is the question. "


class Surgery(CliTest):
    def hash(self, model):
        return self.json("info", model)["content_sha256"]

    def logits(self, model, *options, text=TEXT):
        """A run that recorded them."""
        run = self.path("run-%d" % len(os.listdir(self.folder)))
        self.good("run", model, "--text", text, "-o", run, "--record", "logits", "--quiet",
                  *options)
        return run

    def difference(self, model, other, text=TEXT):
        """The largest difference of a logit, as a part of the largest."""
        expected = os.path.join(self.logits(other, text=text), "logits.h5")
        done = bdh("verify", model, expected, "--json", "--tolerance", 1)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)["logits"]["relative"]

    def merged(self, a, b, *options, name="merged.bdh.h5"):
        target = self.path(name)
        return self.good("merge", a, b, "-o", target, *options), target

    def sliced(self, model, *options, name="sliced.bdh.h5"):
        target = self.path(name)
        return self.good("slice", model, "-o", target, *options), target


class Hubs(Surgery):
    def test_a_model_joined_with_itself_with_half_of_e_is_itself(self):
        done, both = self.merged(self.trained, self.trained, "--scale-e", "0.5")
        for part in (b"8192 neurons in 4 heads, 4 layers",
                     b"of each head, the first 1024 neurons are those of", b"wrote"):
            self.assertIn(part, done.stdout)
        self.assertLess(self.difference(both, self.trained), 1e-5)
        # Without it gains hide a factor of 2 as well, but for the constant under their root.
        _, doubled = self.merged(self.trained, self.trained, name="doubled.bdh.h5")
        self.assertTrue(1e-5 < self.difference(doubled, self.trained) < 1e-3)

    def test_a_slice_of_it_is_the_model_bit_for_bit(self):
        _, both = self.merged(self.trained, self.trained, "--scale-e", "0.5")
        for neurons in ("0-1023", "1024-2047"):
            _, part = self.sliced(both, "--each-head", "--neurons", neurons, "--scale-e", 2,
                                  "--force")
            info, whole = self.json("info", part), self.json("info", self.trained)
            self.assertEqual(info["renumbered"], neurons != "0-1023")
            if neurons == "0-1023":
                self.assertEqual(info["content_sha256"], whole["content_sha256"])
            self.assertEqual(self.difference(part, self.trained), 0)

    def test_both_can_be_evaluated(self):
        text = self.path("text", (TEXT * 3).encode())
        whole = self.json("evaluate", self.trained, "--text-file", text)["nats_per_token"]
        both = self.json("evaluate", self.merged(self.trained, self.trained, "--scale-e", "0.5")[1],
                         "--text-file", text)["nats_per_token"]
        self.assertAlmostEqual(both, whole, delta=1e-5)
        half = self.json("evaluate", self.sliced(self.trained, "--heads", "0,2-3")[1],
                         "--text-file", text)["nats_per_token"]
        self.assertTrue(math.isfinite(half) and abs(half - whole) > 0.01, (half, whole))

    def test_a_slice_is_the_model_with_the_others_silent(self):
        _, part = self.sliced(self.trained, "--each-head", "--neurons", "0-511")
        silent = ",".join(f"{h * 1024 + 512}-{h * 1024 + 1023}" for h in range(4))
        expected = os.path.join(self.logits(self.trained, "--do", f"silence x:{silent}"),
                                "logits.h5")
        result = self.json("verify", part, expected)["logits"]
        self.assertLess(result["relative"], 1e-5)
        self.assertGreater(self.difference(part, self.trained), 1e-2)  # and not the whole model

    def test_neurons_of_both_keep_their_numbers(self):
        # Two heads of 32 neurons: neuron k of head h of B comes after the 32 of A.
        _, both = self.merged(self.random, self.random)
        done, one = self.sliced(both, "--neurons", "32-33,96-97")
        self.assertIn(b"4 of 128 neurons, 2 of 2 heads", done.stdout)
        import_text = self.good("export", one, "-o", self.path("n.csv")).stdout
        self.assertIn(b"4 nodes", import_text)
        with open(self.path("n.nodes.csv")) as f:
            original = [line.strip().split(",")[5] for line in f.readlines()[1:]]
        self.assertEqual(original, ["64", "65", "96", "97"])  # 64 + neuron 0, 1, 32, 33 of B

    def test_what_turns_together_stays_together(self):
        done, _ = self.sliced(self.random, "--neurons", "5,37")
        self.assertIn(b"4 of 64 neurons", done.stdout)
        self.assertIn(b"2 of them because they turn together", done.stdout)

    def test_heads_keep_the_same_frequencies(self):
        out = self.path("x.bdh.h5")
        self.refused(1, "slice", self.random, "--neurons", "0-3,32-33", "-o", out,
                     says=("head 1: 2 neurons", "expected 4", "same positions"))
        self.refused(1, "slice", self.random, "--neurons", "0-1,34-35", "-o", out,
                     says=("head 1", "frequencies"))
        done, _ = self.sliced(self.random, "--neurons", "32-63")
        self.assertIn(b"32 of 64 neurons, 1 of 2 heads", done.stdout)
        self.assertEqual(self.hash(self.path("sliced.bdh.h5")),
                         self.hash(self.sliced(self.random, "--heads", "1", name="h.bdh.h5")[1]))

    def test_models_that_do_not_fit_are_refused(self):
        out = self.path("x.bdh.h5")
        def made(name, *options, **shape):
            small_checkpoint(self.path(name + ".safetensors"), shape.pop("vocabulary", 16), **shape)
            self.good("import", self.path(name + ".safetensors"), "-o", self.path(name),
                      *(options or ("--layers", 2)))
            return self.path(name)
        model = made("a", heads=2)
        graph = self.path("g.bdh.h5")
        self.good("new", "ring", "--neurons", 8, "--degree", 2, "--target-activity", "0.3",
                  "--seed", 1, "-o", graph)
        direct = self.path("d.bdh.h5")
        self.good("import", model, "--circuit", "direct", "-o", direct)
        for other, says in ((made("hubs", heads=2, d=5),
                             ("hubs: 4 and 5", "the same in both models")),
                            (made("heads", heads=1), ("heads: 2 and 1",)),
                            (made("tokens", heads=2, vocabulary=17), ("sensory nodes: 16 and 17",)),
                            (made("layers", "--layers", 3, heads=2), ("layers: 2 and 3",)),
                            (made("eps", "--layers", 2, "--eps", "1e-4", heads=2), ("epsilon",)),
                            (graph, ("circuits: through hubs and explicit edges",))):
            self.refused(1, "merge", model, other, "-o", out, says=says)
        self.refused(1, "merge", direct, direct, "-o", out,
                     says=("pool", "bdh import --circuit direct"))
        self.refused(1, "merge", graph, graph, "-o", out, "--scale-e", 2, says=("scale_e", "no E"))
        self.assertFalse(os.path.exists(out))


class Graphs(Surgery):
    GRAPH = b"source,target,weight\na,b,0.5\nb,c,0.8\nc,a,-0.3\na,d,0.4\nd,b,0.2\n"

    def graph(self, name="g", content=GRAPH, *options):
        readout = ["source,target,weight"] + [f"{n},{t},{(t % 7 - 3) / 3}" for n in "abcd"
                                              for t in range(256)]
        target = self.path(name + ".bdh.h5")
        self.good("import", "--gx", self.path(name + ".csv", content), "--layers", 2, "-o", target,
                  "--readout", self.path("readout.csv", "\n".join(readout).encode()), *options)
        return target

    def test_graphs_lie_side_by_side(self):
        model = self.graph()
        done, both = self.merged(model, model)
        self.assertIn(b"names: 1/NAME and 2/NAME", done.stdout)
        info = self.json("info", both)
        self.assertEqual((info["populations"]["neurons"], info["direct"]["Gx"]),
                         (8, {"excitatory": 8, "inhibitory": 2}))
        self.assertLess(self.difference(both, model), 1e-6)
        _, first = self.sliced(both, "--neurons", "1/a,1/b,1/c,1/d")
        text = self.good("export", first, "-o", self.path("e.csv")).stdout
        self.assertIn(b"4 nodes, 5 edges", text)
        with open(self.path("e.csv")) as f:
            self.assertIn('"1/c","1/a",Directed,gx_inhibitory/0,-0.3', f.read())

    def test_synapses_keep_their_own_retention(self):
        own = self.path("u.csv", self.GRAPH.replace(b"-0.3", b"0.25"))
        one, other = self.graph("one", self.GRAPH, "--retention",
                                own), self.graph("other", self.GRAPH, "--retention", "0.5")
        _, both = self.merged(one, other)
        self.assertTrue(self.json("info", both)["direct"]["own_retention"])
        for model, names in ((one, "1/a,1/b,1/c,1/d"), (other, "2/a,2/b,2/c,2/d")):
            _, part = self.sliced(both, "--neurons", names, "--force")
            self.assertEqual(self.shares(model), self.shares(part))

    def shares(self, model):
        """The active share of every layer and token."""
        with open(os.path.join(self.logits(model), "summary.csv")) as f:
            return [line.split(",")[2:6] for line in f]

    def test_rotation_tables_follow_each_other(self):
        turning = self.graph("t", self.GRAPH, "--rotation", "theta=100")
        _, both = self.merged(turning, turning)
        self.assertLess(self.difference(both, turning), 1e-6)
        self.refused(1, "merge", turning, self.graph(), "-o", self.path("x.bdh.h5"),
                     says=("rotation: rotation and none",))
        done, _ = self.sliced(turning, "--neurons", "a")
        self.assertIn(b"1 of them because they turn together", done.stdout)


class Usage(Surgery):
    def test_wrong_usage(self):
        out = self.path("x.bdh.h5")
        for code, arguments, says in ((2, ("merge", self.random, "-o", out), ("B",)),
                                      (2, ("merge", self.random, self.random), ("-o",)),
                                      (2, ("merge", self.random, self.random, "-o", out,
                                           "--scale-e", "0"), ("--scale-e",)),
                                      (2, ("merge", self.random, self.random, "-o", out,
                                           "--scale-e", "nan"), ("--scale-e",)),
                                      (1, ("merge", self.random, self.path("none"), "-o", out),
                                       ("none",)),
                                      (1, ("merge", self.random, f"{RANDOM}/model.safetensors",
                                           "-o", out), ("bdh import",)),
                                      (1, ("merge", self.random, self.random, "-o", self.random),
                                       ("exists", "--force")),
                                      (2, ("slice", self.random, "-o", out),
                                       ("--neurons and --heads",)),
                                      (2, ("slice", self.random, "-o", out, "--neurons", "1",
                                           "--heads", "0"), ("--neurons and --heads",)),
                                      (2, ("slice", self.random, "-o", out, "--heads", "0",
                                           "--each-head"), ("--each-head",)),
                                      (1, ("slice", self.random, "-o", out, "--heads", "2"),
                                       ("--heads: '2'", "0 to 1")),
                                      (1, ("slice", self.random, "-o", out, "--heads", "1-0"),
                                       ("--heads",)),
                                      (1, ("slice", self.random, "-o", out, "--heads", ""),
                                       ("--heads",)),
                                      (1, ("slice", self.random, "-o", out, "--neurons", "64"),
                                       ("64", "0 to 63")),
                                      (1, ("slice", self.random, "-o", out, "--neurons", "x"),
                                       ("'x'",)),
                                      (1, ("slice", self.random, "-o", out, "--neurons", "top:3"),
                                       ("top:",)),
                                      (1, ("slice", self.random, "-o", out, "--each-head",
                                           "--neurons", "32"), ("0 to 31",)),
                                      (1, ("slice", self.random, "-o", self.path("no/such.bdh.h5"),
                                           "--heads", "0"), ("no such folder",))):
            self.refused(code, *arguments, says=says)
        self.assertFalse(os.path.exists(out))
        cut = self.path("cut.bdh.h5")
        with open(self.random, "rb") as f:
            data = f.read()
        for content in (data[:len(data) // 2], data[:3000] + b"\1" + data[3001:], b"", b"text"):
            with open(cut, "wb") as f:
                f.write(content)
            self.refused(1, "merge", self.random, cut, "-o", out, says=("cut.bdh.h5",))
            self.refused(1, "slice", cut, "--heads", "0", "-o", out, says=("cut.bdh.h5",))
        self.assertFalse(os.path.exists(out))
        for command, options in (("merge", "--scale-e --force"),
                                 ("slice", "--neurons --heads --each-head --scale-e")):
            text = self.good(command, "--help").stdout.decode()
            for option in options.split():
                self.assertIn(option, text)

    def test_a_full_disk_or_a_signal_leaves_nothing(self):
        out = self.path("out")
        os.mkdir(out)
        commands = (["merge", self.trained, self.trained], ["slice", self.trained, "--heads",
                                                            "0-2"])
        for command in commands:
            done = subprocess.run([PROGRAM, *command, "-o", os.path.join(out, "x.bdh.h5")],
                                  capture_output=True, timeout=PATIENCE,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                        (100000, 100000)))
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertOneLine(done.stderr, "x.bdh.h5", "cannot be written")
            self.assertEqual(os.listdir(out), [])
        for command in commands:
            result = self.stopped(signal.SIGINT, *command, target=os.path.join(out, "x.bdh.h5"))
            self.assertIn(b"stopped by a signal", result)
            self.assertEqual(os.listdir(out), [])
            process = self.start(*command, "-o", os.path.join(out, "x.bdh.h5"))
            self.wait_for(lambda: os.listdir(out))  # a temporary file, or the model already
            process.send_signal(signal.SIGINT)
            # what is being written may as well be finished
            self.assertIn(process.wait(PATIENCE), (0, 130))
            self.assertEqual(os.listdir(out), ["x.bdh.h5"] if process.returncode == 0 else [])
            if process.returncode == 0:
                os.remove(os.path.join(out, "x.bdh.h5"))


if __name__ == "__main__":
    main()
