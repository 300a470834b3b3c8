"""What bdh export writes, as networkx, SciPy, libsonata and pynwb read it: the same edges, and
recordings with the same values."""
import os

import h5py
import libsonata
import networkx
import numpy as np
import pynwb
import scipy.io
import scipy.sparse
from program import CliTest, main

NAMES = ["alice", "b & <c>", 'say "hi"', "größe", "e"] + [f"n{i}" for i in range(35)]


class Exported(CliTest):
    """A graph of 40 named neurons, its weights as the model file holds them, W[target, source], and
    the position of each edge."""

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(3)
        lines = ["source,target,weight"]
        for source in range(40):
            for target in sorted(rng.choice(40, 6, replace=False)):
                lines.append('"%s","%s",%r' % (NAMES[source].replace('"', '""'),
                                               NAMES[target].replace('"', '""'),
                                               float(rng.normal())))
        graph = self.path("g.csv", "\n".join(lines).encode())
        self.model = self.path("g.bdh.h5")
        self.good("import", "--gx", graph, "--layers", 2, "-o", self.model)
        self.weights, self.ids = np.zeros((40, 40), "f4"), {}
        with h5py.File(self.model) as f:
            names = [name.decode() for name in f["nodes/neurons/name"][:]]
            for sign, name in ((1, "gx_excitatory"), (-1, "gx_inhibitory")):
                g = f["projections/" + name]
                matrix = scipy.sparse.csc_matrix((g["data"][:], g["indices"][:],
                                                  g["indptr"][:].astype("i8")),
                                                 g.attrs["shape"]).tocsr()
                matrix.sort_indices()
                self.weights += sign * matrix.toarray()
                for position, (target,
                               source) in enumerate(zip(np.repeat(np.arange(40),
                                                                  np.diff(matrix.indptr)),
                                                        matrix.indices)):
                    self.ids[source, target] = f"{name}/{position}"
        self.names = names
        self.assertEqual(sorted(names), sorted(NAMES))

    def export(self, name, *options, of=None):
        target = self.path(name)
        self.good("export", of or self.model, "-o", target, *options)
        return target


class Graphs(Exported):
    def check_networkx(self, graph, number, shown=str):
        self.assertTrue(graph.is_directed() and not graph.is_multigraph())
        self.assertEqual(graph.number_of_nodes(), 40)
        number = {node: int(number(node, data)) for node, data in graph.nodes(data=True)}
        self.assertEqual(graph.number_of_edges(), np.count_nonzero(self.weights))
        for source, target, data in graph.edges(data=True):
            pair = number[source], number[target]
            self.assertEqual(np.float32(data["weight"]), self.weights[pair[1], pair[0]])
            self.assertEqual(data["id"], shown(self.ids[pair]))
        return number

    def test_graphml(self):
        graph = networkx.read_graphml(self.export("g.graphml", "--communities"))
        numbers = self.check_networkx(graph, lambda node, data: data["number"],
                                      lambda name: name.replace("/", "."))
        for _, _, data in graph.edges(data=True):
            # an NMTOKEN, as the schema of GraphML wants it
            self.assertRegex(data["id"], r"^[\w.:-]+$")
        for node, data in graph.nodes(data=True):
            self.assertEqual(data["name"], self.names[numbers[node]])
            self.assertIn("community", data)
        for _, _, data in graph.edges(data=True):
            self.assertEqual(data["type"], "inhibitory" if data["weight"] < 0 else "excitatory")

    def test_gexf(self):
        graph = networkx.read_gexf(self.export("g.gexf"))
        numbers = self.check_networkx(graph, lambda node, data: node)
        for node, data in graph.nodes(data=True):
            self.assertEqual(data["label"], self.names[numbers[node]])
        for _, _, data in graph.edges(data=True):
            self.assertEqual(data["magnitude"], abs(data["weight"]))

    def test_communities_are_a_division_of_high_modularity(self):
        target = self.path("blocks.bdh.h5")
        self.good("new", "blocks", "--neurons", 200, "--degree", 12, "--communities", 4, "--rewire",
                  "0.05", "-o", target)
        result = self.json("export", target, "-o", self.path("b.graphml"), "--communities")
        graph = networkx.read_graphml(self.path("b.graphml"))
        planted = networkx.algorithms.community.modularity(graph.to_undirected(),
                                                           [{f"n{i}"
                                                             for i in range(50 * c, 50 * c + 50)}
                                                            for c in range(4)], weight=None)
        self.assertEqual(result["communities"], 4)
        self.assertAlmostEqual(result["modularity"], planted, delta=0.02)
        for c in range(4):
            self.assertEqual(len({graph.nodes[f"n{i}"]["community"]
                                  for i in range(50 * c, 50 * c + 50)}), 1)

    def test_matrices(self):
        matrix = scipy.io.mmread(self.export("g.mtx")).toarray()
        np.testing.assert_array_equal(matrix.astype("f4"), self.weights)
        matrix = scipy.sparse.load_npz(self.export("g.npz"))
        self.assertEqual((matrix.format, matrix.dtype, matrix.has_sorted_indices),
                         ("csr", np.float32, True))
        np.testing.assert_array_equal(matrix.toarray(), self.weights)
        with np.load(self.path("g.npz")) as arrays:
            self.assertEqual(arrays["orientation"].item(), b"row=target,col=source")
            self.assertIn(b"source -> target", arrays["about"].item())
            self.assertEqual(len(arrays["edge_id"]), matrix.nnz)

    def test_hub_weights_are_the_product_of_the_factors(self):
        with h5py.File(self.random) as f:
            dx, e = f["projections/dx/data"][:].astype("f8"), f["projections/e/data"][:].astype(
                "f8")
        expected = dx @ (e - e.mean(1, keepdims=True)).T  # centred over the hubs
        found = scipy.sparse.load_npz(self.export("hub.npz", of=self.random)).toarray()
        np.testing.assert_allclose(found, expected, atol=1e-6 * abs(expected).max())
        top = scipy.sparse.load_npz(self.export("top.npz", "--top-weights", "50",
                                                of=self.random)).toarray()
        self.assertEqual(np.count_nonzero(top), 50)
        self.assertGreaterEqual(abs(top[top != 0]).min(), np.sort(abs(found).ravel())[-50])


