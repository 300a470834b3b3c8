"""Graphs in binary files and in JSON that users brought: HDF5 with every type of numbers, SONATA,
SciPy's matrices, NetworkX's node-link data. Makers are in tests/data/reported, or here."""
import json
import os
import subprocess
import sys
import zipfile

import h5py
import networkx
import numpy as np
import scipy.sparse
from program import SOURCE, CliTest, contents, main, table

REPORTED = os.path.join(SOURCE, "tests/data/reported")


class Imported(CliTest):
    @classmethod
    def setUpClass(cls):
        pass  # none of the models of other tests

    setUp = CliTest.setUp

    def imported(self, graph, *options):
        """What bdh import prints as JSON, and the edges of the model, in order."""
        model = self.path("m.bdh.h5")
        if "--layers" not in options:
            options += ("--layers", 2)
        about = self.json("import", "--gx", graph, "-o", model, "--force", *options)
        about["not_used"] = about["origin"]["not_used"]
        self.good("export", model, "-o", self.path("e.csv"), "--force")
        rows = table(self.path("e.csv"))
        return about, sorted((r["Source"], r["Target"], float(np.float32(r["Weight"])))
                             for r in rows)

    def edges(self, graph, *options):
        return self.imported(graph, *options)[1]

    def refuses(self, graph, *says, options=()):
        self.refused(1, "import", "--gx", graph, "--layers", 1, "-o", self.path("m.bdh.h5"),
                     "--force", *options, says=says)

    def made(self, folder):
        """The file that a maker writes."""
        subprocess.run([sys.executable, os.path.join(REPORTED, folder, "make.py"), self.folder],
                       check=True)
        return self.path("m.h5")


def csr(to, name, data, indices=(0, 1), indptr=(0, 0, 1, 2), shape=(3, 3)):
    g = to.create_group(name)
    g.attrs["encoding-type"], g.attrs["shape"] = "csr_matrix", np.array(shape)
    g["data"], g["indices"], g["indptr"] = data, np.array(indices), np.array(indptr)


class Types(Imported):
    def test_counts_and_half_precision(self):
        file = self.made("19-counts-in-hdf5")
        for group in ("counts", "half"):
            self.assertEqual(self.edges(f"{file}:/{group}"), [("0", "1", 3), ("1", "2", 250)])

    def test_every_type_of_numbers_and_byte_order(self):
        for kind in ("i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 >i2 >i4 >i8 >u2 >u4 >u8 >f2 >f4 >f8 "
                     "longdouble").split():
            file = self.path("t.h5")
            least = 0 if "u" in kind else -3
            with h5py.File(file, "w") as f:
                csr(f, "g", np.array([least, 100], kind))
            expected = [("0", "1", least), ("1", "2", 100)]
            self.assertEqual(self.edges(f"{file}:/g"), expected, kind)
            if kind == "longdouble":
                continue
            matrix = scipy.sparse.csr_matrix((np.array([least, 100], kind), [0, 1], [0, 0, 1, 2]),
                                             (3, 3), copy=True)
            np.savez(self.path("t.npz"), format="csr", shape=matrix.shape,
                     data=np.array([least, 100], kind), indices=[0, 1], indptr=[0, 0, 1, 2])
            self.assertEqual(self.edges(self.path("t.npz")), expected, kind)

    def test_rows_or_columns_are_stored_together(self):
        file = self.path("t.h5")
        rows = scipy.sparse.csr_matrix(np.array([[0, 0.5, 0], [-0.25, 0, 3], [0, 0, 1]]))
        expected = [("0", "1", -0.25), ("1", "0", 0.5), ("2", "1", 3), ("2", "2", 1)]

        def write(matrix, datasets=(), **attributes):
            with h5py.File(file, "w") as f:
                g = f.create_group("g")
                g["data"], g["indices"], g["indptr"] = matrix.data, matrix.indices, matrix.indptr
                g["shape"] = np.array(matrix.shape)
                for name, value in attributes.items():
                    g.attrs[name.replace("_type", "-type")] = value
                for name, value in datasets:
                    g[name] = value
            return f"{file}:/g"
        self.assertEqual(self.edges(write(rows)), expected)
        columns = rows.tocsc()
        for attributes in (dict(h5sparse_format="csc"), dict(format=np.bytes_(b"csc")),
                           dict(encoding_type="csc_matrix"), dict(format="CSC"),
                           dict(encoding_type="csc_matrix", h5sparse_format="csc")):
            about, edges = self.imported(write(columns, **attributes))
            self.assertEqual((edges, about["not_used"]), (expected, []), attributes)
        self.assertEqual(self.edges(write(rows, h5sparse_format="csr")), expected)
        self.refuses(write(rows, format="coo"),
                     "t.h5:/g@format: 'coo', expected csr_matrix or csc_matrix")
        self.refuses(write(rows, encoding_type="csr_matrix", h5sparse_format="csc"),
                     "t.h5:/g@h5sparse_format: 'csc', expected 'csr_matrix', as "
                     f"{file}:/g@encoding-type says")
        format_of_npz = [("format", np.bytes_(b"csc"))]
        self.refuses(write(columns, format_of_npz), "t.h5:/g/format: a dataset that states how the "
                     "matrix is stored, expected an attribute encoding-type of the group")
        about, edges = self.imported(write(columns, format_of_npz, encoding_type="csc_matrix"))
        self.assertEqual((edges, about["not_used"]), (expected, [f"'format' ({file}:/g)"]))
        about, edges = self.imported(write(rows, order="C", axis=1))
        self.assertEqual(about["not_used"],
                         [f"attribute 'axis' ({file}:/g)", f"attribute 'order' ({file}:/g)"])

    def test_truth_values_are_ones_and_zeros(self):
        with h5py.File(self.path("t.h5"), "w") as f:
            csr(f, "g", np.array([True, False]))
        matrix = scipy.sparse.csr_matrix(np.array([[0, 0], [1, 0]], bool))
        scipy.sparse.save_npz(self.path("t.npz"), matrix)
        self.assertEqual(self.edges(self.path("t.h5:/g")), [("0", "1", 1), ("1", "2", 0)])
        self.assertEqual(self.edges(self.path("t.npz")), [("0", "1", 1)])

    def test_other_types_are_refused(self):
        strings, complex_numbers = np.array([b"1", b"2"]), np.array([1j, 2])
        with h5py.File(self.path("t.h5"), "w") as f:
            csr(f, "strings", strings)
            csr(f, "complex", complex_numbers)
            csr(f, "text", np.array(["1", "2"], h5py.string_dtype()))
            csr(f, "infinite", np.array([np.inf, 1]))
            csr(f, "large", np.array([1e300, 1]))
        for group in ("strings", "complex", "text"):
            self.refuses(self.path(f"t.h5:/{group}"),
                         f"t.h5:/{group}/data: another element type, expected integers or")
        for group, shown in (("infinite", "inf"), ("large", "1e+300")):
            self.refuses(self.path(f"t.h5:/{group}"),
                         f"t.h5:/{group}/data[0]: '{shown}', expected a finite weight")
        for values, says in ((strings, "data.npy: other values, expected a list of numbers"),
                             (complex_numbers, "complex numbers ('<c16')"),
                             (np.array([object()] * 2), "objects of Python ('|O')"),
                             (np.array([(1, 2), (3, 4)], "i4,i4"), "an array of records"),
                             (np.array([1, 2], "M8[s]"), "another type ('<M8[s]')"),
                             (np.array([1, 2], "longdouble"), "another type"),
                             (np.array([np.nan, 1]), "data.npy[0]: 'nan', expected a finite")):
            np.savez(self.path("t.npz"), format="csr", shape=(3, 3), data=values, indices=[0, 1],
                     indptr=[0, 0, 1, 2])
            self.refuses(self.path("t.npz"), says)

    def test_what_float32_cannot_hold_is_said(self):
        for kind, values in (("i4", (16777217, 1)), ("u8", (2**53 + 1, 2**24)),
                             ("f8", (1e-60, -1e-60)), ("f8", (16777217.0, 0.1))):
            with h5py.File(self.path("t.h5"), "w") as f:
                csr(f, "g", np.array(values, kind))
            np.savez(self.path("t.npz"), format="csr", shape=(3, 3), data=np.array(values, kind),
                     indices=[0, 1], indptr=[0, 0, 1, 2])
            for graph, place in (("t.h5:/g", "t.h5:/g/data[0]"), ("t.npz", "t.npz:data.npy[0]")):
                about, edges = self.imported(self.path(graph))
                remarks = [r for r in about["remarks"] if "float32" in r]
                self.assertEqual(len(remarks), 1, about)
                self.assertIn(place, remarks[0])
                self.assertEqual([w for _, _, w in edges],
                                 [float(np.float32(v)) for v in values])


