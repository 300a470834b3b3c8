"""bdh export: graphs and recordings in the formats of other programs, read back by our own importer
where it knows the format."""
import csv
import os
import resource
import signal
import struct
import subprocess
import zipfile
import xml.etree.ElementTree as xml

from program import PATIENCE, PROGRAM, SANITIZED, CliTest, main, small_checkpoint

NAMES = ["alice", "b & <c>", 'say "hi", twice', "d'Artagnan", "e\\n", "größe", "zero"]
EDGES = [(0, 1, 0.5), (1, 2, 0.8), (2, 0, -0.3), (0, 3, 0.4), (3, 1, 0.1), (4, 5, 1e-7),
         (5, 4, -2.5), (1, 1, 0.25), (6, 0, 123456.78)]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Export(CliTest):
    def graph(self, names=NAMES, edges=EDGES, name="g.bdh.h5"):
        lines = ["source,target,weight"] + [f"{quoted(names[s])},{quoted(names[t])},{w}" for s, t,
                                            w in edges]
        target = self.path(name)
        self.good("import", "--gx", self.path("g.csv", "\n".join(lines).encode()), "--layers", 2,
                  "-o", target, "--force")
        return target

    def export(self, model, name, *options):
        target = self.path(name)
        return self.good("export", model, "-o", target, *options), target

    def edges_of(self, model, graph="gx"):
        """source name -> target name: weight, by way of CSV, as Python reads it."""
        target = self.path("edges-%d.csv" % len(os.listdir(self.folder)))
        self.good("export", model, "-o", target, "--graph", graph)
        with open(target, newline="", encoding="utf-8") as f:
            return {(row["Source"], row["Target"]): row["Weight"] for row in csv.DictReader(f)}


