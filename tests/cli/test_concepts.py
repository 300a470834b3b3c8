"""bdh concepts and bdh activity, as users meet them."""
import csv
import io
import json
import math
import os
import random
import signal
import subprocess

from program import PATIENCE, SOURCE, CliTest, bdh, main

EXAMPLES = os.path.join(SOURCE, "examples/concepts")


def sentences(count, seed, mark=""):
    """Lines of random letters; `mark` somewhere in each."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        letters = "".join(draw.choice("abcdefgh") for _ in range(draw.randint(8, 14)))
        at = draw.randrange(len(letters))
        lines.append(letters[:at] + mark + letters[at:])
    return ("\n".join(lines) + "\n").encode()


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


class Concepts(CliTest):
    def setUp(self):
        super().setUp()
        self.positive, self.negative = self.path("a.txt",
                                                 sentences(24, 1, "zz")), self.path("b.txt",
                                                                                    sentences(20,
                                                                                              2))
        self.sets = ("--positive", self.positive, "--negative", self.negative)

    def check_statistics(self, found):
        """The statistics that the program prints, computed again from the values that it prints."""
        for f in found["findings"]:
            for half, result in (("choose", f["chosen"]), ("confirm", f["confirm"])):
                a, b = f["values"][half]["positive"], f["values"][half]["negative"]
                u = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
                self.assertEqual(result["u"], u)
                self.assertAlmostEqual(result["rank_biserial"], 2 * u / (len(a) * len(b)) - 1)
                self.assertEqual(result["method"] == "exact", len(set(a + b)) == len(a + b))
        p = sorted(f["confirm"]["p"] for f in found["findings"])
        corrected = [max(min(1, (len(p) - j) * p[j]) for j in range(k + 1)) for k in range(len(p))]
        for expected, f in zip(corrected,
                               sorted(found["findings"], key=lambda f: f["confirm"]["p"])):
            self.assertAlmostEqual(f["confirm"]["p_corrected"], expected)
            same_direction = (f["chosen"]["rank_biserial"] > 0) == (
                f["confirm"]["rank_biserial"] > 0)
            self.assertEqual(f["confirmed"], f["confirm"]["p_corrected"] < found["level"]
                             and same_direction)

    def test_finds_what_a_letter_writes_and_shows_the_statistics_of_its_values(self):
        found = self.json("concepts", self.random, *self.sets, "--carry", 30, "--top", 30)
        self.assertEqual((found["candidates"], found["layers"], found["factor"], found["carried"]),
                         (2 * 64 * 64, [2, 3], "y", 30))
        self.assertEqual(found["sentences"]["positive"], 24)
        self.assertEqual([len(found["halves"][h][s]) for h in ("choose", "confirm")
                          for s in ("positive", "negative")], [12, 10, 12, 10])
        self.assertGreater(found["confirmed"], 0)
        self.assertEqual(len(found["findings"]), 30)
        self.check_statistics(found)

    def test_the_same_for_any_threads_and_another_split_for_another_seed(self):
        one = self.good("concepts", self.random, *self.sets, "--threads", 1, "--json").stdout
        several = json.loads(self.good("concepts", self.random, *self.sets, "--threads", 3,
                                       "--json").stdout)
        several["memory_bytes"] = json.loads(one)["memory_bytes"]  # a tile for each thread
        self.assertEqual(json.loads(one), several)
        other = self.json("concepts", self.random, *self.sets, "--seed", 2)
        self.assertNotEqual(json.loads(one)["halves"], other["halves"])

    def test_layers_one_after_the_other_find_the_same(self):
        together, apart = (self.json("concepts", self.random, *self.sets, "--carry", 40, "--top",
                                     40, "--memory", memory) for memory in (1024, 0))
        self.assertEqual({f["layer"] for f in together["findings"]}, {2, 3})
        self.assertGreater(together["memory_bytes"]["written"], apart["memory_bytes"]["written"])
        apart["memory_bytes"] = together["memory_bytes"]
        self.assertEqual(together, apart)

    def test_layers_heads_and_factors(self):
        found = self.json("concepts", self.random, *self.sets, "--layer", 3, "--head", 1,
                          "--factor", "w", "--top", 20)
        self.assertEqual((found["candidates"], found["layers"], found["factor"], found["head"]),
                         (32 * 64, [3], "w", 1))
        self.assertTrue(found["findings"])
        for f in found["findings"]:
            self.assertEqual((f["layer"], f["head"]), (3, 1))
            self.assertGreaterEqual(f["pre"], 32)

    def test_neurons(self):
        found = self.json("concepts", self.random, *self.sets, "--neurons", "--carry", 12, "--top",
                          12)
        self.assertEqual((found["kind"], found["candidates"], found["layers"]),
                         ("neurons", 2 * 3 * 64, [1, 2, 3]))
        self.check_statistics(found)
        # The value of one of them, from a recording.
        f = found["findings"][0]
        line = found["halves"]["confirm"]["positive"][0]
        with open(self.positive) as file:
            text = file.read().split("\n")[line]
        self.good("run", self.random, "--text", text, "-o", self.path("run"), "--record",
                  f"{f['variable']}:{f['neuron']}", "--quiet")
        result = rows(self.good("inspect", self.path("run"), f"neuron:{f['neuron']}", "--layer",
                              f["layer"], "--csv").stdout.decode())
        mean = sum(float(row[f["variable"]]) for row in result) / len(text)
        self.assertAlmostEqual(f["values"]["confirm"]["positive"][0], mean,
                               delta=1e-5 * max(mean, 1e-3))

    def test_courses_end_at_the_strengths_that_were_compared(self):
        # Factors and probes are two ways to the same strength.
        for factor in ("y", "w"):
            found = self.json("concepts", self.random, *self.sets, "--factor", factor, "--trace",
                              self.positive, "--top", 4)
            self.assertEqual(len(found["courses"]), 24)
            for half in ("choose", "confirm"):
                for k, number in enumerate(found["halves"][half]["positive"]):
                    course = found["courses"][number]
                    self.assertEqual(len(course["tokens"]), len(course["text"]))
                    for f, traced in zip(found["findings"], course["values"]):
                        self.assertEqual((f["pre"], f["post"]), (traced["pre"], traced["post"]))
                        scale = max(abs(v) for v in traced["course"]) + 1e-6
                        self.assertLess(abs(traced["course"][-1]
                                            - f["values"][half]["positive"][k]), 1e-4 * scale)

    def test_text_and_files(self):
        done = self.good("concepts", self.random, *self.sets, "--carry", 12, "--trace", "-o",
                         self.path("found.csv"), "--trace-output", self.path("courses.csv"))
        text = done.stdout.decode()
        for part in ("24 positive and 20 negative sentences", "12 and 10 to choose",
                     "factor Y (Eq. 16)", "p < 0.05 after Holm", "a.txt line"):
            self.assertIn(part, text)
        self.assertIn(b"at the peak", done.stderr)
        with open(self.path("found.csv")) as f:
            found = rows(f.read())
        self.assertEqual(len(found), 12)
        self.assertEqual(sorted(float(row["corrected_p"]) for row in found),
                         [float(row["corrected_p"]) for row in found])
        with open(self.path("courses.csv")) as f:
            courses = rows(f.read())
        self.assertEqual(len({row["sentence"] for row in courses}), 4)
        self.assertEqual(len(courses) % 10, 0)  # of the ten that are shown
        self.refused(1, "concepts", self.random, *self.sets, "-o", self.path("found.csv"),
                     says=("found.csv", "--force"))

    def test_explicit_edges(self):
        graph = self.path("graph.csv", b"source,target,weight\n"
                          + b"".join(b"%d,%d,0.05\n" % (i, (i + k) % 40) for i in range(40)
                                     for k in (1, 3, 7, 12)))
        self.good("import", "--gx", graph, "--layers", "2", "-o", self.path("graph.bdh.h5"))
        found = self.json("concepts", self.path("graph.bdh.h5"), *self.sets, "--factor", "w",
                          "--top", 5)
        self.assertEqual((found["candidates"], found["layers"]), (2 * 160, [1, 2]))
        self.check_statistics(self.json("concepts", self.path("graph.bdh.h5"), *self.sets,
                                        "--factor", "w", "--top", 100))

    def test_too_few_sentences(self):
        few = self.path("few.txt", sentences(6, 3))
        result = self.refused(1, "concepts", self.random, "--positive", few, "--negative", few,
                            says=("6 and 6 sentences", "expected 15 and 15 or more, or 6 and ",
                                  "--carry 1 needs 7 and 7"))
        self.assertNotIn(b"findings", result.stdout)
        # What it says is enough is enough, and one less is not.
        needed = int(result.stderr.decode().split("or 6 and ")[1].split(",")[0])
        for count, code in ((needed, 0), (needed - 1, 1)):
            many = self.path("many.txt", sentences(count, 5))
            self.assertEqual(bdh("concepts", self.random, "--positive", few, "--negative",
                                 many).returncode, code)
            self.assertEqual(bdh("concepts", self.random, "--positive", many, "--negative",
                                 few).returncode, code)
        self.refused(1, "concepts", self.random, "--positive", few, "--negative", many,
                     says=(f"6 and {needed - 1} sentences",
                           f"15 and 15 or more, or 6 and {needed};"))
        one = self.path("one.txt", sentences(1, 3))
        self.refused(1, "concepts", self.random, "--positive", one, "--negative", many,
                     says=("too few for two halves",))
        fifteen = self.path("fifteen.txt", sentences(15, 3)), self.path("other.txt",
                                                                        sentences(15, 4))
        self.good("concepts", self.random, "--positive", fifteen[0], "--negative", fifteen[1])
        seven = self.path("seven.txt", sentences(7, 3))
        self.good("concepts", self.random, "--positive", seven, "--negative", seven, "--carry", 1)

    def test_bad_input(self):
        for says, arguments in ((("missing", "no file"), ("--positive", self.path("missing"),
                                                          "--negative", self.negative)),
                                (("no sentence",), ("--positive", self.path("empty", b"\n \n"),
                                                    "--negative", self.negative)),
                                ((self.folder, "no file"), ("--positive", self.folder, "--negative",
                                                            self.negative)),
                                (("--layer: 1", "2 to 3"), (*self.sets, "--layer", 1)),
                                (("--layer: 4",), (*self.sets, "--layer", 4)),
                                (("--head: 2", "0 to 1"), (*self.sets, "--head", 2)),
                                (("no such folder",),
                                 (*self.sets, "-o", self.path("no/where.csv")))):
            with self.subTest(arguments):
                self.refused(1, "concepts", self.random, *arguments, says=says)
        for arguments in ((*self.sets, "--factor", "z"), (*self.sets, "--carry", 0),
                          ("--positive", self.positive), (*self.sets, "--seed", "x")):
            with self.subTest(arguments):
                self.refused(2, "concepts", self.random, *arguments)

    def test_ctrl_c(self):
        many = self.path("many.txt", sentences(6000, 5)), self.path("more.txt", sentences(6000, 6))
        child = self.start("concepts", self.trained, "--positive", many[0], "--negative", many[1],
                           "-o", self.path("f.csv"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # how far it is and how long it takes, once that can be said
        result = child.stderr.readline()
        self.assertRegex(result, rb"^reading [0-9,]+ tokens: [0-9]+ % done, about .* left\n$")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, 130, err)
        self.assertEqual(out, b"")
        self.assertFalse([name for name in os.listdir(self.folder)
                          if name.startswith(("f.csv", ".bdh"))])


class ErrorRates(CliTest):
    def test_planted_synapses_are_found_and_none_where_the_sentences_are_shuffled(self):
        found = mistaken = 0
        for seed in range(20):
            planted = [sentences(24, 100 + seed, "zz"), sentences(24, 200 + seed)]
            lines = b"".join(planted).split(b"\n")[:-1]
            random.Random(seed).shuffle(lines)
            for sets, count in ((planted, "found"),
                                ([b"\n".join(lines[:24]), b"\n".join(lines[24:])], "mistaken")):
                files = [self.path(name, text) for name, text in zip(("p.txt", "n.txt"), sets)]
                confirmed = self.json("concepts", self.random, "--positive", files[0], "--negative",
                                      files[1])["confirmed"]
                found += count == "found" and confirmed > 0
                mistaken += count == "mistaken" and confirmed > 0
        self.assertEqual(found, 20)
        # 1 of 20 at most is to be expected; 4 or more have a probability of 0.016 at most
        self.assertLessEqual(mistaken, 3)


class Example(CliTest):
    """What examples/concepts and docs/concepts.md say of the bundled model."""

    def test_royal_words(self):
        files = [os.path.join(EXAMPLES, name) for name in ("royal.txt", "common.txt")]
        found = self.json("concepts", self.trained, "--positive", files[0], "--negative", files[1],
                          "--layer", 4)
        self.assertEqual((found["candidates"], found["carried"], found["confirmed"]),
                         (4096 * 4096, 100, 10))
        self.assertEqual([f["name"] for f in found["findings"][:3]], ["2953->1341", "1358->1341",
                                                                      "3515->1341"])
        # Each sentence once on either side at random: nothing is confirmed.
        lines = []
        for name in files:
            with open(name) as f:
                lines += f.read().splitlines()
        random.Random(1).shuffle(lines)
        halves = [self.path("a.txt", "\n".join(lines[::2]).encode()),
                  self.path("b.txt", "\n".join(lines[1::2]).encode())]
        self.assertEqual(self.json("concepts", self.trained, "--positive", halves[0], "--negative",
                                   halves[1], "--layer", 4)["confirmed"], 0)

    def test_nouns_that_had_no_part_in_the_choice(self):
        """What docs/experiments.md says, in its layer 4: words are confirmed, new words are not."""
        royal, common = (os.path.join(EXAMPLES, f"{kind}_nouns.txt") for kind in ("royal",
                                                                                  "common"))
        plain = []
        for name in (royal, common):
            with open(name) as f:
                plain.append(self.path(os.path.basename(name), "".join(
                    line.split("\t")[1] for line in f).encode()))
        by_sentences = self.json("concepts", self.trained, "--positive", plain[0], "--negative",
                                 plain[1], "--layer", 4)
        self.assertGreater(by_sentences["confirmed"], 50)
        by_nouns = self.json("concepts", self.trained, "--positive", royal, "--negative", common,
                             "--groups", "--carry", 1, "--layer", 4)
        self.assertEqual((by_nouns["confirmed"], by_nouns["confirmed_for_same_groups_only"]),
                         (0, 1))
        others = [os.path.join(EXAMPLES, f"more_{kind}_nouns.txt") for kind in ("royal", "common")]
        self.assertEqual(self.json("concepts", self.trained, "--positive", royal, "--negative",
                                   common, "--groups", "--confirm-positive", others[0],
                                   "--confirm-negative", others[1], "--layer",
                                   4)["confirmed"], 0)


class Amplitudes(CliTest):
    """The size of two synapses that turn together, which does not depend on when a word was."""

    def courses(self, measure):
        marked = self.path("a.txt", sentences(24, 1, "zz"))
        plain = self.path("b.txt", sentences(20, 2))
        output, trace = self.path(f"{measure}.csv"), self.path(f"{measure}-courses.csv")
        found = self.json("concepts", self.random, "--positive", marked, "--negative", plain,
                          "--measure", measure, "--carry", 20, "--top", 20, "--trace", marked,
                          "-o", output, "--trace-output", trace)
        with open(output) as f, open(trace) as g:
            return found, rows(f.read()), rows(g.read())

    def test_of_pairs_of_synapses_from_their_strengths(self):
        found, table, courses = self.courses("amplitude")
        self.assertEqual((found["measure"], found["candidates"]), ("amplitude", 2 * 32 * 64))
        self.assertGreater(found["confirmed"], 0)
        first = found["findings"][0]
        self.assertEqual((first["pre"] % 2, first["partner"]), (0, first["pre"] + 1))
        self.assertEqual(first["name"],
                         f"{first['pre']}+{first['partner']}->{first['post']}")
        self.assertEqual([(r["pre"], r["partner"], r["post"]) for r in table[:1]],
                         [tuple(str(first[k]) for k in ("pre", "partner", "post"))])
        self.assertEqual(list(courses[0])[-4:], ["pre", "partner", "post", "amplitude"])
        # The strengths of both neurons, as a run records them.
        with open(self.path("a.txt")) as f:
            text = f.read().split("\n")[0]
        both = [f"{first[k]}->{first['post']}" for k in ("pre", "partner")]
        self.good("run", self.random, "--text", text, "-o", self.path("run"), "--quiet", "--record",
                  f"synapses:{both[0]},{both[1]} factor y")
        strengths, amplitudes = (
            [[float(r[what]) for r in rows(self.good(
                "inspect", self.path("run"), name, "--layer", first["layer"], "--by-y", "--csv",
                *more).stdout.decode())] for name in both]
            for what, more in (("strength", ()), ("amplitude", ("--amplitude",))))
        self.assertEqual(amplitudes[0], amplitudes[1])
        for k, amplitude in enumerate(amplitudes[0]):
            expected = math.hypot(strengths[0][k], strengths[1][k])
            self.assertAlmostEqual(amplitude, expected, delta=1e-6 * max(1, expected))
        scale = max(amplitudes[0]) + 1e-9
        for known in (found["courses"][0]["values"][0]["course"],
                      [float(r["amplitude"]) for r in courses
                       if r["sentence"] == courses[0]["sentence"]
                       and (r["pre"], r["post"], r["layer"]) == tuple(
                           str(first[k]) for k in ("pre", "post", "layer"))]):
            self.assertEqual(len(known), len(text))
            for a, b in zip(known, amplitudes[0]):
                self.assertAlmostEqual(a, b, delta=1e-4 * scale)

    def test_beside_strengths(self):
        found, table, courses = self.courses("strength")
        first = found["findings"][0]
        self.assertEqual(found["measure"], "strength")
        self.assertEqual([float(table[0][f"mean_amplitude_{s}"]) for s in ("positive", "negative")],
                         [first[f"mean_amplitude_{s}"] for s in ("positive", "negative")])
        self.assertGreaterEqual(first["mean_amplitude_positive"], abs(first["mean_positive"]))
        for r in courses:
            self.assertGreaterEqual(float(r["amplitude"]) + 1e-12, abs(float(r["strength"])))
        self.assertEqual(len(found["courses"][0]["values"][0]["amplitude"]),
                         len(found["courses"][0]["values"][0]["course"]))

    def test_one_layer_has_no_synapses_between_neurons(self):
        graph = self.path("graph.csv", b"source,target\n0,1\n1,0\n")
        self.good("import", "--gx", graph, "--layers", 1, "--vocabulary", 256, "-o",
                  self.path("one.bdh.h5"))
        text = self.path("a.txt", sentences(24, 1))
        self.refused(1, "concepts", self.path("one.bdh.h5"), "--positive", text, "--negative", text,
                     says=(self.path("one.bdh.h5") + ": 1 layer",))

    def test_amplitudes_that_are_never_known_are_no_lines(self):
        self.good("run", self.trained, "--text", "To be, or not to be", "-o", self.path("top"),
                  "--quiet", "--record", "pairs:top:20 layers 3")
        self.good("plot", "synapse", self.path("top"), "--amplitude", "-o", self.path("top.svg"))
        with open(self.path("top.csv")) as f:
            rows = list(csv.DictReader(f))
        lines = {r["synapse"] for r in rows}
        known = {r["synapse"] for r in rows if r["amplitude"] and float(r["amplitude"]) > 0}
        self.assertTrue(lines)
        self.assertEqual(lines, known)

    def test_what_has_no_amplitude(self):
        graph = self.path("graph.csv", b"source,target\n0,1\n1,0\n")
        self.good("import", "--gx", graph, "--layers", 2, "--neurons", 2, "--vocabulary", 256,
                  "-o", self.path("graph.bdh.h5"))
        text = self.path("a.txt", sentences(24, 1))
        sets = ("--positive", text, "--negative", text)
        self.refused(1, "concepts", self.path("graph.bdh.h5"), *sets, "--factor", "w", "--measure",
                     "amplitude", says=("amplitude: a model without rotation",))
        self.refused(2, "concepts", self.random, *sets, "--measure", "amplitude", "--neurons",
                     says=("--measure and --neurons",))
        self.good("run", self.random, "--text", "To be", "-o", self.path("run"), "--quiet",
                  "--record", "synapses:4->9")
        self.refused(1, "inspect", self.path("run"), "4->9", "--amplitude",
                     says=("nothing recorded of synapses 4+5->9", "'synapses:4->9,5->9'"))
        self.refused(1, "plot", "synapse", self.path("run"), "--synapse", "4->9", "--amplitude",
                     "-o", self.path("a.svg"), says=("not both recorded of 4->9,5->9",))
        self.refused(2, "inspect", self.path("run"), "neuron:4", "--amplitude",
                     says=("needs a synapse",))


class Groups(CliTest):
    """Words that choose have no part in confirming; matched sentences; files of their own."""

    def lines(self, seed, mark, groups):
        """Eight sentences of each group; the mark is what the concept would be."""
        draw = random.Random(seed)
        return "".join(f"{g}\t{''.join(draw.choice('abcdefgh') for _ in range(9))}{mark}\n"
                       for g in groups for _ in range(8)).encode()

    def setUp(self):
        super().setUp()
        self.royal = self.path("royal.txt", self.lines(1, "zz", "KQPD"))
        self.common = self.path("common.txt", self.lines(2, "yy", "mnop"))
        self.more_royal = self.path("more_royal.txt", self.lines(3, "zz", "STUVWXYZ"))
        self.more_common = self.path("more_common.txt", self.lines(4, "yy", "stuvwxyz"))
        self.sets = ("--positive", self.royal, "--negative", self.common)
        self.apart = ("--confirm-positive", self.more_royal, "--confirm-negative",
                      self.more_common)

    def test_groups_of_other_files_confirm(self):
        found = self.json("concepts", self.random, *self.sets, *self.apart, "--groups", "--carry",
                          20, "--top", 20)
        self.assertEqual(found["sentences"]["positive"], 4 * 8 + 8 * 8)
        self.assertEqual(len(found["halves"]["choose"]["positive"]), 32)
        self.assertGreater(found["confirmed"], 0)
        for f in found["findings"]:  # the values of the test are the means of eight groups
            means = [[sum(v[8 * k:8 * k + 8]) / 8 for k in range(8)]
                     for v in (f["values"]["confirm"]["positive"],
                               f["values"]["confirm"]["negative"])]
            u = sum((x > y) + 0.5 * (x == y) for x in means[0] for y in means[1])
            self.assertAlmostEqual(f["confirm"]["u"], u)
        text = self.good("concepts", self.random, *self.sets, *self.apart, "--groups", "--carry",
                         20).stdout.decode()
        self.assertIn("confirming: 8 and 8 groups, from files of their own", text)
        self.assertIn("groups that had no part in the choice", text)

    def test_halves_of_the_groups(self):
        found = self.json("concepts", self.random, "--positive", self.more_royal, "--negative",
                          self.more_common, "--groups", "--carry", 1)
        choose, confirm = (found["halves"][half]["positive"] for half in ("choose", "confirm"))
        self.assertEqual(len({k // 8 for k in confirm}), 4)
        self.assertFalse({k // 8 for k in choose} & {k // 8 for k in confirm})
        self.assertEqual(len(choose), 16)  # the others of these groups are held out too
        self.assertIn("p_corrected", found["findings"][0]["same_groups"])
        output = self.path("found.csv")
        self.good("concepts", self.random, "--positive", self.more_royal, "--negative",
                  self.more_common, "--groups", "--carry", 1, "-o", output)
        with open(output, encoding="utf-8") as f:
            (row,) = rows(f.read())
        self.assertEqual(float(row["same_groups_p"]), found["findings"][0]["same_groups"]["p"])
        self.assertIn("period_tokens", row)

    def test_matched_sentences(self):
        a = self.path("a.txt", sentences(24, 1, "zz"))
        b = self.path("b.txt", sentences(24, 1, "yy"))
        found = self.json("concepts", self.random, "--positive", a, "--negative", b, "--paired",
                          "--carry", 5, "--top", 5)
        self.assertEqual(found["halves"]["confirm"]["positive"],
                         found["halves"]["confirm"]["negative"])
        for f in found["findings"]:
            differences = [x - y for x, y in zip(f["values"]["confirm"]["positive"],
                                                 f["values"]["confirm"]["negative"])]
            observed = abs(sum(differences))
            extreme = sum(abs(sum(-d if bits >> k & 1 else d for k, d in enumerate(differences)))
                          >= observed - 1e-9 for bits in range(1 << len(differences)))
            self.assertAlmostEqual(f["confirm"]["p"], extreme / (1 << len(differences)), delta=1e-6)

    def test_what_is_wrong_is_named(self):
        plain = self.path("plain.txt", sentences(8, 1))
        concepts = ("concepts", self.random)
        self.refused(1, *concepts, "--positive", plain, "--negative", self.common, "--groups",
                     says=("plain.txt line 1", "GROUP<tab>SENTENCE"))
        self.refused(1, *concepts, *self.sets, "--confirm-positive", self.royal,
                     "--confirm-negative", self.more_common, "--groups",
                     says=("royal.txt line 1", "'K'", "no part in the choice"))
        self.refused(1, *concepts, *self.sets, "--groups", "--carry", 100,
                     says=("2 and 2 groups to confirm by", "expected more groups"))
        self.refused(1, *concepts, "--positive", plain, "--negative", self.common, "--paired",
                     says=("common.txt", "32 sentences", "8"))
        self.refused(2, *concepts, *self.sets, "--groups", "--paired", says=(
            "bdh concepts: --groups: contradicts --paired: the groups of the two sets are compared "
            "by their means, not in pairs; pairs with words that do not choose: --paired with "
            "--confirm-positive and --confirm-negative; see 'bdh concepts --help'",))
        self.refused(2, *concepts, *self.sets, "--confirm-positive", plain,
                     says=("--confirm-negative",))


class Activity(CliTest):
    TEXT = "hello world, hello"

    def record(self, *requests):
        self.good("run", self.random, "--text", self.TEXT, "-o", self.path("run"), "--quiet",
                  *(a for r in requests for a in ("--record", r)))
        return self.path("run")

    def test_a_model_and_its_recorded_run_show_the_same(self):
        run = self.record("events")
        of_model = self.json("activity", self.random, "--text", self.TEXT, "-o",
                             self.path("model.csv"))
        of_run = self.json("activity", run, "-o", self.path("run.csv"))
        self.assertEqual(of_model["tokens"], len(self.TEXT))
        def compare(a, b, where):
            self.assertEqual(type(a), type(b), where)
            if isinstance(a, dict):
                self.assertEqual(list(a), list(b), where)
                for key in a:
                    compare(a[key], b[key], (*where, key))
            elif isinstance(a, list):
                self.assertEqual(len(a), len(b), where)
                for k, (x, y) in enumerate(zip(a, b)):
                    compare(x, y, (*where, k))
            elif isinstance(a, float):
                self.assertTrue(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9), (where, a, b))
            else:
                self.assertEqual(a, b, where)
        compare(of_model, of_run, ())
        with open(self.path("model.csv")) as a, open(self.path("run.csv")) as b:
            first, second = rows(a.read()), rows(b.read())
        self.assertEqual([row["text"] for row in first], list(self.TEXT))
        for x, y in zip(first, second):
            for column in x:
                if column != "text" and x[column]:
                    self.assertTrue(math.isclose(float(x[column]), float(y[column]), rel_tol=1e-6),
                                    column)
            self.assertEqual(bool(x["surprisal_nats"]), bool(y["surprisal_nats"]))
        self.assertEqual(first[0]["surprisal_nats"], "")

    def test_the_numbers_follow_from_the_events(self):
        run = self.record("events", "x:all", "y:all")
        result = self.json("activity", run)
        for variable in result["variables"]:
            name, layer = variable["variable"], variable["layer"]
            values = {i: rows(self.good("inspect", run, f"neuron:{i}", "--layer", layer,
                                        "--csv").stdout.decode()) for i in range(0, 64, 9)}
            active = [sum(float(row[name]) > 0 for row in v) for v in values.values()]
            self.assertGreaterEqual(variable["ever"], sum(a > 0 for a in active))
            self.assertLessEqual(variable["ever"], 64)
            self.assertLessEqual(variable["participation"]["of_a_token"], variable["most"] * 64
                                 + 1e-9)
        with open(os.path.join(run, "summary.csv")) as f:
            summary = rows(f.read())
        x = [float(row["active_x_2"]) for row in summary]
        shown_x = next(v for v in result["variables"] if (v["variable"], v["layer"]) == ("x", 2))
        self.assertAlmostEqual(shown_x["active"], sum(x) / len(x), places=6)
        self.assertAlmostEqual(shown_x["most"], max(x), places=6)
        self.assertAlmostEqual(result["mean_surprisal_nats"],
                               sum(float(row["surprisal_nats"]) for row in summary[1:]) / (len(x)
                                                                                           - 1),
                               places=6)
        self.assertAlmostEqual(result["synaptic_events_per_token"]["mean"],
                               sum(int(row["synaptic_events"]) for row in summary) / len(x))
        self.assertEqual(sum(b["neurons"] for b in result["by_frequency"]), 64)
        self.assertEqual(sum(b["tokens"] for b in result["by_surprisal"]), len(x) - 1)

    def test_a_run_without_events(self):
        run = self.record("summary")
        result = self.json("activity", run)
        self.assertEqual(result["by_frequency"], [])
        self.assertNotIn("ever", result["variables"][0])
        self.assertIn("--record events", self.good("activity", run).stdout.decode())

    def test_text(self):
        text = self.good("activity", self.random, "--text", self.TEXT, "--bins", 3, "--bands",
                         2).stdout.decode()
        for part in ("18 tokens, 3 layers of 64 neurons", "synaptic events per token", "Spearman",
                     "surprisal, nats", "one turn in, tokens"):
            self.assertIn(part, text)

    def test_without_readout(self):
        self.good("import", "--gx",
                  self.path("g.csv", b"source,target,weight\n0,1,1\n1,2,1\n2,0,1\n"), "--layers",
                  "2", "-o", self.path("g.bdh.h5"))
        result = self.json("activity", self.path("g.bdh.h5"), "--text", "abc")
        self.assertEqual({(v["with_surprisal"]["pearson"], v["with_surprisal"]["spearman"])
                          for v in result["variables"]}, {(None, None)})
        self.assertIsNone(result["mean_surprisal_nats"])
        self.assertEqual((result["by_surprisal"], result["by_frequency"]), ([], []))

    def test_bad_input(self):
        run = self.record("events")
        self.refused(2, "activity", self.random)
        self.refused(2, "activity", run, "--text", "a")
        self.refused(2, "activity", self.random, "--text", "a", "--bins", "0")
        self.refused(1, "activity", self.path("missing"), "--text", "a", says=("missing",))
        self.refused(1, "activity", self.random, "--text", "", says=("no token",))
        self.refused(1, "activity", self.random, "--text", "a", "-o", self.path("run"),
                     says=("run",))
        with open(os.path.join(run, "summary.csv")) as f:
            lines = f.read()
        with open(os.path.join(run, "summary.csv"), "w") as f:
            f.write(lines.replace("active_x_2", "other"))
        self.refused(1, "activity", run, says=("summary.csv", "active_x_2"))


if __name__ == "__main__":
    main()
