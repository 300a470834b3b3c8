"""bdh new after measurements: degrees, distance, populations, from CSV files."""
import random

from program import CliTest, main


class Measured(CliTest):
    def file(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def made(self, family, *options, name="m.bdh.h5", target="0.15"):
        done = self.good("new", family, "-o", self.path(name), "--target-activity", target,
                         "--vocabulary", 32, "--force", *options)
        return done, self.json("info", self.path(name))

    def edges(self, graph, model="m.bdh.h5"):
        """(source, target) -> weight; Matrix Market counts from 1, row = target."""
        target = self.path("edges.mtx")
        self.good("export", self.path(model), "-o", target, "--graph", graph, "--force")
        with open(target) as f:
            lines = [line.split() for line in f if not line.startswith("%")][1:]
        return {(int(j) - 1, int(i) - 1): float(w) for i, j, w in lines}

    def degrees(self, header="name,out,in,sign,depth", rows=300):
        draw = random.Random(3)
        out = [draw.randrange(4, 20) for _ in range(rows)]
        into = sorted(out)
        lines = [f"cell {i},{o},{n},{-1 if i % 4 == 0 else 1},{i}"
                 for i, (o, n) in enumerate(zip(out, into))]
        return self.file("degrees.csv", "\n".join([header, *lines]) + "\n"), out, into

    def test_degrees_are_those_of_the_file(self):
        file, out, into = self.degrees()
        done, info = self.made("degrees", "--degrees", file, "--seed", 4)
        self.assertIn(b"300 neurons, 75 of them inhibitory, 2 layers, graphs after measured "
                      b"degrees, seed 4\n", done.stdout)
        self.assertIn(f"not used: {file}: column depth\n".encode(), done.stdout)
        self.assertEqual(info["recipe"]["family"], "degrees")
        self.assertEqual(info["recipe"]["degrees"], "degrees.csv")
        self.assertRegex(info["recipe"]["degrees_sha256"], "^[0-9a-f]{64}$")
        self.assertNotIn("inhibitory", info["recipe"])
        seen = []
        for graph in ("gx", "gy", "gs"):
            edges = self.edges(graph)
            seen.append(edges.keys())
            for end, degrees in ((0, out), (1, into)):
                count = [0] * 300
                for pair in edges:
                    count[pair[end]] += 1
                self.assertEqual(count, degrees, graph)
            if graph != "gs":
                self.assertTrue(all((w < 0) == (i % 4 == 0) for (i, _), w in edges.items()))
        self.assertNotEqual(seen[0], seen[1])
        self.good("run", self.path("m.bdh.h5"), "--tokens", "0,1,2", "--record", "x:cell 7", "-o",
                  self.path("run"))
        _, again = self.made("degrees", "--degrees", file, "--seed", 4, name="again.bdh.h5")
        self.assertEqual(again["content_sha256"], info["content_sha256"])

    def test_distance(self):
        draw = random.Random(5)
        place = [(draw.uniform(0, 500), draw.uniform(0, 500)) for _ in range(400)]
        file = self.file("cells.csv", "name,x,y\n" + "".join(
            f"{i},{x},{y}\n" for i, (x, y) in enumerate(place)))
        _, info = self.made("distance", "--positions", file, "--kernel", "gaussian", "--length", 40,
                            "--probability", "0.6")
        self.assertEqual({key: info["recipe"][key] for key in ("family", "positions", "kernel",
                                                               "length", "probability",
                                                               "inhibitory")},
                         {"family": "distance", "positions": "cells.csv", "kernel": "gaussian",
                          "length": 40, "probability": 0.6, "inhibitory": 0.2})
        self.assertFalse(info["direct"]["named"])  # numbers that count rows are no names
        edges = self.edges("gx")
        apart = [((place[i][0] - place[j][0]) ** 2 + (place[i][1] - place[j][1]) ** 2) ** 0.5
                 for i, j in edges]
        self.assertLess(max(apart), 6 * 40)
        self.assertTrue(40 < sum(apart) / len(apart) < 60)  # length * sqrt(pi / 2): 50

    def test_populations(self):
        sizes = self.file("p.csv", "population,size,sign\nE4,300,+1\nI4,75,inhibitory\n")
        pairs = self.file("q.csv", "source,target,probability\nE4,E4,0.02\nE4,I4,0.05\n"
                                   "I4,E4,0.1\n")
        done, info = self.made("populations", "--populations", sizes, "--probabilities", pairs)
        self.assertIn(b"1 of 4 pairs of populations are not listed: no edges", done.stderr)
        self.assertEqual((info["recipe"]["population E4"], info["recipe"]["population I4"]),
                         ("0-299", "300-374"))
        edges = self.edges("gx")
        def count(a, b):
            return sum((i < 300) == (a == "E") and (j < 300) == (b == "E") for i, j in edges)
        for a, b, pairs, p in (("E", "E", 300 * 299, 0.02), ("E", "I", 300 * 75, 0.05),
                               ("I", "E", 75 * 300, 0.1), ("I", "I", 75 * 74, 0)):
            self.assertLessEqual(abs(count(a, b) - pairs * p), 5 * (pairs * p * (1 - p)) ** 0.5)
        self.assertTrue(all((w < 0) == (i >= 300) for (i, _), w in edges.items()))

    def test_what_is_wrong_is_named_with_its_line(self):
        out = self.path("x.bdh.h5")
        def refused(family, says, *options, code=1):
            self.refused(code, "new", family, "-o", out, *options, says=says)
        def degrees(text, *says):
            file = self.file("d.csv", text)
            refused("degrees", says, "--degrees", file)
        degrees("out\n1\n1\n", "d.csv: columns out, expected a column in")
        degrees("out,in\n1,1\n1,x\n", "d.csv:3: in 'x', expected a number of edges")
        degrees("out,in\n1,1\n1,-1\n", "d.csv:3: in '-1'")
        degrees("out,in\n1,1\n1,99999999999\n", "d.csv:3: in '99999999999'")
        degrees("out,in\n1,1\n", "neurons: 1, expected at least 2")
        degrees("out,in\n", "neurons: 0, expected at least 2")
        degrees("out,in\n1,1\n1,0\n", "2 edges that leave and 1 that arrive")
        degrees("out,in\n1,1\n2,2\n", "out-degree of neuron 1: 2, expected up to 1")
        degrees("name,out,in\na,1,1\na,1,1\n", "d.csv:3: name 'a' again")
        degrees("name,out,in\n1,1,1\n0,1,1\n", "d.csv:2: name 1, expected a text, or numbers that")
        degrees("name,out,in\n,1,1\nb,1,1\n", "d.csv:2: a name of 0 bytes")
        degrees("out,in,sign\n1,1,1\n1,1,2\n", "d.csv:3: sign '2', expected +1 or excitatory")
        degrees("out,in,sign\n1,1,-1\n1,1,-1\n", "none that excites")
        place = self.file("p.csv", "x,y\n0,0\n1,nan\n")
        how = ("--kernel", "exponential", "--length", 1, "--probability", 1)
        refused("distance", ("p.csv:3: y 'nan'",), "--positions", place, *how)
        place = self.file("p.csv", "x,y\n0,0\n1,1e300\n")
        refused("distance", ("p.csv:3: y '1e300', expected a number from -1e15 to 1e15",),
                "--positions", place, *how)
        sizes = self.file("s.csv", "population,size,sign\nE,10,1\nI,5,-1\n")
        def pairs(text, *says):
            refused("populations", says, "--populations", sizes, "--probabilities",
                    self.file("q.csv", text))
        pairs("source,target,probability\nE,X,0.1\n", "q.csv:2: population 'X'", "s.csv")
        pairs("source,target,probability\nE,I,1.1\n", "q.csv:2: probability '1.1', expected 0 to 1")
        pairs("source,target,probability\nE,I,1\nE,I,1\n", "q.csv:3: E -> I again")
        sizes = self.file("s.csv", "population,size,sign\nE,10,1\nE,5,-1\n")
        pairs("source,target,probability\n", "s.csv:3: population 'E'")
        sizes = self.file("s.csv", "population,size,sign\nE,100000000,1\nI,5,-1\n")
        pairs("source,target,probability\n", "s.csv:3: more neurons or populations")
        refused("degrees", ("no.csv",), "--degrees", self.path("no.csv"))

    def test_options_of_another_family_are_refused(self):
        file, _, _ = self.degrees(rows=20)
        out = self.path("x.bdh.h5")
        for options, says in (
                (("degrees",), ("--degrees: needed for degrees",)),
                (("ring", "--neurons", 10, "--degree", 2, "--degrees", file),
                 ("--degrees: is for the family degrees",)),
                (("degrees", "--degrees", file, "--degree", 3), ("--degree: is not for degrees",)),
                (("degrees", "--degrees", file, "--inhibitory", "0.1"),
                 ("--inhibitory: the file has a sign for each neuron",)),
                (("distance", "--positions", file), ("--kernel: needed for distance",)),
                (("distance", "--positions", file, "--kernel", "box"), ("--kernel",)),
                (("populations", "--populations", file), ("--probabilities: needed",)),
                (("degrees", "--degrees", file, "--length", 3),
                 ("--length: is for the family distance",))):
            with self.subTest(options=options):
                self.refused(2, "new", *options, "-o", out, says=says)


if __name__ == "__main__":
    main()