def population(to, name, source, target, *, nodes=("cells", "cells"), types=None, groups=None,
               **attributes):
    """A population of edges; `groups`: (number of each edge's group, its place there)."""
    g = to.create_group(f"edges/{name}")
    for end, ids, of in (("source", source, nodes[0]), ("target", target, nodes[1])):
        g[end + "_node_id"] = np.array(ids, "u8")
        g[end + "_node_id"].attrs["node_population"] = of
    n = len(source)
    g["edge_type_id"] = np.full(n, -1) if types is None else np.array(types)
    g["edge_group_id"] = np.zeros(n, "u4") if groups is None else np.array(groups[0], "u4")
    g["edge_group_index"] = np.arange(n) if groups is None else np.array(groups[1])
    own = g.require_group("0")
    for key, value in attributes.items():
        own[key] = value
    return g


def nodes_of(path, population="cells", size=4, ids=None, types=None, **attributes):
    with h5py.File(path, "a") as f:
        g = f.create_group(f"nodes/{population}")
        g["node_type_id"] = np.full(size, -1) if types is None else np.array(types)
        if ids is not None:
            g["node_id"] = np.array(ids)
        g["node_group_id"], g["node_group_index"] = np.zeros(size, "u4"), np.arange(size)
        own = g.create_group("0")
        for key, value in attributes.items():
            own[key] = value


