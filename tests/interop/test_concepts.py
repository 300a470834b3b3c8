"""Rank statistics and correlations of the program, as SciPy computes them from the same values."""
import csv
import random

import numpy as np
from program import CliTest, main
from scipy import stats


def sentences(count, seed, mark=""):
    draw = random.Random(seed)
    return ("\n".join("".join(draw.choice("abcdefgh") for _ in range(draw.randint(5, 14))) + mark
                      for _ in range(count)) + "\n").encode()


class Ranks(CliTest):
    def compare(self, *options):
        found = self.json("concepts", self.random, *options)
        methods = set()
        for f in found["findings"]:
            for half, result in (("choose", f["chosen"]), ("confirm", f["confirm"])):
                a, b = f["values"][half]["positive"], f["values"][half]["negative"]
                method = "exact" if result["method"] == "exact" else "asymptotic"
                methods.add(method)
                expected = stats.mannwhitneyu(a, b, alternative="two-sided", method=method,
                                              use_continuity=True)
                self.assertEqual(result["u"], expected.statistic)
                np.testing.assert_allclose(result["p"], expected.pvalue, rtol=1e-9)
                np.testing.assert_allclose(result["rank_biserial"],
                                           2 * expected.statistic / (len(a) * len(b)) - 1,
                                           rtol=1e-12)
        return methods

    def test_mann_whitney(self):
        methods = set()
        for seed, (m, n) in enumerate([(15, 16), (20, 15), (40, 40), (17, 70)]):
            for mark in ("", "zz"):
                sets = ("--positive", self.path("a.txt", sentences(m, seed, mark)), "--negative",
                        self.path("b.txt", sentences(n, 100 + seed)))
                for factor in ("y", "w"):
                    methods |= self.compare(*sets, "--factor", factor, "--carry", 100, "--top", 100)
                methods |= self.compare(*sets, "--neurons", "--carry", 100, "--top", 100)
        self.assertEqual(methods, {"exact", "asymptotic"})

    def test_correlations(self):
        text = sentences(12, 3).decode()
        result = self.json("activity", self.random, "--text", text, "-o", self.path("tokens.csv"))
        with open(self.path("tokens.csv")) as f:
            lines = [row for row in csv.DictReader(f) if row["surprisal_nats"]]
        surprisal = [float(row["surprisal_nats"]) for row in lines]
        for v in result["variables"]:
            share = [float(row[f"active_{v['variable']}_{v['layer']}"]) for row in lines]
            np.testing.assert_allclose(v["with_surprisal"]["pearson"],
                                       stats.pearsonr(share, surprisal).statistic, atol=1e-9)
            np.testing.assert_allclose(v["with_surprisal"]["spearman"],
                                       stats.spearmanr(share, surprisal).statistic, atol=1e-9)


if __name__ == "__main__":
    main()