class Pairs(Export):
    """The strongest of all pairs of neurons: out of a run, and after a text."""

    def setUp(self):
        super().setUp()
        self.good("run", self.random, "--text", "hello world, hello", "-o", self.path("run"),
                  "--record", "pairs:top:40 every 3", "--record", "pairs:top:5 factor y")

    def rows(self, source, name, *options):
        _, target = self.export(source, name, *options)
        with open(target, newline="") as f:
            return {(row["Source"], row["Target"]): float(row["Weight"])
                    for row in csv.DictReader(f)}

    def inspected(self, pair, layer, *options):
        """position: strength."""
        text = self.good("inspect", self.path("run"), "->".join(pair), "--layer", layer, "--csv",
                         *options).stdout.decode()
        return {int(row["position"]): row["strength"] for row in csv.DictReader(text.splitlines())}

    def test_what_a_run_recorded(self):
        run = self.path("run")
        for position, options in ((15, ()), (6, ("--at", 6))):
            found = self.rows(run, f"pairs-{position}.csv", "--layer", 2, *options)
            self.assertEqual(len(found), 40)
            for pair in list(found)[::9]:
                self.assertAlmostEqual(float(self.inspected(pair, 2)[position]) / found[pair], 1,
                                       places=6)
        self.assertEqual(len(self.rows(run, "y.csv", "--layer", 3, "--factor", "y")), 5)
        # no neuron acts before layer 1: a graph without edges
        self.assertEqual(self.rows(run, "none.csv", "--layer", 1), {})
        done, target = self.export(run, "pairs.graphml", "--layer", 2)
        self.assertIn(b"sigma: ", done.stdout)
        with open(target, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("strengths of synapses between neurons", text)
        self.assertIn(", layer 2, after token 15", text)

    def test_after_a_text_they_are_those_of_the_run(self):
        options = ("--graph", "sigma", "--layer", 2, "--text", "hello world, hel", "--top-weights",
                   40)
        found = self.rows(self.random, "text.csv", *options)
        recorded = self.rows(self.path("run"), "run.csv", "--layer", 2)
        self.assertEqual(found.keys(), recorded.keys())
        for pair, strength in found.items():
            self.assertAlmostEqual(strength / recorded[pair], 1, places=4)
        stats = self.json("stats", self.path("run"), "--layer", 2, "--json")
        self.assertEqual((stats["graph"], stats["layer"], stats["factor"], stats["after_token"]),
                         ("sigma", 2, "w", 15))
        run = stats["results"][0]["both"]
        to_itself = sum(source == target for source, target in found)
        self.assertEqual((run["edges"], run["self_loops"]), (40 - to_itself, to_itself))
        # as many pairs of two neurons
        text = self.json("stats", self.random, *options[:-1], 40 - to_itself,
                         "--json")["results"][0]["both"]
        for degree in ("in_degree", "out_degree"):
            self.assertEqual(text[degree], run[degree])
        again = self.path("again.bdh.h5")
        self.good("import", "--gx", self.path("text.csv"), "--layers", 1, "-o", again)

    def test_step_lists_the_same_pairs(self):
        done = self.good("step", self.random, stdin=b"text hello world, hel\ntop pairs 40 layer 2\n"
                         b"top pairs 2 layer 1\n").stdout.decode()
        self.assertIn("the 40 strongest of 4,096 pairs of neurons, layer 2, factor w\n", done)
        self.assertIn("the 0 strongest of 4,096 pairs of neurons, layer 1, factor w\n", done)
        listed = {tuple(pair.split("->")): float(strength)
                  for pair, strength in (line.split() for line in done.splitlines()
                                         if "->" in line)}
        recorded = self.rows(self.path("run"), "run.csv", "--layer", 2)
        self.assertEqual(listed.keys(), recorded.keys())
        for pair, strength in listed.items():
            self.assertAlmostEqual(strength / recorded[pair], 1, places=4)

    def test_what_cannot_be(self):
        run = self.path("run")
        for code, says, arguments in (
                (1, ("token", "7", "0 to 15, each 3"), (run, "--layer", 2, "--at", 7)),
                (1, ("no pairs of layer 4 recorded", "pairs:top:1000"), (run, "--layer", 4)),
                (1, ("--layer", "1 to 3"), (self.random, "--graph", "sigma", "--layer", 4,
                                            "--text", "a", "--top-weights", 3)),
                (2, ("--layer",), (run,)),
                (2, ("--at",), (self.random, "--at", 3)),
                (2, ("a text",), (run, "--layer", 2, "--text", "a")),
                (2, ("gy", "sigma"), (run, "--layer", 2, "--graph", "gy"))):
            says = tuple(word for word in says if word != "token")
            self.refused(code, "export", *arguments, "-o", self.path("x.csv"), says=says)
        for code, says, arguments in (
                (1, ("7", "0 to 15, each 3"), (run, "--layer", 2, "--at", 7)),
                (2, ("--layer",), (run,)), (2, ("--at",), (self.random, "--at", 3)),
                (2, ("--top-weights",), (self.random, "--top-weights", 3, "--keep", 0.1)),
                (2, ("0", "1 to 1e12"), (self.random, "--top-weights", 0))):
            self.refused(code, "stats", *arguments, says=says)

    def test_only_where_the_model_is_as_it_was(self):
        model = self.path("moved.bdh.h5")
        self.good("slice", self.random, "--neurons", "0-63", "-o", model)
        self.good("run", model, "--text", "hello", "-o", self.path("gone"), "--record",
                  "pairs:top:5")
        os.remove(model)
        self.refused(1, "export", self.path("gone"), "--layer", 2, "-o", self.path("x.csv"),
                     says=("model", "not there"))


class Formats(Export):
    def test_csv_shows_all_of_nodes_and_edges(self):
        done, target = self.export(self.graph(), "out.csv")
        self.assertEqual(done.stdout.decode(),
                         f"gx: 7 nodes, 9 edges, source -> target\nwrote {target}\n")
        with open(target, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([(r["Source"], r["Target"]) for r in rows],
                         # target by target, sources ascending
                         [(NAMES[s], NAMES[t]) for s, t,
                          _ in sorted(EDGES, key=lambda e: (e[1], e[0]))])
        by_pair = {(r["Source"], r["Target"]): r for r in rows}
        for source, target_node, weight in EDGES:
            row = by_pair[NAMES[source], NAMES[target_node]]
            self.assertAlmostEqual(float(row["Weight"]), weight, delta=abs(weight) * 1e-6)
            self.assertEqual((row["Type"], row["Sign"]), ("Directed", "inhibitory" if weight < 0
                                                          else "excitatory"))
            self.assertEqual(float(row["Magnitude"]), abs(float(row["Weight"])))
        # Positions in the projection of each sign, row = target.
        self.assertEqual([r["Id"] for r in rows if r["Sign"] == "inhibitory"],
                         ["gx_inhibitory/0", "gx_inhibitory/1"])
        self.assertEqual([r["Id"] for r in rows if r["Sign"] == "excitatory"],
                         [f"gx_excitatory/{k}" for k in range(7)])
        with open(target.replace(".csv", ".nodes.csv"), newline="", encoding="utf-8") as f:
            nodes = list(csv.DictReader(f))
        self.assertEqual([(n["Id"], n["Label"], n["Number"], n["Kind"], n["Head"]) for n in nodes],
                         [(name, name, str(i), "neuron", "0") for i, name in enumerate(NAMES)])

    def test_what_is_read_back_has_the_same_edges(self):
        model = self.graph()
        expected = self.edges_of(model)
        for suffix in ("csv", "graphml"):
            _, target = self.export(model, "out." + suffix)
            self.good("import", "--gx", target, "--layers", 2, "-o", self.path("back.bdh.h5"),
                      "--force")
            self.assertEqual(self.edges_of(self.path("back.bdh.h5")), expected)
        _, target = self.export(model, "out.mtx")
        self.good("import", "--gx", target, "--layers", 2, "-o", self.path("back.bdh.h5"),
                  "--force")
        numbers = {name: str(i) for i, name in enumerate(NAMES)}
        self.assertEqual(self.edges_of(self.path("back.bdh.h5")),
                         {(numbers[s], numbers[t]): w for (s, t), w in expected.items()})

    def test_every_float_comes_back_bit_for_bit(self):
        model = self.path("random.bdh.h5")
        self.good("new", "scale-free", "--neurons", 300, "--degree", 8, "--seed", 5, "-o", model)
        for graph in ("gx", "gy", "gs"):
            _, target = self.export(model, "out.mtx", "--graph", graph, "--force")
            self.good("import", "--gx", target, "--layers", 2, "-o", self.path("back.bdh.h5"),
                      "--force")
            self.assertEqual(self.edges_of(self.path("back.bdh.h5")), self.edges_of(model, graph))
            with open(target) as f:
                header = [next(f) for _ in range(4)]
            self.assertIn("source -> target", header[1])
            self.assertEqual(header[2], "% row = target, column = source, from 1\n")

    def test_xml_is_sound_whatever_neurons_are_called(self):
        model = self.graph()
        for suffix, node in (("graphml", "{http://graphml.graphdrawing.org/xmlns}node"),
                             ("gexf", "{http://www.gexf.net/1.2draft}node")):
            _, target = self.export(model, "out." + suffix)
            tree = xml.parse(target)
            self.assertEqual(len(list(tree.iter(node))), 7)
            with open(target, encoding="utf-8") as f:
                self.assertIn("source -&gt; target", f.read())
        names = {n.get("label") for n in tree.iter(node)}
        self.assertEqual(names, set(NAMES))

    def test_npz_holds_a_csr_matrix(self):
        _, target = self.export(self.graph(), "out.npz")
        def values(name, form):
            with zipfile.ZipFile(target) as z:
                data = z.read(name + ".npy")
            length = struct.unpack("<H", data[8:10])[0]
            self.assertEqual((10 + length) % 64, 0)
            return [v[0] for v in struct.iter_unpack(form, data[10 + length:])]
        by_target = sorted(EDGES, key=lambda e: (e[1], e[0]))
        self.assertEqual(values("indices", "<i"), [s for s, _, _ in by_target])
        self.assertEqual(values("indptr", "<i"), [sum(e[1] < t for e in EDGES) for t in range(8)])
        self.assertEqual(values("shape", "<q"), [7, 7])
        self.assertEqual(values("data", "<f"), [struct.unpack("<f", struct.pack("<f", w))[0] for _,
                                                _, w in by_target])
        self.assertEqual(values("format", "3s"), [b"csr"])

    def test_the_same_graph_gives_the_same_bytes(self):
        for suffix in ("graphml", "gexf", "csv", "mtx", "npz"):
            contents = []
            for threads in (1, 2, 3):
                _, target = self.export(self.random, f"out-{threads}.{suffix}", "--threads",
                                        threads, "--top-weights", 500)
                with open(target, "rb") as f:
                    contents.append(f.read())
            self.assertEqual(contents[0], contents[1])
            self.assertEqual(contents[0], contents[2])


class Parts(Export):
    def test_the_largest_weights(self):
        whole = {pair: abs(float(w)) for pair, w in self.edges_of(self.random).items()}
        self.assertEqual(len(whole), 64 * 64)  # through hubs every pair has a weight
        done, target = self.export(self.random, "top.csv", "--top-weights", 100)
        self.assertIn(b"100 edges", done.stdout)
        with open(target, newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(sorted((abs(float(r["Weight"])) for r in rows), reverse=True),
                         sorted(whole.values(), reverse=True)[:100])
        for r in rows:  # ids: target x sources + source, of 64 neurons and 256 tokens
            self.assertEqual(r["Id"], f"gx/{int(r['Target']) * 320 + int(r['Source'])}")
        ends = {r[side] for r in rows for side in ("Source", "Target")}
        with open(target.replace(".csv", ".nodes.csv"), newline="") as f:
            self.assertEqual({n["Id"] for n in csv.DictReader(f)}, ends)
        least = sorted(whole.values(), reverse=True)[99]
        self.assertIn(b"100 edges", self.export(self.random, "least.csv", "--min-weight",
                                                repr(least))[0].stdout)

    def test_hub_weights_are_those_of_the_factors(self):
        direct = self.path("direct.bdh.h5")
        self.good("import", self.random, "--circuit", "direct", "-o", direct)
        for graph in ("gx", "gy"):
            through_hubs, explicit = self.edges_of(self.random, graph), self.edges_of(direct, graph)
            most = max(abs(float(w)) for w in explicit.values())
            for pair in through_hubs.keys() | explicit.keys():
                self.assertAlmostEqual(float(through_hubs.get(pair, 0)),
                                       float(explicit.get(pair, 0)), delta=1e-6 * most)

    def test_sensory_nodes(self):
        done, target = self.export(self.random, "s.csv", "--sensory", "--graph", "gy")
        self.assertIn(b"320 nodes, 20,480 edges", done.stdout)
        with open(target, newline="") as f:
            self.assertEqual({r["Source"] for r in csv.DictReader(f)
                              if r["Source"].startswith("token")},
                             {f"token:{t}" for t in range(256)})
        self.refused(1, "export", self.graph(), "-o", self.path("x.csv"), "--sensory",
                     says=("sensory nodes",))

    def test_around_a_neuron(self):
        model = self.graph()
        def nodes(*options):
            self.export(model, "e.csv", "--force", *options)
            with open(self.path("e.nodes.csv"), newline="", encoding="utf-8") as f:
                return {NAMES.index(n["Id"]) for n in csv.DictReader(f)}
        self.assertEqual(nodes("--ego", "alice"), {0, 1, 2, 3, 6})
        self.assertEqual(nodes("--ego", "zero"), {6, 0})
        self.assertEqual(nodes("--ego", "zero:2"), {6, 0, 1, 2, 3})
        self.assertEqual(nodes("--ego", "größe:9"), {4, 5})
        # All edges between them, also those that do not touch the neuron.
        # 0, 1, 3: 0->1 0->3 3->1 1->1
        self.assertIn(b"4 edges", self.export(model, "e.csv", "--force", "--ego",
                                              "d'Artagnan")[0].stdout)
        done, target = self.export(self.random, "hub.csv", "--ego", "17", "--top-weights", 6)
        with open(target, newline="") as f:
            rows = list(csv.DictReader(f))
        whole = {p: abs(float(w)) for p, w in self.edges_of(self.random).items()}
        first = sorted((p for p in whole if "17" in p), key=lambda p: -whole[p])[:6]
        reached = {n for p in first for n in p}
        expected = sorted((w for p, w in whole.items() if set(p) <= reached), reverse=True)[:6]
        self.assertEqual(sorted((abs(float(r["Weight"])) for r in rows), reverse=True), expected)

    def test_communities(self):
        # Two rings of five, one edge between them.
        edges = [(5 * c + i, 5 * c + (i + k) % 5, 1) for c in (0, 1) for i in range(5)
                 for k in (1, 2)] + [(0, 5, 1)]
        model = self.graph([f"n{i}" for i in range(10)], edges)
        done, target = self.export(model, "c.csv", "--communities")
        self.assertIn(b"2 communities, modularity 0.4", done.stdout)
        with open(target.replace(".csv", ".nodes.csv"), newline="") as f:
            found = {n["Id"]: n["Community"] for n in csv.DictReader(f)}
        self.assertEqual({name for name, c in found.items() if c == found["n0"]},
                         {f"n{i}" for i in range(5)})
        for suffix in ("graphml", "gexf"):
            with open(self.export(model, "c." + suffix, "--communities")[1]) as f:
                self.assertIn("community", f.read())
        done, target = self.export(model, "one.csv", "--community", found["n7"])
        self.assertIn(b"5 nodes, 10 edges", done.stdout)
        self.refused(1, "export", model, "-o", self.path("x.csv"), "--community", 2,
                     says=("community: 2", "0 to 1"))
        self.refused(1, "export", self.random, "-o", self.path("x.csv"), "--communities",
                     says=("every pair", "--top-weights", "--min-weight"))
        self.refused(1, "export", self.random, "-o", self.path("x.csv"), "--ego", 5,
                     says=("--ego", "--top-weights"))
        self.refused(2, "export", model, "-o", self.path("x.mtx"), "--communities",
                     says=("--communities", "Matrix Market", "npz"))

    def test_matrices_with_communities(self):
        """Three neurons in a row, three in another, and one that has no edge."""
        model = self.graph([f"n{i}" for i in range(7)], [(0, 1, 1), (1, 2, 1), (3, 3, 1), (4, 5, 1),
                                                         (5, 6, 1)])
        _, target = self.export(model, "c.npz", "--communities")
        with zipfile.ZipFile(target) as archive:
            found = struct.unpack("<7q", archive.read("community.npy")[-56:])
        self.assertEqual((len(set(found[:3])), len(set(found[4:]))), (1, 1))
        self.assertEqual({found[0], found[4]}, {0, 1})
        self.assertEqual(found[3], 2)
        _, target = self.export(model, "one.npz", "--community", found[0])
        with zipfile.ZipFile(target) as archive:
            self.assertEqual(struct.unpack("<7q", archive.read("community.npy")[-56:]),
                             (found[0],) * 3 + (-1,) * 4)

    def test_complete_graphs_have_a_limit(self):
        wide = self.path("wide.safetensors")
        small_checkpoint(wide, 8, d=2, per_head=5800)
        self.good("import", wide, "-o", self.path("wide.bdh.h5"), "--layers", 1)
        self.refused(1, "export", self.path("wide.bdh.h5"), "-o", self.path("x.mtx"),
                     says=("33640000", "33554432", "largest"))
        self.assertIn(b"20 edges", self.export(self.path("wide.bdh.h5"), "x.mtx", "--top-weights",
                                               20)[0].stdout)
        self.refused(1, "export", self.random, "-o", self.path("y.mtx"), "--ego", "3",
                     says=("largest",))

    def test_warns_of_more_than_programs_can_draw(self):
        model = self.path("dense.bdh.h5")
        self.good("new", "erdos-renyi", "--neurons", 1000, "--degree", 210, "--target-activity",
                  "0.25", "-o", model)
        done, _ = self.export(model, "many.gexf")
        self.assertIn(b"--top-weights", done.stderr)
        self.assertEqual(self.export(model, "many.npz")[0].stderr, b"")


class Folders(Export):
    def test_sonata_and_nest(self):
        for name in ("sonata", "nest"):
            done, target = self.export(self.graph(), name, "--format", name)
            self.assertEqual(sorted(os.listdir(target)),
                             sorted(["circuit_config.json", "edge_types.csv", "edges.h5",
                                     "node_types.csv", "nodes.h5"]
                                    + (["run_in_nest.py"] if name == "nest" else [])))
        with open(os.path.join(target, "run_in_nest.py")) as f:
            compile(f.read(), "run_in_nest.py", "exec")
        for force in ((), ("--force",)):  # which is for size: a folder is never overwritten
            self.refused(1, "export", self.graph(), "-o", target, "--format", "nest", *force,
                         says=(target, "not an empty folder"))
        os.mkdir(self.path("empty"))
        self.export(self.graph(), "empty", "--format", "sonata")


class Runs(Export):
    def test_a_run_becomes_nwb(self):
        run = self.path("run")
        self.good("run", self.random, "--text", "hello world", "-o", run, "--quiet", "--record",
                  "events", "--record", "x:1-3", "--record", "y:top:2")
        done, target = self.export(run, "run.nwb")
        self.assertIn(b"units with", done.stdout)
        self.assertIn(b"top_y_1.h5: left out", done.stderr)
        result = self.json("export", run, "-o", target, "--force")
        self.assertEqual((result["series"], result["left_out"]),
                         (["x_1", "x_2", "x_3"], ["top_y_1.h5", "top_y_2.h5", "top_y_3.h5"]))
        with open(target, "rb") as f:
            self.assertEqual(f.read(8), b"\x89HDF\r\n\x1a\n")

    def test_runs_and_models_know_different_formats(self):
        run = self.path("run")
        self.good("run", self.random, "--text", "hello", "-o", run, "--quiet")
        self.refused(2, "export", run, "-o", self.path("x.csv"), says=("--layer", "recorded pairs"))
        self.refused(2, "export", run, "-o", self.path("x.nwb"), "--top-weights", 3,
                     says=("--top-weights",))
        self.refused(2, "export", self.random, "-o", self.path("x.nwb"), says=("nwb is for runs",))
        self.good("export", run, "-o", self.path("x.nwb"))
        with open(os.path.join(run, "run.json"), "rb") as f:
            description = f.read()
        for old, new, says in ((b'"started": "', b'"started": "yesterday ', "started"),
                               (b'"model": {', b'"model": 3, "x": {', "run.json")):
            with open(os.path.join(run, "run.json"), "wb") as f:
                f.write(description.replace(old, new))
            self.refused(1, "export", run, "-o", self.path("bad.nwb"), says=(says,))
        self.assertFalse(os.path.exists(self.path("bad.nwb")))


class Failures(Export):
    def test_wrong_usage(self):
        model, out = self.random, self.path("x.csv")
        before = sorted(os.listdir(self.folder))
        for code, arguments, says in (
                (2, (model,), ("-o",)),
                (2, ("-o", out), ("SOURCE",)),
                (2, (model, "-o", self.path("x.png")), ("suffix", ".graphml")),
                (2, (model, "-o", out, "--format", "dot"), ("'dot'", "graphml")),
                (2, (model, "-o", out, "--graph", "omega"), ("'omega'", "gx, gy, gs or sigma")),
                (2, (model, "-o", out, "--graph", "sigma"), ("--graph sigma", "--layer")),
                (2, (model, "-o", out, "--top-weights", 0), ("--top-weights",)),
                (2, (model, "-o", out, "--min-weight", "-1"), ("--min-weight",)),
                (2, (model, "-o", out, "--min-weight", "nan"), ("--min-weight",)),
                (2, (model, "-o", out, "--community", "-1"), ("--community",)),
                (2, (model, "-o", out, "--threads", 0), ("--threads",)),
                (1, (model, "-o", out, "--graph", "gs"), ("gs", "neuron -> hub")),
                (1, (model, "-o", out, "--ego", "64", "--top-weights", 3), ("'64'", "0 to 63")),
                (1, (model, "-o", out, "--ego", "3:0", "--top-weights", 3), ("--ego", "1 to 1000")),
                (1, (model, "-o", out, "--ego", "3:x", "--top-weights", 3), ("--ego",)),
                (1, (model, "-o", out, "--ego", "", "--top-weights", 3), ("neuron",)),
                (1, (model, "-o", out, "--min-weight", "1e30"), ("no edges",)),
                (1, (self.path("none"), "-o", out), ("none",)),
                (1, (self.folder, "-o", out), (self.folder,)),
                (1, (model, "-o", self.path("no/x.csv")), ("no such folder",)),
                (1, (model, "-o", self.path("no/x"), "--format", "sonata"), ("no such folder",)),
                (1, (model, "-o", model, "--format", "csv"), ("exists", "--force"))):
            self.refused(code, "export", *arguments, says=says)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_nothing_is_overwritten_unasked(self):
        model = self.graph()
        for name in ("out.csv", "out.graphml", "out.npz"):
            _, target = self.export(model, name)
            self.refused(1, "export", model, "-o", target, says=("exists", "--force"))
            self.export(model, name, "--force")
        os.remove(self.path("out.csv"))
        self.refused(1, "export", model, "-o", self.path("out.csv"),
                     says=("out.nodes.csv", "exists"))
        self.assertFalse(os.path.exists(self.path("out.csv")))

    def test_a_full_disk_leaves_nothing(self):
        def limited():
            if not SANITIZED:
                # every thread maps memory that it does not use
                os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
                resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        run = self.path("run")
        self.good("run", self.random, "--text", "hello world" * 20, "-o", run, "--quiet",
                  "--record", "events", "--record", "x:all")
        out = self.path("out")
        os.mkdir(out)
        for source, name, options in [(self.random, "x." + s, ())
                                      for s in ("csv", "graphml", "gexf", "mtx",
                                                "npz")] + [(self.random, "s",
                                                            ("--format", "sonata")),
                                                           (run, "x.nwb", ())]:
            with self.subTest(name):
                done = subprocess.run([PROGRAM, "export", source, "-o", os.path.join(out, name),
                                       *options], capture_output=True, preexec_fn=limited,
                                      timeout=PATIENCE)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertOneLine(done.stderr, os.path.join(out, name), "cannot be written")
                self.assertEqual(os.listdir(out), [])

    def test_a_signal_leaves_nothing(self):
        model = self.path("big.bdh.h5")
        self.good("new", "erdos-renyi", "--neurons", 3000, "--degree", 100, "--inhibitory-degree",
                  100, "-o", model)
        out = self.path("out")
        os.mkdir(out)
        for number in (signal.SIGINT, signal.SIGTERM):
            # a temporary file
            result = self.stopped(number, "export", model, target=os.path.join(out, "x.gexf"),
                                when=lambda: os.listdir(out))
            self.assertIn(b"stopped by a signal, nothing was written", result)
            self.assertEqual(os.listdir(out), [])

    def test_help_names_the_options(self):
        help_text = self.good("export", "--help").stdout.decode()
        for option in ("--format --graph --top-weights --min-weight --ego --communities "
                       "--community --sensory --force --json").split():
            self.assertIn(option, help_text)


if __name__ == "__main__":
    main()