class Sonata(Imported):
    def test_edges_alone(self):
        file = self.made("20-sonata-edges")
        for graph in (f"{file}:/edges/cells_to_cells", file, f"{file}:/edges"):
            about, edges = self.imported(graph)
            self.assertEqual(edges, [("0", "1", 0.25), ("1", "0", -0.5)])
            self.assertEqual(about["not_used"], [])
            self.assertTrue(any("no file beside it has the nodes of 'cells'" in r
                                for r in about["remarks"]), about["remarks"])

    def test_our_own_comes_back(self):
        ring = os.path.join(REPORTED, "20-our-own-sonata", "ring.csv")
        for graph in (ring, self.path("names.csv", "source,target,weight\nä,b,-0.5\nb,c,1\n"
                                                   "c,c,-0\nc,ä,1e-42\n".encode())):
            first = self.imported(graph)
            folder = self.path("c" + os.path.basename(graph))
            self.good("export", self.path("m.bdh.h5"), "--format", "sonata", "-o", folder)
            again = self.imported(f"{folder}/edges.h5:/edges/neurons__neurons__gx")
            self.assertEqual(again[0]["content_sha256"], first[0]["content_sha256"])
            self.assertEqual(again[1], first[1])
            self.assertEqual(again[0]["remarks"], [])
            self.assertEqual(self.imported(f"{folder}/edges.h5")[0]["content_sha256"],
                             first[0]["content_sha256"])

    def test_weights_of_edge_types(self):
        with h5py.File(self.path("v1_v1_edges.h5"), "w") as f:
            population(f, "v1_to_v1", [0, 1, 2, 3], [1, 2, 3, 0], types=[100, 7, 100, 7],
                       nodes=("v1", "v1"))
        self.path("v1_v1_edge_types.csv", b'edge_type_id target_query syn_weight delay '
                  b'dynamics_params\n100 "a==\'b c\'" 0.5 2.0 exc.json\n7 NULL -2 1.0 NULL\n')
        nodes_of(self.path("v1_nodes.h5"), "v1", 5, x=np.arange(5.0))
        about, edges = self.imported(self.path("v1_v1_edges.h5"))
        self.assertEqual(edges, [("0", "1", 0.5), ("1", "2", -2), ("2", "3", 0.5), ("3", "0", -2)])
        self.assertEqual(about["populations"]["neurons"], 5)
        self.assertEqual([entry.split(" (")[0] for entry in about["not_used"]],
                         ["column 'target_query'", "column 'delay'", "column 'dynamics_params'",
                          "attribute 'x'"])
        # An edge's own weight comes before that of its type.
        with h5py.File(self.path("v1_v1_edges.h5"), "a") as f:
            f["edges/v1_to_v1/0/syn_weight"] = np.array([1, 2, 3, 4.0])
        self.assertEqual([w for _, _, w in self.edges(self.path("v1_v1_edges.h5"))], [1, 2, 3, 4])

    def test_several_groups(self):
        with h5py.File(self.path("e.h5"), "w") as f:
            g = population(f, "p", [0, 1, 2, 3], [1, 2, 3, 0], types=[1, 1, 2, 2],
                           groups=([0, 1, 0, 1], [1, 0, 0, 1]), syn_weight=np.array([10, 20.0]))
            g["1/syn_weight"] = np.array([5, 6])
            g["1/delay"] = np.array([1, 1])
        about, edges = self.imported(self.path("e.h5"))
        self.assertEqual(edges, [("0", "1", 20), ("1", "2", 5), ("2", "3", 10), ("3", "0", 6)])
        self.assertEqual(about["not_used"],
                         [f"attribute 'delay' ({self.path('e.h5')}:/edges/p/1)"])
        with h5py.File(self.path("e.h5"), "a") as f:
            del f["edges/p/1/syn_weight"]
        self.refuses(self.path("e.h5"), "e.h5:/edges/p[1]: no syn_weight in the edge's group, nor "
                     "of its type")
        self.path("edge_types.csv", b"edge_type_id syn_weight\n1 7\n2 8\n")
        self.assertEqual([w for _, _, w in self.edges(self.path("e.h5"))], [20, 7, 10, 8])

    def test_populations(self):
        with h5py.File(self.path("edges.h5"), "w") as f:
            population(f, "lgn_to_v1", [0, 1], [1, 0], nodes=("lgn", "v1"),
                       syn_weight=np.array([1.0, 2]))
            population(f, "v1_to_v1", [0, 1], [1, 0], nodes=("v1", "v1"),
                       syn_weight=np.array([3.0, -4]))
        file = self.path("edges.h5")
        self.refuses(file, "2 populations of edges (lgn_to_v1, v1_to_v1)",
                     f"expected one of them: {file}:/edges/lgn_to_v1")
        self.assertEqual(self.edges(f"{file}:/edges/v1_to_v1"), [("0", "1", 3), ("1", "0", -4)])
        nodes_of(self.path("nodes.h5"), "lgn", 2)
        nodes_of(self.path("nodes.h5"), "v1", 3)
        about, edges = self.imported(f"{file}:/edges/lgn_to_v1")
        self.assertEqual(edges, [("lgn:0", "v1:1", 1), ("lgn:1", "v1:0", 2)])
        self.assertEqual(about["populations"]["neurons"], 5)
        self.assertEqual(self.edges(f"{file}:/edges"),
                         [("lgn:0", "v1:1", 1), ("lgn:1", "v1:0", 2), ("v1:0", "v1:1", 3),
                          ("v1:1", "v1:0", -4)])

    def test_ids_of_nodes(self):
        file = self.path("edges.h5")
        with h5py.File(file, "w") as f:
            population(f, "p", [30, 10], [10, 20], syn_weight=np.array([1.0, 2]))
        nodes_of(self.path("nodes.h5"), size=3, ids=[10, 20, 30])
        self.assertEqual(self.edges(file), [("10", "20", 2), ("30", "10", 1)])
        os.remove(self.path("nodes.h5"))
        nodes_of(self.path("nodes.h5"), size=3, ids=[10, 20, 40])
        self.refuses(file, "edges.h5:/edges/p[0]: node 30, expected one of the 3 of ",
                     "nodes.h5:/nodes/cells")
        with h5py.File(file, "w") as f:
            population(f, "p", [2, 0], [0, 1], syn_weight=np.array([1.0, 2]))
        os.remove(self.path("nodes.h5"))
        nodes_of(self.path("nodes.h5"), size=3, ids=[2, 0, 1])
        self.assertEqual(self.edges(file), [("0", "1", 2), ("2", "0", 1)])
        self.assertEqual(self.edges(file, "--ids", "names"), [("0", "1", 2), ("2", "0", 1)])

    def test_names_of_nodes(self):
        file = self.path("edges.h5")
        with h5py.File(file, "w") as f:
            population(f, "p", [0, 1], [1, 2], syn_weight=np.array([1.0, 2]))
        nodes_of(self.path("nodes.h5"), size=3, name=np.array(["a", "ä", "c"], object))
        self.assertEqual(self.edges(file), [("a", "ä", 1), ("ä", "c", 2)])
        os.remove(self.path("nodes.h5"))
        nodes_of(self.path("nodes.h5"), size=3, name=np.array(["a", "a", "c"], object))
        about, edges = self.imported(file)
        self.assertEqual(edges, [("0", "1", 1), ("1", "2", 2)])
        self.assertEqual(about["not_used"],
                         [f"attribute 'name' ({self.path('nodes.h5')}:/nodes/cells/0)"])

    def test_signs(self):
        file = self.path("edges.h5")

        def weights(**attributes):
            if os.path.exists(file):
                os.remove(file)
            with h5py.File(file, "w") as f:
                population(f, "p", [0, 1], [1, 0], types=[1, 2], **attributes)
            about, edges = self.imported(file)
            return [w for _, _, w in edges], about["remarks"]
        both = np.array([0.5, 0.25])
        found, remarks = weights(syn_weight=both, syn_type_id=np.array([100, 0]))
        self.assertEqual(found, [0.5, -0.25])
        self.assertIn(f"{file}:/edges/p: weights of 1 edges, inhibitory by attribute "
                      "'syn_type_id', are taken below 0", remarks)
        self.assertEqual(weights(syn_weight=both * [1, -1], syn_type_id=np.array([100, 0]))[0],
                         [0.5, -0.25])
        with h5py.File(file, "w") as f:
            population(f, "p", [0, 1], [1, 0], syn_weight=both * [-1, 1],
                       syn_type_id=np.array([100, 0]))
        self.refuses(file, "edges.h5:/edges/p[0]: excitatory by attribute 'syn_type_id', with "
                     "weight -0.5")
        self.path("edge_types.csv", b"edge_type_id synapse_type\n1 excitatory\n2 inhibitory\n")
        self.assertEqual(weights(syn_weight=both)[0], [0.5, -0.25])
        self.assertEqual(weights()[0], [1, -1])
        os.remove(self.path("edge_types.csv"))
        nodes_of(self.path("nodes.h5"), size=2, types=[5, 6])
        self.path("node_types.csv", b"node_type_id ei\n5 i\n6 e\n")
        self.assertEqual(weights(syn_weight=both)[0], [-0.5, 0.25])
        self.assertEqual(weights(syn_weight=both * [-1, 1])[0], [-0.5, 0.25])

    def test_words_for_signs(self):
        file, places = self.path("edges.h5"), "edges.h5:/edges/p"

        def write(table=None, **attributes):
            if table is None and os.path.exists(self.path("edge_types.csv")):
                os.remove(self.path("edge_types.csv"))
            if table is not None:
                self.path("edge_types.csv", b"edge_type_id " + table)
            with h5py.File(file, "w") as f:
                population(f, "p", [0, 1, 2], [1, 2, 0], types=[1, 2, 3],
                           syn_weight=np.array([0.5, 0.25, 2]), **attributes)
            return file
        signed = [("0", "1", 0.5), ("1", "2", -0.25), ("2", "0", 2)]
        for name, values in (("sign", np.array([1, -1, 1])), ("sign", np.array([1.0, -1, 1])),
                             ("sign", np.array(["+", "-", "+"], object)),
                             ("sign", np.array(["1", "-1", "E"], object)),
                             ("synapse_class", np.array(["EXC", "GABA", "e"], object)),
                             ("synapse_type", np.array(["ampa", "negative", ""], object)),
                             ("type", np.array(["e", "inhib", "NULL"], object))):
            about, edges = self.imported(write(**{name: values}))
            self.assertEqual((edges, about["not_used"]), (signed, []))
        for table in (b"sign\n1 1\n2 -1\n3 1\n", b"sign\n1 +\n2 -\n3 NULL\n",
                      b"synapse_type\n1 NMDA\n2 GABAergic\n3 exc\n"):
            about, edges = self.imported(write(table))
            self.assertEqual((edges, about["not_used"]), (signed, []))
        known = "expected a word for excitatory or inhibitory; --columns sign=none"
        for name, values in (("sign", np.array([1, -1, 0])),
                             ("synapse_class", np.array(["EXC", "INH", "MOD"], object)),
                             ("synapse_type", np.array(["exc", "inh", "x"], object))):
            self.refuses(write(**{name: values}), f"{places}[2]: {name} '{values[2]}', {known}")
            about, edges = self.imported(file, "--columns", "sign=none")
            self.assertEqual([w for _, _, w in edges], [0.5, 0.25, 2])
            self.assertEqual(about["not_used"], [f"attribute '{name}' ({file}:/edges/p/0)"])
        # Models of synapses are no signs.
        about, edges = self.imported(write(synapse_type=np.array(["a", "b", "c"], object)))
        self.assertEqual([w for _, _, w in edges], [0.5, 0.25, 2])
        self.assertEqual(about["not_used"], [f"attribute 'synapse_type' ({file}:/edges/p/0)"])
        about, edges = self.imported(write(effect=np.array([1, -1, 1])), "--columns", "sign=effect")
        self.assertEqual((edges, about["not_used"]), (signed, []))
        write()
        nodes_of(self.path("nodes.h5"), size=3, ei=np.array(["e", "GABA", "e"], object))
        self.assertEqual(self.edges(file), signed)
        os.remove(self.path("nodes.h5"))
        nodes_of(self.path("nodes.h5"), size=3, ei=np.array(["e", "i", "L4"], object))
        self.refuses(file, f"nodes.h5:/nodes/cells[2]: ei 'L4', {known}")
        self.assertEqual([w for _, _, w in self.edges(file, "--columns", "sign=none")],
                         [0.5, 0.25, 2])

    def test_the_edge_goes_before_its_type(self):
        file = self.path("edges.h5")
        own = np.array([0.5, -0.25, 3])

        def weights(table=None, options=(), **attributes):
            if table is not None:
                self.path("edge_types.csv", b"edge_type_id " + table)
            with h5py.File(file, "w") as f:
                population(f, "p", [0, 1, 2], [1, 2, 0], types=[1, 2, 3], **attributes)
            about, edges = self.imported(file, *options)
            if table is not None:
                os.remove(self.path("edge_types.csv"))
            return [w for _, _, w in edges], about["not_used"]
        group, table = f"({file}:/edges/p/0)", f"({self.path('edge_types.csv')})"
        for name in ("syn_weight", "weight", "w"):
            for of_type in ("weight", "syn_weight", "nsyn"):
                self.assertEqual(weights(of_type.encode() + b"\n1 9\n2 9\n3 9\n", **{name: own}),
                                 ([0.5, -0.25, 3], [f"column '{of_type}' {table}"]))
        nines = np.array([9.0, 9, 9])
        self.assertEqual(weights(syn_weight=own, weight=nines),
                         ([0.5, -0.25, 3], [f"attribute 'weight' {group}"]))
        self.assertEqual(weights(syn_weight=own, weight=nines,
                                 options=("--columns", "weight=weight")),
                         ([9, 9, 9], [f"attribute 'syn_weight' {group}"]))
        self.assertEqual(weights(b"syn_weight weight\n1 1 9\n2 2 9\n3 3 9\n"),
                         ([1, 2, 3], [f"column 'weight' {table}"]))

    def test_synapses_between_the_same_two_act_together(self):
        file = self.path("edges.h5")
        with h5py.File(file, "w") as f:
            population(f, "p", [0, 1, 0, 0], [1, 0, 1, 1], syn_weight=np.array([1.0, 2, 4, -0.5]),
                       nsyns=np.array([1, 3, 2, 1]))
        about, edges = self.imported(file)
        self.assertEqual(edges, [("0", "1", 8.5), ("1", "0", 6)])
        self.assertIn(f"{file}:/edges/p: weights are multiplied by nsyns, the synapses of an edge",
                      about["remarks"])
        self.assertIn(f"{file}: 4 edges between 2 pairs of neurons; weights of the same pair are "
                      "added", about["remarks"])

    def test_no_weights_and_chosen_ones(self):
        file = self.path("edges.h5")
        with h5py.File(file, "w") as f:
            population(f, "p", [0, 1], [1, 0], conductance=np.array([0.5, 2.0]))
        about, edges = self.imported(file)
        self.assertEqual([w for _, _, w in edges], [1, 1])
        self.assertEqual(about["not_used"], [f"attribute 'conductance' ({file}:/edges/p/0)"])
        self.assertTrue(any("weight" in r and "1" in r for r in about["remarks"]), about)
        about, edges = self.imported(file, "--columns", "weight=conductance")
        self.assertEqual([w for _, _, w in edges], [0.5, 2])
        self.refuses(file, "no attribute 'c'", options=("--columns", "weight=c"))

    def test_what_is_wrong_is_said(self):
        file = self.path("edges.h5")

        def wrong(*says, types=None, table=None, change=lambda g: None, **attributes):
            with h5py.File(file, "w") as f:
                change(population(f, "p", [0, 1], [1, 0], types=types, **attributes))
            if table is not None:
                self.path("edge_types.csv", table)
            self.refuses(file, *says)
            if table is not None:
                os.remove(self.path("edge_types.csv"))

        def put(name, values):
            def change(g):
                del g[name]
                g[name] = values
            return change
        wrong("target_node_id: 3 ids, expected 2, as source_node_id has",
              change=put("target_node_id", np.arange(3)))
        wrong("source_node_id[0]: -1, expected 0 to", change=put("source_node_id", [-1, 0]))
        wrong("edge_group_id: another number of rows", change=put("edge_group_id", [0, 0, 0]))
        wrong("edge_group_id[1]: group 3, expected a group of the population",
              change=put("edge_group_id", [0, 3]))
        wrong("syn_weight: 1 values, expected one for row 1", syn_weight=np.array([1.0]))
        wrong("syn_weight: 2 values, expected one for row 1, number 9",
              change=put("edge_group_index", [0, 9]), syn_weight=np.array([1.0, 2]))
        wrong("edge_type_id[1]: edge type 9, expected a type of ", types=[1, 9],
              table=b"edge_type_id syn_weight\n1 2\n")
        wrong("edge_types.csv:2: 'x', expected a finite weight", types=[1, 1],
              table=b"edge_type_id syn_weight\n1 x\n")
        wrong("edge_types.csv:1: no column 'edge_type_id', expected a header whose columns are "
              "separated by blanks", types=[1, 1], table=b"edge_type_id,syn_weight\n1,2\n")
        wrong("edge_types.csv:3: type 1 again", types=[1, 1],
              table=b"edge_type_id syn_weight\n1 2\n1 3\n")
        wrong("edge_types.csv:2: 3 fields, expected 2", types=[1, 1],
              table=b"edge_type_id syn_weight\n1 2 3\n")
        wrong("weights by the function 'gaussian'", types=[1, 1],
              table=b"edge_type_id syn_weight weight_function\n1 2 gaussian\n")


