"""bdh plot MODEL: pictures in which nothing overlaps or is cut off, and whose CSV is what the graph
says, computed here from its edges."""
import collections
import json
import os
import random
import signal
import struct

import pictures
from program import RANDOM, main
from test_plot import PlotTest, read, table

KINDS = "degree", "weights", "matrix", "modularity", "graph"


def hub_weights():
    """Gx of the checkpoint random-64 by its definition: W[k][j] = sum over hubs of encoder[k]
    (decoder[j] - its mean)."""
    data = read(f"{RANDOM}/model.safetensors")
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        return header[name]["shape"], struct.unpack("<%df" % ((end - begin) // 4),
                                                    data[8 + size + begin:8 + size + end])
    (heads, d, per_head), encoder = tensor("encoder")
    (n, _), decoder = tensor("decoder")
    rows = [decoder[j * d:(j + 1) * d] for j in range(n)]
    centred = [[v - sum(row) / d for v in row] for row in rows]
    return [[sum(encoder[(k // per_head * d + t) * per_head + k % per_head] * centred[j][t]
                 for t in range(d)) for j in range(n)] for k in range(n)]


class ModelPictures(PlotTest):
    def graph(self, edges, neurons=None, name="graph"):
        """edges: (source, target) -> weight. Imported with all neurons known, in the order of their
        numbers."""
        size = neurons or 1 + max(max(e) for e in edges)
        market = f"%%MatrixMarket matrix coordinate real general\n{size} {size} {len(edges)}\n"
        market += "".join(f"{t + 1} {s + 1} {w}\n" for (s, t), w in edges.items())
        self.good("import", "--gx", self.path(name + ".mtx", market.encode()), "--layers", 1,
                  "--vocabulary", 16, "-o", self.path(name + ".bdh.h5"), "--force")
        return self.path(name + ".bdh.h5")

    def some_graph(self, neurons=30, edges=200):
        """Weights of few binary digits: nothing is rounded; some from a neuron to itself."""
        draw = random.Random(7)
        return {(draw.randrange(neurons),
                 draw.randrange(neurons)): draw.choice([-1, 1, 1]) * draw.randrange(1, 65) / 16
                for _ in range(edges)}

    def test_matrix_is_the_graph(self):
        edges = self.some_graph()
        page, rows = self.plot("matrix", self.graph(edges, 30))
        got = {(int(j), int(r["post/pre"])): float(w) for r in rows for j, w in r.items()
               if j != "post/pre" and float(w) != 0}
        self.assertEqual(got, edges)
        self.assertIn("postsynaptic neuron", self.texts(page))
        # and its colour bar
        self.assertEqual(len(list(page.iter("{http://www.w3.org/2000/svg}image"))), 2)

    def test_matrix_through_hubs(self):
        page, rows = self.plot("matrix", self.random)
        for r, expected in zip(rows, hub_weights(), strict=True):
            for j, w in enumerate(expected):
                self.assertAlmostEqual(float(r[str(j)]), w, delta=1e-5)
        self.assertIn("Lines divide the 2 heads.", self.texts(page))

    def test_matrix_of_many_neurons_is_binned(self):
        n, cells = 1100, 512
        edges = {(i, (i * 37 + 11 * k) % n): (-1) ** k * (i % 8 + 1) / 8 for i in range(n)
                 for k in range(3)}
        model = self.graph(edges, n)
        sums, largest = collections.Counter(), {}
        for (s, t), w in edges.items():
            cell = t * cells // n, s * cells // n
            sums[cell] += w
            largest[cell] = max(largest.get(cell, 0), w, key=abs)
        sizes = collections.Counter(k * cells // n for k in range(n))
        first = [min(k for k in range(n) if k * cells // n == c) for c in range(cells)]
        for options, word in (((), "largest"), (("--join", "mean"), "mean")):
            page, rows = self.plot("matrix", model, *options)
            self.assertEqual([int(r["first_post/first_pre"]) for r in rows], first)
            for row, r in enumerate(rows):
                for c in range(cells):
                    value, found = float(r[str(first[c])]), largest.get((row, c), 0)
                    if word == "mean":
                        found = sums[row, c] / (sizes[row] * sizes[c])
                    if word == "largest" and abs(value) == abs(found):
                        continue  # of two that are the same, but for their sign, either
                    self.assertAlmostEqual(value, found, delta=1e-6)
            self.assertIn(f"{word} over up to 3 × 3 pairs", " ".join(self.texts(page)))

    def test_a_single_edge_among_many_neurons_is_seen(self):
        n = 3000
        model = self.graph({(2999, 5): -1, (1500, 1600): 1, (0, 2999): 1}, n)
        self.good("plot", "matrix", model, "-o", self.path("p.svg"))
        for scale in (1, 1.5, 2):
            self.good("plot", "matrix", model, "-o", self.path("p.png"), "--force", "--scale",
                      scale)
            box = pictures.frames(pictures.page(self.path("p.svg")))[0]
            cells = pictures.inside(pictures.pixels(self.path("p.png")), box, scale)
            for (source, target), red in (((2999, 5), False), ((1500, 1600), True),
                                          ((0, 2999), True)):
                x, y = source / n * len(cells[0]), target / n * len(cells)
                near = [cells[v][u] for v in range(max(0, int(y - 4)), min(len(cells), int(y + 5)))
                        for u in range(max(0, int(x - 4)), min(len(cells[0]), int(x + 5)))]
                self.assertTrue(any((r > b + 40) if red else (b > r + 40) for r, _, b in near),
                                (scale, source, target))

    def test_matrix_by_community(self):
        groups = [[i for i in range(20) if i % 3 == g] for g in range(3)]  # of 7, 7 and 6 neurons
        edges = {(a, b): 1 for g in groups for a in g for b in g if a != b}
        page, rows = self.plot("matrix", self.graph(edges, 20), "--order", "community")
        self.assertEqual([int(r["post/pre"]) for r in rows], groups[0] + groups[1] + groups[2])
        self.assertIn("3 communities", " ".join(self.texts(page)))

    def expect_degrees(self, rows, weights, beta, neurons):
        """weights: (source, target) -> weight."""
        expected = []
        for direction in (0, 1):
            for sign, name in ((1, "excitatory"), (-1, "inhibitory")):
                degree = collections.Counter(e[direction] for e, w in weights.items()
                                             if sign * w > beta and e[0] != e[1])
                for d in sorted(set(degree.values())):
                    expected.append((("out", "in")[direction], name, d,
                                     sum(v == d for v in degree.values()),
                                     sum(v >= d for v in degree.values()) / neurons))
        self.assertEqual([(r["direction"], r["sign"], int(r["degree"]), int(r["neurons"]))
                          for r in rows], [e[:4] for e in expected])
        for r, e in zip(rows, expected):
            self.assertAlmostEqual(float(r["share_with_at_least"]), e[4])

    def test_degrees_of_a_graph(self):
        edges = self.some_graph()
        model = self.graph(edges, 30)
        for options, beta in (((), 0), (("--beta", 2), 2)):
            page, rows = self.plot("degree", model, *options)
            self.expect_degrees(rows, edges, beta, 30)
        pairs = sorted((abs(w) for e, w in edges.items() if e[0] != e[1]), reverse=True)
        page, rows = self.plot("degree", model, "--keep", 0.05)
        kept = max(b for b in range(65)
                   if sum(w > b / 16 for w in pairs) <= 0.05 * 30 * 29 < sum(w > (b - 1) / 16
                                                                             for w in pairs))
        self.expect_degrees(rows, edges, kept / 16, 30)

    def test_degrees_through_hubs(self):
        weights = {(j, k): w for k, row in enumerate(hub_weights()) for j, w in enumerate(row)}
        sizes = sorted(abs(w) for w in weights.values())
        # the widest gap
        beta = max(zip(sizes, sizes[1:]), key=lambda pair: pair[1] - pair[0] if 0.02 < pair[0] < 0.2
                   else 0)
        beta = (beta[0] + beta[1]) / 2
        self.expect_degrees(self.plot("degree", self.random, "--beta", beta)[1], weights, beta, 64)

    def test_power_law_is_found(self):
        """Of 3000 neurons so many have k edges that the exponent is 2.5."""
        total = sum(k ** -2.5 for k in range(1, 400))
        degrees, left = [], 0.0
        for k in range(1, 400):
            left += 3000 * k ** -2.5 / total
            while len(degrees) < round(left):
                degrees.append(k)
        edges = {(i, (i + 1 + j) % 3000): 1 for i, d in enumerate(degrees) for j in range(d)}
        page, rows = self.plot("degree", self.graph(edges, 3000))
        said = [t for t in self.texts(page) if t.startswith("out, excitatory: exponent")]
        self.assertAlmostEqual(float(said[0].split()[3]), 2.5, delta=0.05)
        for r in rows:
            if r["direction"] == "out" and r["fitted_share"] and 2 <= int(r["degree"]) <= 50:
                self.assertAlmostEqual(float(r["fitted_share"]) / float(r["share_with_at_least"]),
                                       1, delta=0.1)

    def test_weights(self):
        edges = self.some_graph()
        page, rows = self.plot("weights", self.graph(edges, 30))
        self.assertEqual({r["graph"] for r in rows}, {"gx", "gy", "gs"})
        between = [w for (s, t), w in edges.items() if s != t]
        for graph, values in (("gx", between), ("gy", between), ("gs", [1.0] * len(between))):
            bins = [(float(r["from"]), float(r["to"]), int(r["edges"])) for r in rows
                    if r["graph"] == graph]
            self.assertEqual(sum(b[2] for b in bins), len(values))
            self.assertEqual(bins, sorted(bins))
            for low, high, count in bins:
                self.assertEqual(count, sum(low <= w < high if low >= 0 else low < w <= high
                                            for w in values), (graph, low, high))
        page, rows = self.plot("weights", self.graph({(0, 1): -1, (1, 2): -2, (2, 3): -0.5}, 4))
        # synapses at rate 1: an axis from 0 has a label for few
        self.assertEqual(self.texts(page).count("3"), 1)
        page, rows = self.plot("weights", self.random)
        self.assertEqual({r["graph"] for r in rows}, {"gx", "gy"})
        weights = [w for k, row in enumerate(hub_weights()) for j, w in enumerate(row) if j != k]
        self.assertEqual(sum(int(r["edges"]) for r in rows if r["graph"] == "gx"), len(weights))
        self.assertEqual(sum(int(r["edges"]) for r in rows if r["graph"] == "gx"
                             and float(r["to"]) <= 0), sum(w < 0 for w in weights))

    def test_modularity(self):
        """Two groups of 8, all pairs in them joined both ways, and one weak edge between them."""
        edges = {(a, b): 1 for g in (0, 8) for a in range(g, g + 8) for b in range(g, g + 8)
                 if a != b}
        edges[0, 8] = 0.25
        page, rows = self.plot("modularity", self.graph(edges))
        whole = next(r for r in rows if r["graph"] == "excitatory"
                     and float(r["share_of_edges"]) == 1)
        total, within = 113, 56
        self.assertEqual((int(whole["edges"]), int(whole["communities"])), (113, 2))
        self.assertAlmostEqual(float(whole["modularity"]),
                               2 * (within / total - ((2 * within + 1) / (2 * total)) ** 2),
                               delta=2e-6)
        chance = next(r for r in rows if r["graph"].startswith("random") and r["edges"] == "113")
        self.assertLess(float(chance["modularity"]), 0.3)

    def test_modularity_through_hubs_has_both_nulls(self):
        page, rows = self.plot("modularity", self.random)
        self.assertEqual({r["graph"] for r in rows}, {"excitatory", "inhibitory",
                                                      "random graph, m as excitatory",
                                                      "random graph, m as inhibitory",
                                                      "product of Gaussian factors"})
        for r in rows:
            self.assertTrue(0 <= float(r["modularity"]) < 1)

    def neighbours(self, edges, hubs, count):
        """The rule of the picture: each hub its strongest edges, then the strongest of all."""
        def strength(e):
            return -abs(edges[e]), e[1], e[0]
        plain = sorted((e for e in edges if e[0] != e[1]), key=strength)
        chosen = set()
        for k, hub in enumerate(hubs):
            share = count * (k + 1) // len(hubs) - count * k // len(hubs)
            chosen.update([e for e in plain if hub in e][:share])
        for e in plain:
            if len(chosen) < count and set(e) & set(hubs):
                chosen.add(e)
        return chosen

    def test_graph_shows_the_strongest_edges_of_the_hubs(self):
        edges = self.some_graph()
        degree = collections.Counter(i for e in edges if e[0] != e[1] for i in e)
        hubs = sorted(range(30), key=lambda i: (-degree[i], i))[:3]
        page, rows = self.plot("graph", self.graph(edges, 30), "--hubs", 3, "--top-edges", 25)
        self.assertEqual({(int(r["source"]), int(r["target"])): float(r["weight"]) for r in rows},
                         {e: edges[e] for e in self.neighbours(edges, hubs, 25)})
        self.assertTrue(all(int(r["source_edges"]) == degree[int(r["source"])] for r in rows))
        texts = self.texts(page)
        self.assertTrue({str(h) for h in hubs} <= set(texts))
        self.assertTrue({"excitatory edge", "inhibitory edge", "community 0"} <= set(texts))

    def test_graph_around_one_neuron(self):
        edges = self.some_graph()
        model = self.graph(edges, 30)
        page, rows = self.plot("graph", model, "--ego", 11, "--top-edges", 10)
        own = sorted((e for e in edges if 11 in e and e[0] != e[1]),
                     key=lambda e: (-abs(edges[e]), e[1], e[0]))[:6]
        near = {i for e in own for i in e}
        others = sorted((e for e in edges if 11 not in e and set(e) <= near and e[0] != e[1]),
                        key=lambda e: (-abs(edges[e]), e[1], e[0]))[:10 - len(own)]
        self.assertEqual({(int(r["source"]), int(r["target"])) for r in rows}, {*own, *others})
        # Its edges are shown even where they are weak; its names are those of the model.
        strong = max(abs(w) for w in edges.values())
        self.assertEqual(len(self.plot("graph", model, "--ego", 11, "--beta", strong, "--top-edges",
                                       10)[1]), len(own))
        self.assertIn("sun & <moon>",
                      self.texts(self.plot("graph", self.named(), "--ego", "sun & <moon>")[0]))

    def test_pictures_of_any_size_are_laid_out(self):
        """plot() looks at the layout."""
        ring = self.graph({(i, (i + 1) % 4): (-1) ** i for i in range(4)}, name="ring")
        empty = self.graph({(0, 0): 1}, 5, name="empty")
        self.good("new", "scale-free", "--neurons", 1000, "--degree", 10, "-o",
                  self.path("free.bdh.h5"))
        for model in (self.one_neuron(), self.named(), ring, empty, self.random,
                      self.path("free.bdh.h5")):
            for kind in KINDS:
                self.plot(kind, model)
            self.plot("matrix", model, "--order", "community")
        self.assertIn("no edges", self.texts(self.plot("graph", empty)[0]))
        texts = self.texts(self.plot("degree", ring)[0])
        self.assertIn("no power law fitted", texts)
        self.assertNotIn("fitted power law", texts)
        self.assertNotIn("0.5", self.texts(self.plot("weights", ring, "--graph", "gx")[0]))

    def test_same_bytes_for_any_number_of_threads(self):
        for kind in KINDS:
            for model in (self.random, self.graph(self.some_graph(), 30)):
                pictures = []
                for threads in (1, 3):
                    self.good("plot", kind, model, "-o", self.path("p.svg"), "--force", "--threads",
                              threads)
                    pictures.append(read(self.path("p.svg")) + read(self.path("p.csv")))
                self.assertEqual(*pictures)

    def test_png(self):
        self.good("plot", "graph", self.random, "-o", self.path("p.png"))
        self.assertEqual(read(self.path("p.png"))[:4], b"\x89PNG")
        self.assertTrue(table(self.path("p.csv")))


class BadInput(PlotTest):
    def test_refused(self):
        self.path("text.bdh.h5", b"no model")
        self.path("there.svg", b"")
        rows = [
            (1, ("degree", self.path("none.bdh.h5")), ("none.bdh.h5",)),
            (1, ("degree", self.path("text.bdh.h5")), ("text.bdh.h5",)),
            (1, ("degree", self.random, "--graph", "gs"), ("--graph", "gx or gy")),
            (2, ("degree", self.random, "--graph", "gz"), ("--graph",)),
            (2, ("degree", self.random, "--beta", 0.1, "--keep", 0.1), ("--beta",)),
            (2, ("degree", self.random, "--beta", "nan"), ("--beta", "nan")),
            (2, ("degree", self.random, "--beta", -1), ("--beta",)),
            (2, ("degree", self.random, "--keep", 0), ("--keep",)),
            (2, ("degree", self.random, "--keep", 1.5), ("--keep",)),
            (2, ("weights", self.random, "--keep", 0.5), ("--keep",)),
            (1, ("matrix", self.random, "--beta", 0.1), ("--order community",)),
            (1, ("matrix", self.random, "--order", "community", "--beta", 0, "--most-edges", 100),
             ("--beta", "100 edges")),
            (2, ("matrix", self.random, "--order", "size"), ("--order",)),
            (1, ("graph", self.random, "--ego", 64), ("--ego", "64")),
            (1, ("graph", self.random, "--ego", "unnamed"), ("--ego", "unnamed")),
            (1, ("graph", self.random, "--keep", 0.5, "--most-edges", 50), ("--keep", "50 edges")),
            (2, ("graph", self.random, "--ego", 3, "--hubs", 3), ("--hubs",)),
            (2, ("graph", self.random, "--hubs", 0), ("--hubs",)),
            (2, ("modularity", self.random, "--most-edges", 0), ("--most-edges",)),
        ]
        for code, (kind, model, *options), says in rows:
            self.refused(code, "plot", kind, model, "-o", self.path("picture.svg"), *options,
                         says=says)
            self.assertFalse(os.path.exists(self.path("picture.svg"))
                             or os.path.exists(self.path("picture.csv")))
        self.refused(1, "plot", "degree", self.random, "-o", self.path("there.svg"),
                     says=("there.svg",))
        self.refused(1, "plot", "degree", self.random, "-o", self.path("picture.gif"),
                     says=("picture.gif",))
        self.refused(2, "plot", "degree", self.random, says=("-o",))

    def test_stopped_by_a_signal(self):
        said = self.stopped(signal.SIGINT, "plot", "modularity", self.trained, "--most-edges",
                            "1000000", target=self.path("picture.svg"), worked=0.3)
        self.assertIn(b"stopped by a signal", said)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    main()