class Sonata(Exported):
    def test_circuit_with_both_indices(self):
        folder = self.export("circuit", "--format", "sonata", "--communities")
        nodes = libsonata.NodeStorage(os.path.join(folder, "nodes.h5")).open_population("neurons")
        everyone = libsonata.Selection([(0, 40)])
        self.assertEqual(nodes.size, 40)
        self.assertEqual(list(nodes.get_attribute("name", everyone)), self.names)
        self.assertEqual(set(nodes.get_attribute("model_type", everyone)), {"point_neuron"})
        self.assertEqual(set(nodes.get_attribute("kind", everyone)), {"neuron"})
        self.assertEqual(list(nodes.get_attribute("original", everyone)), list(range(40)))
        self.assertEqual(len(nodes.get_attribute("community", everyone)), 40)
        edges = libsonata.EdgeStorage(os.path.join(folder,
                                                   "edges.h5")).open_population(
                                                       "neurons__neurons__gx")
        self.assertEqual((edges.source, edges.target, edges.size),
                         ("neurons", "neurons", np.count_nonzero(self.weights)))
        all_edges = libsonata.Selection([(0, edges.size)])
        source, target = edges.source_nodes(all_edges), edges.target_nodes(all_edges)
        weight = edges.get_attribute("syn_weight", all_edges)
        found = np.zeros((40, 40), "f4")
        found[target, source] = weight
        np.testing.assert_array_equal(found, self.weights)
        np.testing.assert_array_equal(edges.get_attribute("syn_type_id", all_edges),
                                      np.where(weight < 0, 0, 100))
        ids = edges.get_attribute("edge_id", all_edges)
        for s, t, w, k in zip(source, target, weight, ids):
            self.assertEqual(self.ids[s, t], f"gx_{'inhibitory' if w < 0 else 'excitatory'}/{k}")
        for node in range(40):
            self.assertEqual(list(edges.afferent_edges([node]).flatten()),
                             list(np.nonzero(target == node)[0]))
            self.assertEqual(list(edges.efferent_edges([node]).flatten()),
                             list(np.nonzero(source == node)[0]))
        self.assertEqual(len(edges.connecting_edges([int(source[7])], [int(target[7])]).flatten()),
                         1)
        config = libsonata.CircuitConfig.from_file(os.path.join(folder, "circuit_config.json"))
        self.assertEqual((config.node_populations, config.edge_populations),
                         ({"neurons"}, {"neurons__neurons__gx"}))
        self.assertEqual(config.edge_population("neurons__neurons__gx").size, edges.size)
        with h5py.File(os.path.join(folder, "edges.h5")) as f:
            self.assertIn("source -> target", f.attrs["about"].decode())

    def test_nodes_without_edges_and_a_part_of_a_circuit(self):
        folder = self.export("part", "--format", "sonata", "--top-weights", "3")
        edges = libsonata.EdgeStorage(os.path.join(folder,
                                                   "edges.h5")).open_population(
                                                       "neurons__neurons__gx")
        self.assertEqual(edges.size, 3)
        self.assertEqual(sum(len(edges.efferent_edges([i]).flatten()) for i in range(40)), 3)
        self.assertEqual(sum(len(edges.afferent_edges([i]).flatten()) for i in range(40)), 3)