class SciPy(Imported):
    MATRIX = np.array([[0, 0, 2.5], [1, 0, 0], [0, -0.5, 4]], "f4")  # W[target, source]
    EDGES = [("0", "1", 1), ("1", "2", -0.5), ("2", "0", 2.5), ("2", "2", 4)]

    def test_csr_csc_and_coo(self):
        for kind in ("csr", "csc", "coo"):
            for make in (scipy.sparse.csr_matrix, getattr(scipy.sparse, "csr_array", None)):
                if make is None:
                    continue
                for compressed in (True, False):
                    scipy.sparse.save_npz(self.path("m.npz"), make(self.MATRIX).asformat(kind),
                                          compressed=compressed)
                    about, edges = self.imported(self.path("m.npz"))
                    self.assertEqual(edges, self.EDGES, kind)
                    self.assertEqual((about["not_used"], about["remarks"]), ([], []))

    def test_others_are_refused_by_name(self):
        for kind in ("bsr", "dia"):
            matrix = scipy.sparse.csr_matrix(self.MATRIX).asformat(kind)
            scipy.sparse.save_npz(self.path("m.npz"), matrix)
            self.refuses(self.path("m.npz"), f"'{kind}' format, expected csr, csc or coo; save "
                         "matrix.tocsr()")
        np.save(self.path("m.npy"), self.MATRIX)
        self.refuses(self.path("m.npy"), "a dense array of NumPy", "scipy.sparse.save_npz")
        np.savez(self.path("m.npz"), a=self.MATRIX)
        self.refuses(self.path("m.npz"), "no array 'format'")
        scipy.sparse.save_npz(self.path("m.npz"),
                              scipy.sparse.coo_matrix(([1.0, 2], ([0, 0], [1, 1])), (2, 2)))
        self.refuses(self.path("m.npz"), "an edge again")
        scipy.sparse.save_npz(self.path("m.npz"), scipy.sparse.csr_matrix((2, 3)))
        self.refuses(self.path("m.npz"), "2 x 3, expected as many rows as columns")

    def test_further_arrays_are_named(self):
        np.savez(self.path("m.npz"), format=b"csr", shape=(2, 2), data=[1.5], indices=[0],
                 indptr=[0, 0, 1], colour=[1, 2])
        about, edges = self.imported(self.path("m.npz"))
        self.assertEqual(edges, [("0", "1", 1.5)])
        self.assertEqual(about["not_used"], [f"array 'colour' ({self.path('m.npz')})"])

    def test_hostile_archives(self):
        good = dict(format="csr", shape=(2, 2), data=[1.5], indices=[0], indptr=[0, 0, 1])
        file = self.path("m.npz")
        for change, says in ((dict(indptr=[0, 1, 0]), "indptr.npy: 0 to 0, expected 0 to 1"),
                             (dict(indptr=[0, 2, 1]), "indptr.npy[1]: 2, expected 0 to 1"),
                             (dict(indptr=[0, 1]), "indptr.npy: 2 entries, expected 2 rows + 1"),
                             (dict(indices=[2]), "indices.npy[0]: 2, expected 0 to 1"),
                             (dict(indices=[-1]), "indices.npy[0]: -1, expected 0 to 1"),
                             (dict(indices=[0.0]), "indices.npy: other values"),
                             (dict(data=[1, 2]), "data.npy: 2 values, expected 1"),
                             (dict(data=[[1]]), "data.npy: other values"),
                             (dict(shape=(2, 2, 2)), "3 dimensions, expected 2"),
                             (dict(shape=(2**40, 2**40)), "1099511627776 rows or columns"),
                             (dict(format=b"x" * 1000), "xxx...xxx"),
                             (dict(names=["a", "a"]), "'a' again, expected different names"),
                             (dict(orientation="row=source,col=target"),
                              "orientation.npy: 'row=source,col=target', expected")):
            np.savez(file, **{**good, **change})
            self.refuses(file, says)
        np.savez(file, **good)
        whole = contents(file)
        for end in range(0, len(whole), 37):
            self.refuses(self.path("cut.npz", whole[:end]) if end else self.path("cut.npz", b"P"))
        headers = ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999,), }",
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
                   "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                   "{'descr': '<f4', 'fortran_order': False}", "{", "",
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
                   "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}")
        for header in headers:
            with zipfile.ZipFile(file, "w") as z:
                for name, values in good.items():
                    with z.open(name + ".npy", "w") as f:
                        np.save(f, np.array(values))
                z.writestr("names.npy", b"")
            parts = {}
            with zipfile.ZipFile(file) as z:
                for name in z.namelist():
                    parts[name] = z.read(name)
            text = header.encode()
            parts["data.npy"] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
            del parts["names.npy"]
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
                for name, data in parts.items():
                    z.writestr(name, data)
            self.refuses(file, "data.npy: ")


