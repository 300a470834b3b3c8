"""bdh stats: numbers that can be counted by hand, the same bits for any number of threads, and what
it refuses."""
import csv
import os
import signal
import subprocess

from program import PATIENCE, CliTest, main

# Two triangles 0 1 2 and 3 4 5, 2 -> 3 between them; 0 <-> 1 lead both ways; 5 inhibits 0, and
# itself.
GRAPH = b"""source,target,weight
0,1,0.5
1,0,0.25
1,2,0.5
2,0,0.5
3,4,0.5
4,5,0.5
5,3,0.5
2,3,0.125
5,0,-0.5
5,5,-0.5
"""


class Stats(CliTest):
    def graph(self, content=GRAPH, *options):
        model = self.path("g.bdh.h5")
        self.good("import", "--gx", self.path("g.csv", content), "--layers", 1, "-o", model,
                  "--force", *options)
        return model

    def one(self, *arguments):
        found = self.json("stats", *arguments)
        self.assertEqual(len(found["results"]), 1)
        return found["results"][0]

    def test_counts_by_hand(self):
        r = self.one(self.graph(), "--modularity", "--triangles")
        self.assertEqual((r["head"], r["beta"], r["nodes"], r["pairs"]), ("all", 0, 6, 30))
        e, i, both = r["excitatory"], r["inhibitory"], r["both"]
        self.assertEqual((e["edges"], i["edges"], both["edges"]), (8, 1, 9))
        self.assertEqual((e["self_loops"], i["self_loops"]), (0, 1))
        self.assertEqual(e["weight"], 3.375)
        self.assertEqual(e["out_degree"]["histogram"], [[1, 4], [2, 2]])
        self.assertEqual(e["in_degree"]["histogram"], [[1, 4], [2, 2]])
        self.assertIsNone(e["in_degree"]["power_law"])
        self.assertEqual(e["in_degree"]["no_power_law"], "6 nodes with edges, 50 are needed")
        self.assertEqual(e["reciprocity"]["share"], 0.25)
        self.assertEqual(i["reciprocity"]["share"], 0)
        self.assertEqual((e["links"], both["links"]), (7, 8))
        self.assertEqual(e["components"], {"weak": {"count": 1, "largest": 6},
                                           "strong": {"count": 2, "largest": 3}})
        self.assertEqual(e["core"], {"k": 2, "nodes": 6, "histogram": [[2, 6]]})
        self.assertEqual(e["clustering"]["triangles"], 2)
        self.assertEqual(e["clustering"]["transitivity"], 0.6)
        self.assertEqual(e["modularity"]["leiden"]["sizes"], [3, 3])
        self.assertAlmostEqual(e["modularity"]["leiden"]["modularity"], 7 / 8 - 130 / 256)
        # Neuron 5 excites one and inhibits one, the others excite only; 0 is excited by 0.75 and
        # inhibited by 0.5.
        self.assertEqual(r["dale"]["by_edges"]["deciles"][0], 0)
        self.assertAlmostEqual(r["dale"]["by_edges"]["mean"], 5 / 6)
        self.assertAlmostEqual(r["balance"]["deciles"][0], 0.2)
        self.assertAlmostEqual(r["balance"]["mean"], 5.2 / 6)

    def test_a_threshold_and_a_share(self):
        model = self.graph()
        # above it, not at it
        self.assertEqual(self.one(model, "--beta", 0.25)["excitatory"]["edges"], 6)
        # of 30 pairs at most 7, all of |weight| 0.5
        self.assertEqual(self.one(model, "--keep", "0.25")["both"]["edges"], 7)
        results = self.json("stats", model, "--beta", "0,0.2,0.3", "--modularity")["results"]
        self.assertEqual([r["both"]["edges"] for r in results], [9, 8, 7])
        text = self.good("stats", model, "--beta", "0,0.2,0.3", "--modularity").stdout.decode()
        self.assertEqual(text.rstrip().split("\n")[-3].split()[:4], ["all", "0", "0.3", "9"])

    def test_heads(self):
        whole = self.one(self.random)
        self.assertEqual(len(whole["blocks"]), 4)
        beta = whole["beta"]
        each = self.json("stats", self.random, "--head", "each", "--beta", beta)["results"]
        self.assertEqual([r["head"] for r in each], ["0", "0->1", "1->0", "1"])
        for r, block in zip(each, whole["blocks"]):
            self.assertEqual((r["excitatory"]["edges"], r["inhibitory"]["edges"]),
                             (block["excitatory"], block["inhibitory"]))
            self.assertAlmostEqual(r["excitatory"]["weight"], block["excitatory_weight"])
        self.assertEqual(sum(r["both"]["edges"] for r in each), whole["both"]["edges"])
        across = self.one(self.random, "--head", "0->1", "--beta", 0)
        self.assertEqual((across["nodes"], across["pairs"], across["both"]["edges"]),
                         (64, 1024, 1024))
        self.assertIsNone(across["both"]["reciprocity"])
        self.assertEqual(across["both"]["in_degree"]["histogram"], [[32, 32]])

    def test_edges_that_lead_both_ways_from_head_to_head(self):
        direct = self.path("direct.bdh.h5")
        self.good("import", self.random, "--circuit", "direct", "-o", direct)
        for model in (self.random, direct):
            r = self.one(model, "--beta", 0.05)
            count = {(b["from"], b["to"]): {name: c["answered"] for name,
                                            c in b["reciprocity"].items()} for b in r["blocks"]}
            for name in ("excitatory", "inhibitory", "both"):
                # as many pairs, seen from either side
                self.assertEqual(count[0, 1][name], count[1, 0][name])
                answered = sum(c[name] for c in count.values())
                self.assertAlmostEqual(answered / r[name]["edges"], r[name]["reciprocity"]["share"])
            for b in r["blocks"]:
                self.assertAlmostEqual(b["reciprocity"]["excitatory"]["share"],
                                       b["reciprocity"]["excitatory"]["answered"] / b["excitatory"])
        for head in (0, 1):
            inner = self.one(direct, "--head", head, "--beta", 0.05)
            self.assertAlmostEqual(inner["both"]["reciprocity"]["share"] * inner["both"]["edges"],
                                   count[head, head]["both"])
        self.assertIn("reciprocity from head (row) to head (column)",
                      self.good("stats", direct).stdout.decode())

    def test_what_no_rewired_graph_can_change_has_no_z(self):
        """All links of a graph are between the neurons that have some: what differs is rounding."""
        model = self.graph(b"source,target,weight\n" + b"".join(
            b"%d,%d,1\n" % (k, (k + 1 + k % 3) % 14) for k in range(14))
            + b"0,7,1\n3,9,1\n5,12,1\n", "--neurons", 30)
        club = self.one(model, "--rewired", 20)["excitatory"]["rich_club"][0]
        rewired = club["rewired"]
        self.assertEqual((club["degree"], club["nodes"]), (0, 14))
        self.assertEqual((rewired["deviation"], rewired["z"], rewired["p"], rewired["mean"],
                          rewired["normalised"]), (0, None, 1, club["coefficient"], 1))

    def test_a_rich_club_against_rewired_graphs(self):
        # 8 hubs of 300 neurons, each with 20 edges of its own; all know each other, or none does.
        ring = [(i, (i + k) % 300) for i in range(300) for k in (1, 2)]
        spokes = [(hub, 8 + (hub * 37 + 7 * k) % 292) for hub in range(8) for k in range(20)]
        graphs = {"club": [(a, b) for a in range(8) for b in range(a)], "none": []}
        for name, among in graphs.items():
            edges = sorted(set(ring + spokes + among) if among else {e for e in ring + spokes
                                                                     if max(e) >= 8})
            model = self.graph(b"source,target,weight\n" + b"".join(b"%d,%d,1\n" % e
                                                                    for e in edges))
            done = self.good("stats", model, "--rewired", 30, "--json")
            self.assertIn(b"30 rewired graphs less than 1 s", done.stderr)
            found = self.one(model, "--rewired", 30)["excitatory"]["rich_club"]
            club = next(c for c in found if c["nodes"] <= 8)
            null = club["rewired"]
            self.assertAlmostEqual(null["normalised"], club["coefficient"] / null["mean"])
            if name == "club":
                self.assertEqual((club["nodes"], club["coefficient"], null["as_large"]), (8, 1, 0))
                self.assertGreater(null["normalised"], 1 + 5 * null["normalised_deviation"])
            else:
                self.assertLess(null["normalised"], 1)
                self.assertEqual(null["as_large"], 30)
        # sources stay sources
        across = self.one(self.random, "--head", "0->1", "--rewired", 3)["both"]
        self.assertEqual(len(across["rich_club"]),
                         len([c for c in across["rich_club"] if c["rewired"]["graphs"] == 3]))
        for c in across["rich_club"]:
            self.assertLessEqual(c["coefficient"], 1)
        text = self.good("stats", self.trained, "--keep", 0.001, "--rewired", 2).stdout.decode()
        for part in ("rich club (nodes)", "of rewired graphs", "normalised by theirs"):
            self.assertIn(part, text)
        for number in ("0", "1001", "x"):
            self.refused(2, "stats", model, "--rewired", number)

    def test_few_nodes_in_the_tail(self):
        # 1470 neurons have 1 to 10 edges, 30 as many as a power law from 50 on would give them.
        degrees = [1 + i % 10 for i in range(1470)] + [round(50 * ((i + 0.5) / 30) ** (-1 / 1.5))
                                                       for i in range(30)]
        edges = [(i, (i + 1 + k) % 1500) for i, degree in enumerate(degrees) for k in range(degree)]
        model = self.graph(b"source,target,weight\n" + b"".join(b"%d,%d,1\n" % e for e in edges))
        result = self.one(model)["excitatory"]["out_degree"]
        self.assertIsNone(result["power_law"])
        self.assertEqual(result["no_power_law"], "tail of 30 nodes, 50 are needed")
        self.assertIn("no power law, excitatory: " + result["no_power_law"],
                      self.good("stats", model).stdout.decode())

    def test_numbers_are_rounded_in_text_and_exact_in_json(self):
        r = self.one(self.random)
        text = self.good("stats", self.random).stdout.decode()
        self.assertIn(f"|weight| > {r['beta']:.4g} in", text)
        self.assertNotRegex(text, r"[0-9]\.[0-9]{7}")
        self.assertGreater(len(str(r["beta"])), 6)

    def test_no_estimate_where_nothing_takes_long(self):
        model = self.path("sparse.bdh.h5")
        self.good("new", "erdos-renyi", "--neurons", 20000, "--degree", 5, "-o", model)
        for arguments in ((), ("--keep", "0.0001,0.0002"), ("--head", "all")):
            self.assertEqual(self.good("stats", model, *arguments).stderr, b"")
        result = self.good("stats", model, "--fit-p", 1, "--triangles").stderr.decode()
        self.assertRegex(result, r"p values of 1 samples (less than 1|about [1-9]) s, triangles "
                         r"less than 1 s")

    def test_circuits_and_their_explicit_form_agree(self):
        direct = self.path("direct.bdh.h5")
        self.good("import", self.random, "--circuit", "direct", "-o", direct)
        for graph in ("gx", "gy"):
            found = [self.one(m, "--graph", graph, "--beta", 0.05, "--modularity")
                     for m in (self.random, direct)]
            self.assertEqual(found[0]["both"], found[1]["both"])
        self.assertEqual(self.one(direct, "--graph", "gs")["both"]["edges"], 64 * 63)
        self.refused(1, "stats", self.random, "--graph", "gs", says=("rate 1", "explicit edges"))

    def test_synapses_after_a_text_and_out_of_a_state(self):
        direct, state = self.path("direct.bdh.h5"), self.path("s.h5")
        self.good("import", self.random, "--circuit", "direct", "-o", direct)
        self.good("run", direct, "--text", "hello world", "--save-state", state)
        choice = ("--graph", "sigma", "--layer", 2, "--beta", 0.5)
        hubs, text = self.one(self.random, *choice, "--text", "hello world"), self.one(direct,
                                                                                      *choice,
                                                                                      "--text",
                                                                                      "hello world")
        stored = self.one(direct, *choice, "--state", state)
        self.assertGreater(hubs["both"]["edges"], 100)
        for other in (text, stored):
            self.assertEqual(other["both"]["in_degree"], hubs["both"]["in_degree"])
            self.assertAlmostEqual(other["inhibitory"]["weight"] / hubs["inhibitory"]["weight"], 1,
                                   places=5)
        self.assertNotEqual(self.one(self.random, *choice, "--text", "hello world", "--factor",
                                     "y")["both"], hubs["both"])
        self.good("run", self.random, "--text", "hello world", "--save-state", self.path("h.h5"))
        self.refused(1, "stats", self.random, *choice, "--state", self.path("h.h5"),
                     says=("hubs", "--text"))
        self.refused(1, "stats", self.random, "--graph", "sigma", "--layer", 4, "--text", "a",
                     says=("--layer", "1 to 3"))
        self.refused(1, "stats", self.random, *choice, "--text", "")
        for arguments in (("--graph", "sigma", "--text", "a"), choice,
                          (*choice, "--text", "a", "--state", state),
                          (*choice, "--state", state, "--factor", "y"), ("--text", "a"),
                          ("--layer", 1), ("--factor", "w")):
            self.refused(2, "stats", direct, *arguments)

    def test_no_bit_depends_on_threads(self):
        for arguments in (("stats", self.trained, "--keep", 0.0005, "--json"),
                          ("stats", self.random, "--modularity", "--nulls", 2, "--json")):
            one = self.good(*arguments, "--threads", 1).stdout
            self.assertEqual(one, self.good(*arguments, "--threads", 3).stdout)
        self.assertNotEqual(one, self.good(*arguments, "--seed", 1).stdout)

    def test_planted_communities_and_nulls(self):
        model = self.path("blocks.bdh.h5")
        self.good("new", "blocks", "--neurons", 400, "--degree", 12, "--communities", 4, "-o",
                  model)
        found = self.one(model, "--modularity", "--nulls", 5)["both"]["modularity"]
        self.assertEqual(found["leiden"]["sizes"], [100] * 4)
        null = found["random_graph"]
        self.assertGreater(found["leiden"]["modularity"], null["modularity_mean"]
                           + 10 * null["modularity_deviation"])
        # a single one has no deviation
        one = self.one(model, "--modularity", "--nulls", 1, "--rewired", 1)["both"]
        self.assertIsNone(one["modularity"]["random_graph"]["modularity_deviation"])
        self.assertIsNone(one["rich_club"][0]["rewired"]["deviation"])
        self.assertNotIn("±", self.good("stats", model, "--modularity", "--nulls", 1, "--rewired",
                                        1).stdout.decode())
        # a graph without hubs has no depth to draw them with
        self.assertNotIn("gaussian_product", found)
        model = self.path("random.bdh.h5")
        self.good("new", "erdos-renyi", "--neurons", 400, "--degree", 12, "-o", model)
        found = self.one(model, "--modularity", "--nulls", 10)["both"]["modularity"]
        null = found["random_graph"]
        self.assertLess(abs(found["leiden"]["modularity"] - null["modularity_mean"]),
                        5 * null["modularity_deviation"])

    def test_null_models_have_z_and_p(self):
        found = self.json("stats", self.random, "--modularity", "--nulls", 9, "--rewired", 9,
                          "--triangles", "--json")["results"][0]
        both = found["both"]
        drawn = [both["modularity"][null] for null in ("random_graph", "rewired",
                                                       "gaussian_product")]
        drawn += [both["reciprocity"]["rewired"], both["clustering"]["rewired"]["mean"],
                  both["clustering"]["rewired"]["transitivity"], both["rich_club"][0]["rewired"],
                  found["signed_modularity"]["rewired"]]
        for null in drawn:
            self.assertEqual(null["graphs"], 9)
            self.assertIn(round(null["p"] * 10), (2, 4, 6, 8, 10))  # twice k of 10
        own = both["modularity"]["leiden"]["modularity"]
        for null in drawn[:3]:
            self.assertAlmostEqual(null["z"],
                                   (own - null["modularity_mean"]) / null["modularity_deviation"])
        text = self.good("stats", self.random, "--modularity", "--nulls", 2, "--rewired", 2,
                         "--triangles").stdout.decode()
        for line in ("modularity of both signs", "  of rewired graphs", "    z, p", "  z, p"):
            self.assertIn("\n" + line, text)
        # a single graph has no deviation, and no z
        one = self.one(self.random, "--rewired", 1)["both"]["reciprocity"]["rewired"]
        self.assertEqual((one["deviation"], one["z"], one["p"]), (None, None, 1))
        # from head to head nothing leads back
        across = self.one(self.random, "--head", "0->1", "--rewired", 2)["both"]
        self.assertIsNone(across["reciprocity"])

    def test_modularity_of_both_signs_by_hand(self):
        # Two triangles whose edges excite, with inhibition between them: w+ = 6, w- = 2.
        edges = [(0, 1, 1), (1, 2, 1), (2, 0, 1), (3, 4, 1), (4, 5, 1), (5, 3, 1), (0, 3, -1),
                 (4, 1, -1)]
        model = self.graph(b"source,target,weight\n" + b"".join(b"%d,%d,%d\n" % e
                                                                for e in edges))
        found = self.json("stats", model, "--modularity", "--json")["results"][0]
        self.assertEqual(found["signed_modularity"]["sizes"], [3, 3])
        # Q+ = 2 (3/6 - (6/12)^2) = 1/2; Q- = 2 (0 - (2/4)^2) = -1/2
        self.assertAlmostEqual(found["signed_modularity"]["by_excitatory"], 6 / 8 / 2)
        self.assertAlmostEqual(found["signed_modularity"]["by_inhibitory"], 2 / 8 / 2)
        self.assertAlmostEqual(found["signed_modularity"]["modularity"], 1 / 2)

    def test_p_values_and_estimates(self):
        model = self.path("scale-free.bdh.h5")
        self.good("new", "scale-free", "--neurons", 2000, "--degree", 8, "-o", model)
        done = self.good("stats", model, "--fit-p", 20, "--json")
        self.assertIn(b"p values of 20 samples", done.stderr)
        fit = self.one(model, "--fit-p", 20)["both"]["out_degree"]["power_law"]
        self.assertAlmostEqual(fit["alpha"], 3, delta=0.5)  # the family's exponent
        self.assertEqual(fit["p_samples"], 20)
        self.assertTrue(0 <= fit["p"] <= 1)

    def test_a_line_for_each_neuron(self):
        out = self.path("n.csv")
        self.good("stats", self.graph(), "--modularity", "--neurons", out)
        with open(out, newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(len(rows), 6)
        self.assertEqual((rows[0]["excitatory_in"], rows[0]["inhibitory_in"],
                          rows[5]["dale_by_edges"]), ("2", "1", "0"))
        self.assertEqual([row["community_excitatory"] for row in rows], ["0"] * 3 + ["1"] * 3)
        self.refused(1, "stats", self.graph(), "--neurons", out, says=("exists",))
        self.good("stats", self.graph(), "--neurons", out, "--force")

    def test_text(self):
        text = self.good("stats", self.trained, "--modularity", "--triangles").stdout.decode()
        for part in ("Gx of", "4096 neurons", "excitatory", "in-degree, mean",
                     "power law: exponent", "against lognormal", "reciprocity", "strong components",
                     "innermost core", "rich club", "transitivity", "modularity, Leiden",
                     "Dale index", "balance of what arrives"):
            self.assertIn(part, text)
        self.assertLess(max(map(len, text.split("\n"))), 140)

    def test_no_edges_at_all(self):
        r = self.one(self.graph(), "--beta", 9, "--modularity", "--triangles", "--fit-p", 3)
        self.assertEqual((r["both"]["edges"], r["both"]["components"]["weak"]["count"],
                          r["dale"]["by_edges"]["neurons"]), (0, 6, 0))
        self.assertNotIn("modularity", r["both"])
        self.assertIsNone(r["both"]["reciprocity"])
        self.assertIn("no neuron has edges", self.good("stats", self.graph(), "--beta",
                                                       9).stdout.decode())

    def test_help(self):
        text = self.good("stats", "--help").stdout.decode()
        for option in ("--graph --head --beta --keep --modularity --nulls --rewired --fit-p "
                       "--triangles --neurons --force --seed --threads --layer --text --text-file "
                       "--state --factor --retention --json").split():
            self.assertIn(option, text)

    def test_bad_usage_and_bad_input(self):
        model = self.graph()
        for arguments in (("--beta", -1), ("--beta", "nan"), ("--beta", "1,,2"), ("--beta", ""),
                          ("--keep", 0), ("--keep", 2), ("--keep", "1e-3x"),
                          ("--beta", 1, "--keep", 0.1), ("--graph", "gz"), ("--nulls", 3),
                          ("--fit-p", 0), ("--threads", 0), ("--force",),
                          ("--beta", "1,2", "--neurons", "n.csv"),
                          ("--beta", ",".join(["1"] * 101))):
            self.refused(2, "stats", model, *arguments)
        self.refused(2, "stats")
        for head in ("1", "0->1", "->", "0->", "x", "-1", ""):
            self.refused(1, "stats", model, "--head", head, says=("--head",))
        self.refused(1, "stats", self.path("missing.bdh.h5"))
        self.refused(1, "stats", self.path("bad.bdh.h5", b"no model"))
        self.refused(1, "stats", model, "--neurons", os.path.join(self.folder, "no", "n.csv"))

    def test_ctrl_c(self):
        out = self.path("n.csv")
        started = self.start("stats", self.trained, "--keep", "0.02", "--fit-p", "100000",
                             "--neurons", out, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while b"p values" not in started.stderr.readline():
            self.assertIsNone(started.poll())
        started.send_signal(signal.SIGINT)
        said = started.communicate(timeout=PATIENCE)
        self.assertEqual(started.returncode, 130)
        self.assertEqual(said[0], b"")
        self.assertIn(b"stopped by a signal", said[1])
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    main()