class Recordings(Exported):
    def record(self, model, *records):
        run = self.path("run")
        self.good("run", model, "--text", "hello world, hello", "-o", run, "--quiet",
                  *(a for r in records for a in ("--record", r)))
        return run

    def opened(self, path):
        problems = pynwb.validate(path=path)
        self.assertEqual(problems if isinstance(problems, list) else problems[0], [])
        io = pynwb.NWBHDF5IO(path, "r")
        self.addCleanup(io.close)
        return io.read()

    def test_events_are_units(self):
        run = self.record(self.random, "events", "x:all", "y:3,7 every 4", "synapses:3->7,in:2",
                          "logits")
        nwb = self.opened(self.export("run.nwb", of=run))
        self.assertEqual(list(nwb.stimulus["tokens"].data[:]), list("hello world, hello"))
        np.testing.assert_array_equal(nwb.acquisition["token_ids"].data[:],
                                      list(b"hello world, hello"))
        np.testing.assert_allclose(nwb.acquisition["token_ids"].timestamps[:], np.arange(18) / 1000)
        units = nwb.units.to_dataframe()
        found = {}
        for _, unit in units.iterrows():
            self.assertTrue((np.diff(unit.spike_times) > 0).all())
            for time, value in zip(unit.spike_times, unit["values"]):
                found[unit.variable, unit.layer, round(time * 1000), unit.neuron] = value
        expected = {}
        for variable in "xy":
            for layer in (1, 2, 3):
                with h5py.File(f"{run}/events_{variable}_{layer}.h5") as f:
                    events = f["spikes/neurons"]
                    for time, node, value in zip(events["timestamps"][:], events["node_ids"][:],
                                                 events["values"][:]):
                        expected[variable, layer, int(time), node] = value
        self.assertEqual(found, expected)
        self.assertGreater(len(found), 1000)

    def test_frames_are_time_series(self):
        run = self.record(self.random, "x:all", "y:3,7 every 4", "synapses:3->7,in:2", "logits",
                          "snapshot every 5")
        nwb = self.opened(self.export("run.nwb", of=run))
        for layer in (1, 2, 3):
            for name, population in ((f"x_{layer}", "neurons"), (f"y_{layer}", "neurons"),
                                     (f"synapses_{layer}", "sources"),
                                     (f"snapshot_{layer}", "hubs")):
                with h5py.File(f"{run}/{name}.h5") as f:
                    report = f["report"][population]
                    np.testing.assert_array_equal(nwb.acquisition[name].data[:], report["data"][:])
                    start, stop, step = report["mapping/time"][:]
                np.testing.assert_allclose(nwb.acquisition[name].timestamps[:],
                                           np.arange(start, stop, step) / 1000)
        self.assertEqual(list(nwb.analysis["y_1_columns"].to_dataframe()["neuron"]), [3, 7])
        synapses = nwb.analysis["synapses_2_columns"].to_dataframe()
        with h5py.File(f"{run}/synapses_2.h5") as f:
            np.testing.assert_array_equal(synapses["source"], f["synapses/pre"][:])
            np.testing.assert_array_equal(synapses["target"], f["synapses/post"][:])
        with h5py.File(f"{run}/logits.h5") as f:
            np.testing.assert_array_equal(nwb.acquisition["logits"].data[:], f["logits"][:])
        self.assertIsNone(nwb.units)
        self.assertEqual(nwb.acquisition["active_x"].data.shape, (18, 3))
        self.assertTrue(np.isfinite(nwb.acquisition["surprisal_nats"].data[1:]).all())

    def test_a_run_that_recorded_nothing_more(self):
        nwb = self.opened(self.export("run.nwb", of=self.record(self.model)))
        self.assertEqual(nwb.acquisition["active_y"].data.shape, (18, 2))


if __name__ == "__main__":
    main()
