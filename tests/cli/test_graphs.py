"""Models with explicit edges, from graph files to runs."""
import csv
import os

from program import RANDOM, CliTest, main

GRAPH = b"""source,target,weight,type
alice,bob,0.5,excitatory
bob,carol,0.8,
carol,alice,-0.3,inhibitory
alice,dave,0.4,
dave,bob,0.2,
"""
MATRIX = b"""%%MatrixMarket matrix coordinate real general
4 4 5
2 1 0.5
3 2 0.8
1 3 -0.3
4 1 0.4
2 4 0.2
"""


class Graphs(CliTest):
    def model(self, *options, graph=GRAPH):
        target = self.path("m.bdh.h5")
        self.good("import", "--gx", self.path("g.csv", graph), "--layers", 2, "-o", target,
                  "--force", *options)
        return target

    def readout(self):
        lines = ["source,target,weight"] + [f"{name},{t},{(t % 7 - 3) / 3}"
                                            for name in ("alice", "bob", "carol", "dave")
                                            for t in range(256)]
        return self.path("readout.csv", "\n".join(lines).encode())

    def test_shows_what_it_made(self):
        text = self.good("import", "--gx", self.path("g.csv", GRAPH), "--layers", 2, "-o",
                         self.path("m.bdh.h5"), "--rotation", "theta=100", "--sensory",
                         "random:2@1").stdout.decode()
        for part in ("4 neurons with names", "256 sensory nodes", "0 readout nodes", "2 layers",
                     "Gx: 5 edges, 4 excitatory and 1 inhibitory", "Gy: 5 edges",
                     "Gs: 10 synapses a layer, 5 of them partners added at rate 0",
                     "sensory: 512 edges", "model ", "wrote"):
            self.assertIn(part, text)

    def test_one_id_that_is_no_number_makes_all_of_them_names_which_is_said(self):
        for edges, says in ((b"0,1,1\n1,x12,1\n", ("mixed.csv:3: 'x12' is no number",
                                                   "all 3 nodes are names, '0' as well")),
                            (b"0,1,1\n1,2,1\n", ()), (b"a,b,1\nb,c,1\n", ())):
            graph, model = self.path("mixed.csv", b"source,target,weight\n"
                                     + edges), self.path("mixed.bdh.h5")
            stderr = self.good("import", "--gx", graph, "--layers", 1, "-o", model,
                               "--force").stderr
            if says:
                self.assertOneLine(stderr, *says)
            else:
                self.assertEqual(stderr, b"")

    def test_help_names_the_options(self):
        text = self.good("import", "--help").stdout.decode()
        for option in ("--gx --gy --gs --sensory --readout --layers --heads --dynamics "
                       "--retention --rotation --vocabulary").split():
            self.assertIn(option, text)

    def test_info_shows_of_edges_synapses_and_bytes(self):
        model = self.model("--rotation", "theta=100")
        text = self.good("info", model).stdout.decode()
        for part in ("4 excitatory and 1 inhibitory", "bytes for each circuit edge",
                     "for each synapse", "gx_inhibitory", "10 a layer", "alice"):
            self.assertIn(part, text)
        info = self.json("info", model)
        self.assertEqual((info["circuits"], info["synapses"], info["layers"]), ("direct", 10, 2))
        self.assertEqual(info["direct"]["Gx"], {"excitatory": 4, "inhibitory": 1})
        self.assertEqual(info["populations"], {"neurons": 4, "sensory": 256, "readout": 0})
        self.assertIn("gx_excitatory", self.good("info", model, "--rounds").stdout.decode())

    def test_formats_and_our_own_files_give_the_same_model(self):
        def imported(*files):
            self.good("import", "--gx", files[0], "--layers", 1, "-o", self.path("o.bdh.h5"),
                      "--force", *files[1:])
            return self.json("info", self.path("o.bdh.h5"))
        matrix = imported(self.path("g.mtx", MATRIX))
        numbers = GRAPH.replace(b"alice", b"0").replace(b"bob",
                                                        b"1").replace(b"carol",
                                                                      b"2").replace(b"dave", b"3")
        self.assertEqual(imported(self.path("n.csv", numbers))["content_sha256"],
                         matrix["content_sha256"])
        os.rename(self.path("o.bdh.h5"), self.path("first.bdh.h5"))
        inhibitory = imported(self.path("first.bdh.h5") + ":/projections/gx_inhibitory")
        self.assertEqual(inhibitory["direct"]["Gx"], {"excitatory": 0, "inhibitory": 1})

    def test_runs_without_readout_and_says_so_where_logits_are_needed(self):
        model, run = self.model(), self.path("run")
        done = self.good("run", model, "--text", "hello", "-o", run, "--save-state",
                         self.path("s.h5"))
        self.assertIn(b"5 tokens", done.stderr)
        self.assertNotIn(b"loss", done.stderr)
        with open(os.path.join(run, "summary.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([row["surprisal_nats"] for row in rows], [""] * 5)
        self.assertGreater(sum(float(row["active_x_1"]) for row in rows), 0)
        self.assertEqual(self.json("info", run)["model"]["synapses"], 5)
        for arguments in (("run", model, "--text", "hello", "--generate", 3),
                          ("run", model, "--text", "x", "-o", self.path("r"), "--record", "logits"),
                          ("evaluate", model, "--text-file", self.path("t", b"hello")),
                          ("verify", model, f"{RANDOM}/expected.h5")):
            self.refused(1, *arguments, says=("no readout nodes, and so no logits", "--readout"))
        self.assertFalse(os.path.exists(self.path("r")))

    def test_a_state_goes_on_with_the_same_bits(self):
        model = self.model("--readout", self.readout(), "--rotation", "theta=100", "--retention",
                           "0.9")
        state = self.path("s.h5")
        whole = self.json("run", model, "--text", "hello world", "--generate", 9, "--sites", 1)
        self.good("run", model, "--text", "hello ", "--save-state", state)
        rest = self.json("run", model, "--state", state, "--text", "world", "--generate", 9,
                         "--sites", 3)
        self.assertEqual(whole["generated"], rest["generated"])
        self.assertIn("nats_per_token", whole)
        self.assertIn(b"nats per token", self.good("evaluate", model, "--text-file",
                                                   self.path("t", b"hello world")).stdout)

    def test_a_neuron_fires_by_what_comes_from_its_own_head(self):
        # Token 0 excites a, of head 0, and c, of head 1; both write to c: A(c) is 1 from either
        # head, 2 where there is one.
        files = {"gx": b"a,a,1\nb,b,1\nc,c,1\nd,d,1\n", "gy": b"c,a,1\nc,c,1\na,b,1\na,d,1\n",
                 "gs": b"a,c,1\nc,c,1\n"}
        options = []
        for name, edges in files.items():
            path = self.path(name + ".csv", b"source,target,weight\n" + edges)
            options += [f"--{name}", path]
        sensory = self.path("s.csv", b"source,target,weight\n0,a,1\n0,c,1\n")
        for heads, fires in ((1, 2), (2, 1), (4, 1)):
            model, run = self.path(f"{heads}.bdh.h5"), self.path(f"run{heads}")
            self.good("import", *options, "--sensory", sensory, "--vocabulary", 1, "--layers", 1,
                      "--heads", heads, "-o", model)
            self.good("run", model, "--tokens", "0,0", "-o", run, "--record", "y:all", "--quiet")
            rows = list(csv.DictReader(self.good("inspect", run, "neuron:a",
                                                 "--csv").stdout.decode().splitlines()))
            self.assertEqual([row["y"] for row in rows], ["0", str(fires)], heads)
        self.assertEqual(self.json("info", model)["heads"], 4)

    def test_retention_is_a_number_or_a_file(self):
        self.assertEqual(self.json("info", self.model("--retention", "0.5"))["retention"], 0.5)
        own = self.path("u.csv", b"source,target,weight\nalice,bob,0.5\nbob,carol,1\n"
                        b"carol,alice,.25\nalice,dave,1\ndave,bob,1\n")
        self.assertTrue(self.json("info",
                                  self.model("--retention", own))["direct"]["own_retention"])

    def test_wrong_usage(self):
        graph, target = self.path("g.csv", GRAPH), self.path("x.bdh.h5")
        base = ("import", "--gx", graph, "-o", target)
        self.refused(2, *base, says=("--layers",))
        self.refused(2, "import", "-o", target, says=("CHECKPOINT or --gx",))
        self.refused(2, "import", f"{RANDOM}/model.pt", "-o", target, "--gy", graph, says=("--gx",))
        self.refused(2, *base, "--layers", 1, f"{RANDOM}/model.pt", says=("one of the two",))
        for option, value in (("--rotation", "100"), ("--rotation", "theta=0"),
                              ("--dynamics", "gpu-release"), ("--retention", "2"),
                              ("--retention", "0"), ("--vocabulary", "0"), ("--theta", "3"),
                              ("--causal", None)):
            self.refused(2, *base, "--layers", 1, option, *([value] if value else []),
                         says=(option,))
        self.refused(1, *base, "--layers", 1, "--heads", 3, says=("--heads: 3",))
        self.refused(1, *base, "--layers", 1, "--sensory", "random:9@1",
                     says=("random:K@SEED", "1 to 4"))
        self.refused(1, *base, "--layers", 1, "--retention", self.path("none"), says=("none",))
        self.refused(1, *base, "--layers", 1, "--tokenizer", "bytes", "--vocabulary", 7,
                     says=("vocabulary of 7",))
        self.assertFalse(os.path.exists(target))

    def test_bad_files_are_refused_in_one_line(self):
        target = self.path("x.bdh.h5")
        for content, says in ((b"", ("empty",)), (b"alice,bob\n", ("g.csv:1:", "source,target")),
                              (GRAPH + b"alice,bob,1,\n", ("g.csv:7:", "g.csv:2")),
                              (GRAPH + b"alice,bob\n", ("g.csv:7:", "2 fields")),
                              (GRAPH + b"a,b,nan,\n", ("g.csv:7:", "'nan'")),
                              (MATRIX[:-10], ("expected 5",)),
                              (MATRIX.replace(b"4 4 5", b"4 4 99999999"), ("g.csv:2:", "99999999")),
                              (b"<graphml>" * 100000, ("g.csv:1:", "deep")),
                              (b"source,target\n\x1b[31m,b,c\n", ("g.csv:2:",))):
            self.refused(1, "import", "--gx", self.path("g.csv", content), "--layers", 1, "-o",
                         target, says=says)
        self.refused(1, "import", "--gx", self.path("missing.csv"), "--layers", 1, "-o", target,
                     says=("missing.csv",))
        self.refused(1, "import", "--gx", self.folder, "--layers", 1, "-o", target)
        negative = self.path("gs.csv", b"source,target,weight\nalice,bob,-1\n")
        self.refused(1, "import", "--gx", self.path("g.csv", GRAPH), "--gs", negative, "--layers",
                     1, "-o", target, says=("gs.csv:2:", "0 or more"))
        self.assertFalse(os.path.exists(target))


if __name__ == "__main__":
    main()