class NodeLink(Imported):
    def write(self, data):
        return self.path("g.json", json.dumps(data).encode())

    def test_words_for_signs(self):
        def write(weight, **sign):
            return self.write({"directed": True, "nodes": [{"id": "a"}, {"id": "b"}], "links": [
                {"source": "a", "target": "b", "weight": weight, **sign}]})
        for sign in (dict(type="I"), dict(sign="negative"), dict(sign=-1), dict(sign=-1.0)):
            self.assertEqual(self.edges(write(-2, **sign)), [("a", "b", -2)])
            self.refuses(write(2, **sign), "inhibitory with weight 2.000000")
        for sign in (dict(type="L4"), dict(sign=0), dict(sign=True), dict(type=1)):
            self.refuses(write(2, **sign), "g.json:links[0]: ", "expected a word for excitatory or "
                         "inhibitory; --columns sign=none")
            self.assertEqual(self.edges(write(2, **sign), "--columns", "sign=none"),
                             [("a", "b", 2)])

    def test_what_networkx_writes(self):
        graph = networkx.DiGraph()
        graph.add_weighted_edges_from([("b", "a", 0.5), ("a", "ä", -2), ("ä", "ä", 1e-3)])
        graph.add_node("alone")
        for edges in ("links", "edges"):
            data = networkx.node_link_data(graph, edges=edges) \
                if "edges" in networkx.node_link_data.__code__.co_varnames \
                else networkx.node_link_data(graph)
            about, found = self.imported(self.write(data))
            self.assertEqual(found, [("a", "ä", -2), ("b", "a", 0.5),
                                     ("ä", "ä", float(np.float32(1e-3)))])
            self.assertEqual(about["populations"]["neurons"], 4)
            self.assertEqual((about["not_used"], about["remarks"]), ([], []))

    def test_numbers(self):
        def graph(ids, edges):
            return self.write({"directed": True, "multigraph": False, "graph": {},
                               "nodes": [{"id": i} for i in ids],
                               "links": [{"source": s, "target": t, "weight": w}
                                         for s, t, w in edges]})
        about, edges = self.imported(graph([2, 0, 1], [(2, 0, 3)]))
        self.assertEqual((edges, about["populations"]["neurons"]), ([("2", "0", 3)], 3))
        about, edges = self.imported(graph([7, 720575940621039145], [(7, 720575940621039145, 1)]))
        self.assertEqual(edges, [("7", "720575940621039145", 1)])
        self.assertTrue(any("ids of nodes are not 0 to 1" in r for r in about["remarks"]))
        self.assertEqual(self.edges(graph([1, 2], [(1, 2, 3)]), "--ids", "from-1"),
                         [("0", "1", 3)])
        about, edges = self.imported(graph([0, 1], [(0, 1, 16777217)]))
        self.assertEqual(edges, [("0", "1", 16777216)])
        self.assertTrue(any("float32" in r for r in about["remarks"]))

    def test_attributes(self):
        data = {"directed": True, "multigraph": True, "graph": {"name": "x"}, "colours": [1],
                "nodes": [{"id": "a", "x": [1, {"y": 2}]}, {"id": "b"}],
                "edges": [{"source": "a", "target": "b", "syn_weight": -3, "key": 0, "delay": 1,
                           "type": "inhibitory"}]}
        about, edges = self.imported(self.write(data))
        self.assertEqual(edges, [("a", "b", -3)])
        self.assertEqual([entry.rsplit(" (", 1)[0] for entry in about["not_used"]],
                         ["attribute 'x' of nodes", "attribute 'delay' of edges", "'colours'",
                          "attribute 'name' of the graph"])
        data["edges"][0]["type"] = "excitatory"
        self.refuses(self.write(data), "g.json:edges[0]: excitatory with weight -3")

    def test_what_is_wrong_is_said(self):
        nodes = [{"id": "a"}, {"id": "b"}]
        good = {"directed": True, "nodes": nodes, "links": [{"source": "a", "target": "b"}]}
        self.assertEqual(self.edges(self.write(good)), [("a", "b", 1)])
        for change, says in ((dict(directed=False), '"directed": false, expected a directed'),
                             (dict(nodes={"a": 1}), "'nodes' that is no list"),
                             (dict(nodes=[1]), "g.json:nodes[0]: '1', expected an object"),
                             (dict(nodes=[[]]), "g.json:nodes[0]: a list, expected an object"),
                             (dict(nodes=nodes + [{}]), "g.json:nodes[2]: no 'id'"),
                             (dict(nodes=nodes + [{"id": ["a", 1]}]),
                              "an id that is neither text nor a number"),
                             (dict(nodes=nodes + [{"id": "a"}]), "node 'a' again"),
                             (dict(links=[{"source": "a", "target": "c"}]),
                              "g.json:links[0]: 'target' 'c', expected one of the nodes"),
                             (dict(links=[{"source": "a"}]), "edges without source and target"),
                             (dict(links=[{"source": "a", "target": "b", "weight": "1"}]),
                              "g.json:links[0]: '1', expected a number for every edge"),
                             (dict(edges=[]), '"links" and "edges"')):
            self.refuses(self.write({**good, **change}), says)
        del good["directed"]
        self.refuses(self.write(good), 'no "directed": true')
        self.refuses(self.path("g.json", b'{"a": 1}'), 'JSON without "nodes" and "links"')
        self.refuses(self.path("g.json", b"[" * 100), "g.json: a list")
        self.refuses(self.path("g.json", b'{"x": ' + b"[" * 100_000), "nested more than 64 deep")
        good["directed"] = True
        text = json.dumps(good).encode()
        for end in range(1, len(text)):
            self.refuses(self.path("g.json", text[:end]))


