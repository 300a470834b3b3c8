"""Every statistic of bdh stats against other people's programs, on random graphs: NetworkX, igraph
for Python, SciPy, NumPy."""
import csv
import json
import os
import random
import shutil
import tempfile
import unittest
import warnings

import h5py
import igraph
import networkx
import numpy
import scipy.optimize
import scipy.special
import scipy.stats

from program import RANDOM, bdh


def good(*arguments):
    done = bdh(*arguments)
    assert done.returncode == 0, (arguments, done.stderr)
    return done


def random_weights(n, edges, seed, heavy):
    """W[target, source], float32; out-degrees heavy-tailed or not; a few self-loops."""
    random = numpy.random.default_rng(seed)
    activity = random.pareto(1.3, n) + 1 if heavy else numpy.ones(n)
    w = numpy.zeros((n, n), numpy.float32)
    source = random.choice(n, edges, p=activity / activity.sum())
    w[random.integers(0, n, edges), source] = random.normal(size=edges)
    return w


class Stats(unittest.TestCase):
    def setUp(self):
        random.seed(1)  # igraph's
        self.fits = 0
        self.folder = tempfile.mkdtemp(prefix="bdh-interop-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def imported(self, w):
        with open(self.path("g.csv"), "w") as f:
            f.write("source,target,weight\n")
            for target, source in zip(*numpy.nonzero(w)):
                f.write(f"{source},{target},{w[target, source]!s}\n")
        good("import", "--gx", self.path("g.csv"), "--layers", 1, "-o", self.path("g.bdh.h5"),
             "--force")
        return self.path("g.bdh.h5")

    def stats(self, model, *options):
        return json.loads(good("stats", model, "--json", *options).stdout)["results"][0]

    def check_degrees(self, found, degrees):
        values, counts = numpy.unique(degrees, return_counts=True)
        self.assertEqual(found["histogram"], [[int(v), int(c)] for v, c in zip(values, counts)])
        self.assertAlmostEqual(found["mean"], degrees.mean())
        self.assertAlmostEqual(found["deviation"], degrees.std())
        self.assertEqual((found["least"], found["largest"], found["without"]),
                         (degrees.min(), degrees.max(), (degrees == 0).sum()))
        self.assertEqual(found["median"], numpy.median(degrees))
        positive = degrees[degrees > 0]
        if len(set(positive)) < 2:
            return self.assertIsNone(found["power_law"])
        expected = igraph.power_law_fit(positive.tolist(), method="discrete", p_precision=0.5)
        tail = (positive >= expected.xmin).sum()
        if tail < 50:
            self.assertIsNone(found["power_law"])
            few = f"{len(positive)} nodes with edges" if len(
                positive) < 50 else f"tail of {tail} nodes"
            self.assertEqual(found["no_power_law"], few + ", 50 are needed")
            return
        self.fits += 1
        fit = found["power_law"]
        self.assertEqual(fit["xmin"], expected.xmin)
        self.assertAlmostEqual(fit["alpha"], expected.alpha, places=5)
        self.assertAlmostEqual(fit["ks"], expected.D, places=6)
        self.check_likelihoods(fit, positive[positive >= fit["xmin"]].astype(float))

    def check_likelihoods(self, fit, tail):
        xmin, alpha = fit["xmin"], fit["alpha"]
        power = -alpha * numpy.log(tail) - numpy.log(scipy.special.zeta(alpha, xmin))
        self.assertEqual(fit["tail"], len(tail))
        self.assertAlmostEqual(fit["log_likelihood"], power.sum(), places=6)
        rate = numpy.log1p(1 / (tail.mean() - xmin))
        exponential = numpy.log1p(-numpy.exp(-rate)) - rate * (tail - xmin)

        def lognormal(at):
            mu, sigma = at[0], numpy.exp(at[1])
            log_cdf = lambda x: scipy.stats.norm.logsf((numpy.log(x) - mu) / sigma)
            a, b = log_cdf(tail - 0.5), log_cdf(tail + 0.5)
            return a + numpy.log(-numpy.expm1(b - a)) - log_cdf(xmin - 0.5)

        def cost(at):
            value = -lognormal(at).sum()
            return value if numpy.isfinite(value) else 1e10

        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            starts = [(numpy.log(tail).mean(), numpy.log(numpy.log(tail).std() + 1e-3)), (-5, 1)]
            best = min((scipy.optimize.minimize(cost, s, method="Nelder-Mead",
                                                options={"maxiter": 1000, "maxfev": 1000})
                        for s in starts), key=lambda r: r.fun)
        # Where the power law is the better one, the lognormal comes ever closer to it as mu falls:
        # its likelihood has no maximum.
        found = fit["against"]["lognormal"]["log_ratio"]
        self.assertLess(abs(found - (power.sum() + best.fun)), 0.05 + 0.02 * abs(found),
                        (found, power.sum() + best.fun))
        p_of = lambda ratio: 2 * scipy.stats.norm.sf(
            abs(ratio.sum()) / (ratio.std() * numpy.sqrt(len(tail))))
        ratio = power - exponential
        self.assertAlmostEqual(fit["against"]["exponential"]["log_ratio"], ratio.sum(), places=6)
        self.assertAlmostEqual(fit["against"]["exponential"]["p"], p_of(ratio), places=6)
        if abs(found) > 0.5:
            self.assertAlmostEqual(fit["against"]["lognormal"]["p"],
                                   p_of(power - lognormal(best.x)), delta=0.03)

    def check_part(self, found, edges, rows, name):
        """edges[target, source]: whether there is one; rows: of the CSV file."""
        n = len(edges)
        graph = networkx.from_numpy_array(edges.T.astype(int), create_using=networkx.DiGraph)
        self.assertEqual(found["edges"], graph.number_of_edges())
        self.assertAlmostEqual(found["share"], networkx.density(graph))
        self.check_degrees(found["in_degree"], edges.sum(1))
        self.check_degrees(found["out_degree"], edges.sum(0))
        self.assertAlmostEqual(found["reciprocity"]["share"], networkx.overall_reciprocity(graph))
        self.assertAlmostEqual(found["reciprocity"]["share"],
                               igraph.Graph.Adjacency(edges.T.astype(int)).reciprocity())
        both = numpy.corrcoef(edges[~numpy.eye(n, dtype=bool)],
                              edges.T[~numpy.eye(n, dtype=bool)])[0, 1]
        # which is how Garlaschelli and Loffredo define it
        self.assertAlmostEqual(found["reciprocity"]["rho"], both)
        for kind, components in (("weak", networkx.weakly_connected_components),
                                 ("strong", networkx.strongly_connected_components)):
            sizes = [len(c) for c in components(graph)]
            self.assertEqual(found["components"][kind],
                             {"count": len(sizes), "largest": max(sizes)})
        links = graph.to_undirected()
        self.assertEqual(found["links"], links.number_of_edges())
        core = networkx.core_number(links)
        self.assertEqual([int(row["core_" + name]) for row in rows], [core[i] for i in range(n)])
        self.assertEqual((found["core"]["k"], found["core"]["nodes"]),
                         (max(core.values()), list(core.values()).count(max(core.values()))))
        self.assertEqual(dict(found["core"]["histogram"]),
                         dict(zip(*numpy.unique(list(core.values()), return_counts=True))))
        self.assertEqual(found["clustering"]["triangles"],
                         sum(networkx.triangles(links).values()) / 3)
        self.assertAlmostEqual(found["clustering"]["transitivity"], networkx.transitivity(links))
        self.assertAlmostEqual(found["clustering"]["mean"], networkx.average_clustering(links))
        club = networkx.rich_club_coefficient(links, normalized=False)
        self.assertGreater(len(found["rich_club"]), 3)
        for point in found["rich_club"]:
            self.assertAlmostEqual(point["coefficient"], club[point["degree"]])
            inside = links.subgraph([i for i, d in links.degree() if d > point["degree"]])
            self.assertEqual((point["nodes"], point["links"]),
                             (inside.number_of_nodes(), inside.number_of_edges()))
        # Links that lead both ways weigh 2: the symmetric matrix is the sum of the two directions.
        weighted = networkx.from_numpy_array((edges.astype(int) + edges.T).astype(int))
        member = [int(row["community_" + name]) for row in rows]
        leiden, louvain = found["modularity"]["leiden"], found["modularity"]["louvain"]
        self.assertEqual(leiden["sizes"], numpy.bincount(member).tolist())
        groups = [[i for i in range(n) if member[i] == c] for c in set(member)]
        self.assertAlmostEqual(leiden["modularity"],
                               networkx.community.modularity(weighted, groups))
        other = igraph.Graph.Weighted_Adjacency((edges.astype(int) + edges.T).tolist(),
                                                mode="undirected")
        self.assertAlmostEqual(leiden["modularity"], other.modularity(member, weights="weight"))
        theirs = numpy.median([other.community_leiden(objective_function="modularity",
                                                      weights="weight", n_iterations=10).q
                               for _ in range(5)])
        self.assertGreater(leiden["modularity"], 0.97 * theirs)  # what is found depends on chance
        self.assertGreater(louvain["modularity"], 0.9 * theirs)

    def test_random_graphs(self):
        for seed, (n, edges, heavy, beta) in enumerate([(80, 500, False, 0),
                                                        (200, 1500, True, 0.25),
                                                        (300, 2500, True, 0.7)]):
            with self.subTest(n=n):
                w = random_weights(n, edges, seed, heavy)
                model = self.imported(w)
                found = self.stats(model, "--beta", beta, "--modularity", "--triangles",
                                   "--neurons", self.path("n.csv"), "--force")
                with open(self.path("n.csv"), newline="") as f:
                    rows = list(csv.DictReader(f))
                # nodes without edges at the end of a list of edges are not in it
                n = found["nodes"]
                w = w[:n, :n]
                apart = w * ~numpy.eye(n, dtype=bool)
                excitatory, inhibitory = apart > numpy.float32(beta), apart < -numpy.float32(beta)
                for name, part in (("excitatory", excitatory), ("inhibitory", inhibitory),
                                   ("both", excitatory | inhibitory)):
                    self.check_part(found[name], part, rows, name)
                self.assertEqual(found["excitatory"]["self_loops"],
                                 (numpy.diag(w) > numpy.float32(beta)).sum())
                self.assertEqual(found["inhibitory"]["self_loops"],
                                 (numpy.diag(w) < -numpy.float32(beta)).sum())
                self.check_signs(found, apart, excitatory, inhibitory, rows)
                self.check_signed_modularity(found["signed_modularity"], excitatory, inhibitory,
                                             [int(row["community_signed"]) for row in rows])
        self.assertGreater(self.fits, 5)

    def check_signed_modularity(self, found, excitatory, inhibitory, member):
        """Gomez, Jensen and Arenas 2009, from the modularities of the two signs."""
        n = len(member)
        self.assertEqual(found["sizes"], numpy.bincount(member).tolist())
        self.assertEqual(found["communities"], len(found["sizes"]))

        def both(of):
            """Modularity of each sign, times its share of the weight."""
            groups = [[i for i in range(n) if of[i] == c] for c in set(of)]
            total = excitatory.sum() + inhibitory.sum()
            return [networkx.community.modularity(
                networkx.from_numpy_array(edges.astype(int) + edges.T), groups)
                    * edges.sum() / total for edges in (excitatory, inhibitory)]

        plus, minus = both(member)
        self.assertAlmostEqual(found["by_excitatory"], plus)
        self.assertAlmostEqual(found["by_inhibitory"], -minus)
        self.assertAlmostEqual(found["modularity"], plus - minus)
        # No node that goes elsewhere makes it larger, and no division by one sign alone is better.
        for i in range(0, n, 17):
            for c in range(max(member) + 1):
                plus, minus = both(member[:i] + [c] + member[i + 1:])
                self.assertLess(plus - minus, found["modularity"] + 1e-9)
        alone = igraph.Graph.Weighted_Adjacency((excitatory.astype(int) + excitatory.T).tolist(),
                                                mode="undirected")
        plus, minus = both(alone.community_leiden(objective_function="modularity",
                                                  weights="weight", n_iterations=10).membership)
        self.assertLess(plus - minus, found["modularity"])

    def check_signs(self, found, w, excitatory, inhibitory, rows):
        size = numpy.abs(w.astype(float))
        with numpy.errstate(all="ignore"):
            for name, e, i in (("by_edges", excitatory.sum(0), inhibitory.sum(0)),
                               ("by_weight", (size * excitatory).sum(0),
                                (size * inhibitory).sum(0))):
                dale = numpy.abs(e - i) / (e + i)
                self.check_spread(found["dale"][name], dale)
                result = [float(row["dale_" + name] or "nan") for row in rows]
                numpy.testing.assert_allclose(result, dale, rtol=1e-6)
            e, i = (size * excitatory).sum(1), (size * inhibitory).sum(1)
            numpy.testing.assert_allclose([float(row["balance"] or "nan") for row in rows],
                                          (e - i) / (e + i), rtol=1e-6, atol=1e-12)
            self.check_spread(found["balance"], (e - i) / (e + i))
            out = excitatory.sum(0) + inhibitory.sum(0)
            p = excitatory.sum() / (excitatory.sum() + inhibitory.sum())
            chance = [numpy.abs(2 * numpy.arange(k + 1)
                                - k) @ scipy.stats.binom.pmf(numpy.arange(k + 1), k, p) / k
                      for k in out[out > 0]]
            self.assertAlmostEqual(found["dale"]["by_edges"]["chance"], numpy.mean(chance),
                                   places=8)

    def check_spread(self, found, values):
        values = values[~numpy.isnan(values)]
        self.assertEqual(found["neurons"], len(values))
        self.assertAlmostEqual(found["mean"], values.mean(), places=6)
        numpy.testing.assert_allclose(found["deciles"], numpy.percentile(values, range(0, 101, 10)),
                                      rtol=1e-6, atol=1e-9)

    def rewired_by_networkx(self, links, degree, count, seed):
        """Rich-club coefficients after ten exchanges a link."""
        found = []
        for k in range(count):
            other = links.copy()
            networkx.double_edge_swap(other, 10 * links.number_of_edges(), 10**7, seed=seed + k)
            found.append(networkx.rich_club_coefficient(other, normalized=False)[degree])
        return numpy.array(found)

    def test_rewired_graphs(self):
        w = random_weights(120, 700, 4, True)
        n = self.stats(model := self.imported(w), "--rewired", 60)
        edges = w[:n["nodes"], :n["nodes"]].T != 0
        links = networkx.from_numpy_array((edges | edges.T) & ~numpy.eye(len(edges), dtype=bool))
        clubs = [c for c in n["both"]["rich_club"] if 5 <= c["nodes"] <= 30]
        self.assertGreater(len(clubs), 2)
        for club in (clubs[0], clubs[-1]):
            theirs, ours = self.rewired_by_networkx(links, club["degree"], 40, 7), club["rewired"]
            self.assertEqual(ours["graphs"], 60)
            error = numpy.hypot(ours["deviation"] / 60**0.5, theirs.std(ddof=1) / 40**0.5)
            self.assertLess(abs(ours["mean"] - theirs.mean()), 4 * error + 1e-9)
            self.assertLess(abs(numpy.log((ours["deviation"] + 1e-3) / (theirs.std(ddof=1)
                                                                        + 1e-3))), 0.6)
            self.assertAlmostEqual(ours["normalised"], club["coefficient"] / ours["mean"])
            self.assertAlmostEqual(ours["normalised_deviation"], ours["deviation"] / ours["mean"])
        again = self.stats(model, "--rewired", 60, "--threads", 1)
        self.assertEqual(again, n)

    def test_nulls_and_p_values(self):
        """What is drawn by chance agrees with what others draw, within what chance allows."""
        w = random_weights(400, 3000, 5, True)
        found = self.stats(self.imported(w), "--modularity", "--nulls", 20, "--fit-p", 300)
        part, random = found["both"], numpy.random.default_rng(1)

        def quality(edges):
            graph = igraph.Graph.Weighted_Adjacency((edges.astype(int) + edges.T).tolist(),
                                                    mode="undirected")
            return graph.community_leiden(objective_function="modularity", weights="weight",
                                          n_iterations=10).q

        theirs = []
        for _ in range(20):
            edges = numpy.zeros(found["nodes"] ** 2, bool)
            pairs = numpy.flatnonzero(~numpy.eye(found["nodes"], dtype=bool).ravel())
            edges[random.choice(pairs, part["edges"], replace=False)] = True
            theirs.append(quality(edges.reshape(found["nodes"], -1)))
        ours = part["modularity"]["random_graph"]
        self.assertLess(abs(ours["modularity_mean"] - numpy.mean(theirs)), 0.015)
        fits = [found[name][way] for name in ("excitatory", "inhibitory", "both")
                for way in ("in_degree", "out_degree") if found[name][way]["power_law"]]
        self.assertGreater(len(fits), 2)
        for result in fits:
            degrees = numpy.concatenate([[d] * c for d, c in result["histogram"] if d > 0])
            expected = igraph.power_law_fit(degrees.tolist(), method="discrete", p_precision=0.03).p
            # both of some 300 samples: 4 standard errors
            self.assertLess(abs(result["power_law"]["p"] - expected), 0.18)

    def test_a_gaussian_null(self):
        model = self.path("r.bdh.h5")
        good("import", os.path.join(RANDOM, "model.safetensors"), "-o", model)
        found = self.stats(model, "--keep", 0.1, "--modularity", "--nulls", 30)["excitatory"]
        with h5py.File(model) as f:
            n, d = f["projections/dx/data"].shape
        random, theirs = numpy.random.default_rng(2), []
        for _ in range(30):
            w = random.normal(size=(n, d)) @ random.normal(size=(d, n))
            numpy.fill_diagonal(w, -numpy.inf)
            edges = w > numpy.sort(w.ravel())[-found["edges"] - 1]
            graph = igraph.Graph.Weighted_Adjacency((edges.astype(int) + edges.T).tolist(),
                                                    mode="undirected")
            theirs.append(graph.community_leiden(objective_function="modularity", weights="weight",
                                                 n_iterations=10).q)
        self.assertLess(abs(found["modularity"]["gaussian_product"]["modularity_mean"]
                            - numpy.mean(theirs)), 0.02)

    def check_blocks(self, found, w, beta, heads):
        size = len(w) // heads
        part = {"excitatory": w > beta, "inhibitory": w < -beta}
        part["both"] = part["excitatory"] | part["inhibitory"]
        for block in found["blocks"]:
            source, target = (slice(h * size, (h + 1) * size) for h in (block["from"], block["to"]))
            for name, edges in part.items():
                here = edges[target, source]
                answered = here & edges[source, target].T
                self.assertEqual(block["reciprocity"][name]["answered"], answered.sum())
                self.assertAlmostEqual(block["reciprocity"][name]["share"],
                                       answered.sum() / here.sum())
                if name != "both":
                    self.assertEqual(block[name], here.sum())
                    self.assertAlmostEqual(block[name + "_weight"],
                                           numpy.abs(w[target, source][here]).sum(), places=3)
        for name, edges in part.items():
            graph = networkx.from_numpy_array(edges.T.astype(int), create_using=networkx.DiGraph)
            counts = sum(b["reciprocity"][name]["answered"] for b in found["blocks"])
            self.assertAlmostEqual(counts / graph.number_of_edges(),
                                   networkx.overall_reciprocity(graph))

    def test_a_model_through_hubs(self):
        model = self.path("r.bdh.h5")
        good("import", os.path.join(RANDOM, "model.safetensors"), "-o", model)
        with h5py.File(model) as f:
            e, factors = f["projections/e/data"][:].astype(float), {
                "gx": f["projections/dx/data"][:], "gy": f["projections/dy/data"][:]}
        e -= e.mean(1, keepdims=True)
        for graph, d in factors.items():
            w = d.astype(float) @ e.T  # [target, source]
            numpy.fill_diagonal(w, 0)
            found = self.stats(model, "--graph", graph, "--keep", 0.1)
            beta = found["beta"]
            self.assertLess(numpy.sort(numpy.abs(numpy.abs(w).ravel() - beta))[0], 1e-2)
            # no pair whose rounding decides
            self.assertGreater(numpy.abs(numpy.abs(w) - beta).min(), 1e-7)
            self.check_blocks(found, w, beta, 2)
            for name, part in (("excitatory", w > beta), ("inhibitory", w < -beta)):
                self.assertEqual(found[name]["edges"], part.sum())
                self.assertEqual(found[name]["in_degree"]["largest"], part.sum(1).max())
                self.assertAlmostEqual(found[name]["weight"], numpy.abs(w[part]).sum(), places=3)
            self.check_from_head_to_head(self.stats(model, "--graph", graph, "--head", "0->1",
                                                    "--beta", beta), w[32:, :32], beta)

    def check_from_head_to_head(self, found, w, beta):
        for name, edges in (("excitatory", w > beta), ("inhibitory", w < -beta),
                            ("both", numpy.abs(w) > beta)):
            part = found[name]
            self.assertEqual((part["edges"], part["reciprocity"], part["links"]),
                             (edges.sum(), None, edges.sum()))
            self.check_degrees(part["in_degree"], edges.sum(1))
            self.check_degrees(part["out_degree"], edges.sum(0))
            links = networkx.Graph((source, 32 + target) for target,
                                   source in zip(*numpy.nonzero(edges)))
            links.add_nodes_from(range(64))
            self.assertEqual(part["components"]["weak"],
                             {"count": networkx.number_connected_components(links),
                              "largest": max(map(len, networkx.connected_components(links)))})
            self.assertEqual(part["core"]["k"], max(networkx.core_number(links).values()))
            club = networkx.rich_club_coefficient(links, normalized=False)
            for point in part["rich_club"]:
                self.assertAlmostEqual(point["coefficient"], club[point["degree"]])

    def test_graphs_with_the_same_degrees(self):
        """Reciprocity against that of graphs with the same degrees in and out, by igraph."""
        w = numpy.abs(random_weights(100, 800, 6, True))
        w[:40, :40] = numpy.maximum(w[:40, :40], w[:40, :40].T)  # many edges lead both ways
        model = self.imported(w)
        found = self.stats(model, "--rewired", 200, "--seed", 5)
        n = found["nodes"]
        edges = (w[:n, :n] != 0) & ~numpy.eye(n, dtype=bool)
        graph = igraph.Graph.Adjacency(edges.T.astype(int))
        theirs = []
        for _ in range(200):
            other = graph.copy()
            other.rewire(20 * other.ecount())
            self.assertEqual(other.indegree(), graph.indegree())
            theirs.append(other.reciprocity())
        theirs = numpy.array(theirs)
        null = found["excitatory"]["reciprocity"]["rewired"]
        self.assertEqual(null["graphs"], 200)
        error = numpy.hypot(null["deviation"], theirs.std(ddof=1)) / 200**0.5
        self.assertLess(abs(null["mean"] - theirs.mean()), 4 * error)
        self.assertLess(abs(numpy.log(null["deviation"] / theirs.std(ddof=1))), 0.3)
        share = found["excitatory"]["reciprocity"]["share"]
        self.assertAlmostEqual(null["z"], (share - null["mean"]) / null["deviation"])
        self.assertGreater(null["z"], 5)
        self.assertAlmostEqual(null["p"], 2 / 201)
        # Degrees alone: neither more nor fewer than chance gives.
        fair = numpy.abs(random_weights(100, 800, 8, True))
        null = self.stats(self.imported(fair), "--rewired",
                          100)["excitatory"]["reciprocity"]["rewired"]
        self.assertLess(abs(null["z"]), 4)
        self.assertGreater(null["p"], 0.01)



if __name__ == "__main__":
    unittest.main()