class Gexf(Imported):
    def write(self, body, version="1.3", namespace="http://gexf.net/1.3"):
        return self.path("g.gexf", (f'<?xml version="1.0" encoding="UTF-8"?>\n<gexf '
                                    f'xmlns="{namespace}" xmlns:viz="{namespace}/viz" '
                                    f'version="{version}">{body}</gexf>').encode())

    def graph(self, edges, nodes=(("a", "a"), ("b", "b")), attributes="", kind="directed"):
        listed = "".join(f'<node id="{i}" label="{label}"/>' for i, label in nodes)
        return self.write(f'<graph mode="static" defaultedgetype="{kind}">{attributes}'
                          f'<nodes>{listed}</nodes><edges>{edges}</edges></graph>')

    def test_what_networkx_writes(self):
        graph = networkx.DiGraph()
        graph.add_weighted_edges_from([("b", "a", 0.5), ("a", "ä & <ö>", -2)])
        graph.add_node("alone", x=1.5)
        for version in ("1.1draft", "1.2draft", "1.3"):
            try:
                networkx.write_gexf(graph, self.path("g.gexf"), version=version)
            except networkx.NetworkXError:
                continue  # which this version of networkx does not write
            about, edges = self.imported(self.path("g.gexf"))
            self.assertEqual(edges, [("a", "ä & <ö>", -2), ("b", "a", 0.5)])
            self.assertEqual(about["populations"]["neurons"], 4)
            self.assertEqual(about["remarks"], [])
            self.assertEqual(about["not_used"],
                             [f"attribute 'x' of nodes ({self.path('g.gexf')})"])
        undirected = networkx.Graph([(1, 2)])
        networkx.write_gexf(undirected, self.path("g.gexf"))
        self.refuses(self.path("g.gexf"), "an undirected edge, expected directed edges")

    def test_weights_types_and_attributes(self):
        def values(**given):
            return "".join(f'<attvalue for="{key}" value="{value}"/>'
                           for key, value in given.items())
        attributes = ('<attributes class="edge"><attribute id="w" title="syn_weight" '
                      'type="float"><default>7</default></attribute><attribute id="d" '
                      'title="delay" type="float"/><attribute id="s" title="sign" '
                      'type="string"/></attributes>')

        def edge(target, inside="", more=""):
            return (f'<edge id="{target}" source="a" target="{target}"{more}><attvalues>{inside}'
                    '</attvalues></edge>')
        file = self.graph(edge("a", values(w=-2, d=1, s="inhibitory")) + edge("b"),
                          attributes=attributes)
        about, edges = self.imported(file)
        self.assertEqual(edges, [("a", "a", -2), ("a", "b", 7)])
        self.assertEqual(about["not_used"], [f"attribute 'delay' of edges ({file})"])
        file = self.graph(edge("a", values(w=-2), ' weight="3"') + edge("b", "", ' weight="4"'),
                          attributes=attributes)
        self.assertEqual(self.edges(file), [("a", "a", 3), ("a", "b", 4)])
        self.assertEqual(self.edges(file, "--columns", "weight=syn_weight"),
                         [("a", "a", -2), ("a", "b", 7)])
        self.refuses(self.graph(edge("a", values(w=2, s="inhibitory")), attributes=attributes),
                     "inhibitory with weight 2")
        about, edges = self.imported(self.graph('<edge source="a" target="b" weight="2"/>'
                                                '<edge source="b" target="b"/>'))
        self.assertEqual(edges, [("a", "b", 2), ("b", "b", 1)])
        self.assertTrue(any("1 edges have no weight, which means 1" in r
                            for r in about["remarks"]))

    def test_signs_and_titles_of_one_name(self):
        def attributes(*titles, default=""):
            return ('<attributes class="edge">' +
                    "".join(f'<attribute id="{i}" title="{title}" type="string">{default}'
                            '</attribute>' for i, title in enumerate(titles)) + '</attributes>')

        def edge(target, weight, *values):
            return (f'<edge source="a" target="{target}" weight="{weight}"><attvalues>' +
                    "".join(f'<attvalue for="{key}" value="{value}"/>' for key, value in values) +
                    '</attvalues></edge>')
        for title in ("sign", "type"):
            known = attributes(title)
            self.assertEqual(self.edges(self.graph(edge("a", -2, (0, "I")) + edge("b", 1, (0, "E")),
                                                   attributes=known)),
                             [("a", "a", -2), ("a", "b", 1)])
            self.refuses(self.graph(edge("a", 2, (0, "GABA")), attributes=known),
                         "g.gexf:2: 'GABA': inhibitory with weight 2")
            self.refuses(self.graph(edge("a", 2, (0, "L4")), attributes=known),
                         f"g.gexf:2: {title} 'L4', expected a word for excitatory or inhibitory")
            file = self.graph(edge("a", 2), attributes=attributes(
                title, default="<default>inhibitory</default>"))
            self.refuses(file, "inhibitory with weight 2")
            self.assertEqual(self.edges(file, "--columns", "sign=none"), [("a", "a", 2)])
        # NetworkX declares an attribute for each type of numbers.
        twice = self.graph('<edge source="a" target="a"><attvalues><attvalue for="0" value="3"/>'
                           '</attvalues></edge><edge source="a" target="b"><attvalues>'
                           '<attvalue for="1" value="-0.5"/></attvalues></edge>',
                           attributes=attributes("syn_weight", "syn_weight"))
        self.assertEqual(self.edges(twice), [("a", "a", 3), ("a", "b", -0.5)])

    def test_rates_and_retentions_are_not_the_weight(self):
        table = self.path("gx.csv", b"source,target,weight\na,b,2\nb,a,-1\n")
        edge = ('<edge source="{}" target="{}" weight="1.0"><attvalues><attvalue for="0" '
                'value="{}"/></attvalues></edge>')
        edges = edge.format("a", "b", 0.5) + edge.format("b", "a", 0.25)
        rates = self.path("rates.csv", b"source,target,rate\na,b,0.5\nb,a,0.25\n")
        for option, titles, other in (("--retention", ("retention", "u"), "rate"),
                                      ("--gs", ("rate", "plasticity"), "retention")):
            def file(title):
                return self.graph(edges, attributes='<attributes class="edge"><attribute id="0" '
                                  f'title="{title}" type="float"/></attributes>')
            expected = self.imported(table, option, rates, "--columns", "weight=rate")[0]
            for title in titles:
                role = "retention" if option == "--retention" else "rate"
                self.refuses(table, f"g.gexf: '{title}' and 'weight', each of which can be the "
                             f"{role}, expected one column for it; --columns weight={title} "
                             "decides", options=(option, file(title)))
                about, _ = self.imported(table, option, file(title), "--columns",
                                         f"weight={title}")
                self.assertEqual(about["content_sha256"], expected["content_sha256"])
            about, _ = self.imported(table, option, file(other))
            self.assertIn(f"attribute '{other}' of edges ({self.path('g.gexf')})",
                          about["not_used"])

    def test_labels_of_edges_are_named(self):
        file = self.graph('<edge source="a" target="b" weight="2" label="x"/>'
                          '<edge source="b" target="a" weight="1" label=""/>')
        about, edges = self.imported(file)
        self.assertEqual((edges, about["not_used"]),
                         ([("a", "b", 2), ("b", "a", 1)], [f"attribute 'label' of edge ({file})"]))

    def test_labels_and_ids(self):
        edge = '<edge source="1" target="0" weight="2"/>'
        self.assertEqual(self.edges(self.graph(edge, (("1", "x"), ("0", "y")))), [("x", "y", 2)])
        self.assertEqual(self.edges(self.graph(edge, (("1", "1"), ("0", "0")))), [("1", "0", 2)])
        about, edges = self.imported(self.graph(edge, (("1", "x"), ("0", "x"))))
        self.assertEqual(edges, [("1", "0", 2)])
        self.assertEqual(self.edges(self.graph(edge.replace("0", "07"), (("1", ""), ("07", "")))),
                         [("1", "07", 2)])
        self.assertEqual(self.edges(self.graph(edge, (("1", "x"), ("0", "y"))), "--ids", "from-0"),
                         [("1", "0", 2)])

    def test_what_is_wrong_is_said(self):
        edge = '<edge source="a" target="b"/>'
        self.assertEqual(self.edges(self.graph(edge)), [("a", "b", 1)])
        for edges, says in ((edge.replace("/>", ' type="undirected"/>'), "an undirected edge"),
                            (edge.replace("/>", ' type="mutual"/>'), "a mutual edge"),
                            (edge.replace('"b"', '"c"'), "an edge of the node 'c'"),
                            (edge.replace("target", "to"), "an edge without source or target"),
                            (edge.replace("/>", ' weight="x"/>'), "'x', expected a finite weight"),
                            (edge.replace("/>", '><attvalues><attvalue for="9" value="1"/>'
                                          '</attvalues></edge>'), "a value of the attribute '9'"),
                            ("<edge", "g.gexf")):
            self.refuses(self.graph(edges), says)
        self.refuses(self.graph(edge, (("a", ""), ("a", ""))), "node 'a' again")
        self.refuses(self.graph(edge, kind="undirected"), "an undirected edge")
        self.refuses(self.write('<graph mode="dynamic"/>'), "mode 'dynamic'")
        self.refuses(self.write('<graph><nodes><node id="a"><nodes/></node></nodes></graph>'),
                     "nodes within a node")
        self.refuses(self.write('<graph><nodes><node id="a" pid="b"/></nodes></graph>'),
                     "a node within the node 'b'")
        self.refuses(self.write("<graph/>"), "a graph without nodes")
        self.refuses(self.write(""), "no graph")
        whole = contents(self.graph(edge))
        for end in range(1, len(whole), 7):
            self.refuses(self.path("g.gexf", whole[:end]))


if __name__ == "__main__":
    main()
