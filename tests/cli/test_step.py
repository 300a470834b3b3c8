"""bdh step: by scripts from a pipe, and at a prompt."""
import csv
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import unittest

from program import PATIENCE, RANDOM, CliTest, bdh, main

GRAPH = b"""source,target,weight,type
alice,bob,0.5,excitatory
bob,carol,0.8,
carol,alice,-0.3,inhibitory
alice,dave,0.4,
dave,bob,0.2,
"""
# Token 65 excites alice and bob: W = (1, 1, 0, 0).
SENSORY = b"source,target,weight\n65,alice,1\n65,bob,1\n66,alice,0.5\n"
COMMANDS = ("token text generate round layer finish logits undo save load record quit show synapse "
            "neighbors top changed why probe plot model lesion silence clamp stimulate freeze "
            "inhibition reset set interventions release help").split()


@unittest.skipUnless(shutil.which("h5dump"), "no h5dump")
class StepTest(CliTest):
    def setUp(self):
        super().setUp()
        self.files = 0

    def step(self, model, *lines, options=(), code=0):
        done = bdh("step", model, *options, stdin="\n".join(lines).encode(), cwd=self.folder)
        self.assertEqual(done.returncode, code, (lines, done.stderr))
        if code == 0:
            self.assertEqual(done.stderr, b"")
        self.assertNotIn(b"\x1b", done.stdout)
        return done.stdout.decode()

    def wrong(self, model, *lines, says=()):
        """The last line is refused, and changes nothing: the state stays what the lines before
        left."""
        *good, bad = lines
        done = bdh("step", model, stdin="\n".join(lines).encode(), cwd=self.folder)
        self.assertEqual(done.returncode, 1, (lines, done.stdout))
        self.assertOneLine(done.stderr, f"standard input:{len(lines)}: ", *says)
        kept = bdh("step", model, "--keep-going",
                   stdin="\n".join([*lines, "save kept.h5"]).encode(), cwd=self.folder)
        self.assertEqual(kept.returncode, 1)
        if good and not good[-1].startswith("round"):
            self.assertEqual(self.saved("kept.h5"), self.state(model, *good))

    def state(self, model, *lines):
        """Synapses and logits after these commands, every digit of them. Probes are no part of
        that: they act on nothing."""
        self.files += 1
        name = f"state{self.files}.h5"
        self.step(model, *lines, f"save {name}")
        return self.saved(name)

    def saved(self, name):
        def dump(what):
            done = subprocess.run(["h5dump", "-m", "%.9g", *what, self.path(name)],
                                  capture_output=True, timeout=PATIENCE)
            return done.stdout.split(b"\n", 1)[1]  # without the name
        self.assertIn(b"stored", dump(["-g", "/layers"]))
        return dump(["-g", "/layers"]), dump(["-d", "/logits"])

    def graph(self, *options):
        target = self.path("graph.bdh.h5")
        self.good("import", "--gx", self.path("g.csv", GRAPH), "--sensory",
                  self.path("s.csv", SENSORY), "--layers", 2, "-o", target, "--force", *options)
        return target


class Script(StepTest):
    def test_nothing_to_do(self):
        self.assertEqual(self.step(self.random), "")
        self.assertEqual(self.step(self.random, "", "# a remark", "   "), "")

    def test_help_names_every_command_and_explains_each(self):
        text = self.step(self.random, "help")
        for command in COMMANDS:
            self.assertRegex(text, rf"\b{command}\b")
            if command != "help":
                self.assertGreater(len(self.step(self.random, f"help {command}").split("\n")), 2)
        self.assertIn("--keep-going", self.good("step", "--help").stdout.decode())

    def test_stops_at_the_first_error_and_names_its_line(self):
        done = bdh("step", self.random, stdin=b"token 65\n\nnonsense 3\ntoken 66\n")
        self.assertEqual(done.returncode, 1)
        self.assertOneLine(done.stderr, "standard input:3: ", "'nonsense'", "help")
        self.assertEqual(done.stdout.count(b"token "), 1)

    def test_keeps_going_where_requested(self):
        done = bdh("step", self.random, "--keep-going", stdin=b"nonsense\ntoken 300\ntoken 66\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(b"\n"), 2)
        self.assertIn(b"token 0: 66 'B'", done.stdout)

    def test_quit_ends_it(self):
        self.assertEqual(self.step(self.random, "quit", "token 999"), "")

    def test_a_signal_ends_it_after_a_token(self):
        process = self.start("step", self.trained, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"text To be\ngenerate 1000000\n")
        process.stdin.flush()
        self.assertIn(b"tokens 0 to 4", process.stdout.readline())
        process.stdout.read(20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)

    def test_wrong_commands_name_what_is_valid_and_change_nothing(self):
        for line, *says in (("token 256", "0 to 255"), ("token x", "'x'", "integer"),
                            ("token", "token T"), ("text", "text S"), ('text "a\\q"', "JSON"),
                            ("round", "no token", "round [T]"), ("finish", "no token"),
                            ("generate 0", ">= 1"), ("generate 3 temperature -1", "1e6"),
                            ("show", "x|y|a|w"), ("show z", "'z'"), ("show x layer 4", "1 to 3"),
                            ("show x 64", "0 to 63"), ("show x unnamed", "0 to 63"),
                            ("show x 5 6", "'6'"), ("show a 5", "hubs"),
                            ("show x layer", "layer without"), ("show x top 99999", "10000"),
                            ("synapse 64->3", "0 to 63"), ("synapse 3->64", "0 to 63"),
                            ("synapse 3->token:256", "token:255"), ("synapse 3", "nothing more"),
                            ("synapse 3->5 layer 9", "1 to 3"), ("synapse 3->hub:8", "0 to 7"),
                            ("neighbors 64", "0 to 63"), ("top", "top synapses"),
                            ("why 64", "0 to 63"), ("why 3 z", "'z'"), ("probe 3->99", "0 to 63"),
                            ("plot nothing", "'nothing'"), ("plot x 99", "0 to 63"),
                            ("lesion 64", "0 to 63"), ("silence 5", "silence x:"),
                            ("clamp x:5 -1", ">= 0"), ("clamp x:5", "clamp"),
                            ("inhibition 0.5", "hubs"), ("lesion gy:3->4", "hubs"),
                            ("freeze layers 7", "1 to 3"), ("release 1", "in force"),
                            ("release", "no intervention"), ("load none.h5", "none.h5"),
                            ("save nowhere/s.h5", "nowhere"), ("save", "save FILE"),
                            ("record off", "no recording"), ("help nonsense", "'nonsense'"),
                            ("logits top 0", ">= 1"), ("set synapses:3->7 1 at 0", "acts once"),
                            ("freeze at 0", "token 0, which has been read", "token 5 or later"),
                            ("silence x:3 tokens 1-4", "token 4")):
            with self.subTest(line):
                self.wrong(self.random, "text To be", line, says=says)
        for line, *says in (("undo", "nothing"), ("show x", "no token"), ("changed", "no token"),
                            ("logits", "no token"), ("generate 3", "no token"),
                            ("why 3", "no token"), ("plot activity", "no token")):
            with self.subTest(line):
                self.wrong(self.random, line, says=says)
        for line, *says in (("token 66", "finish"), ("save s.h5", "finish"), ("freeze", "finish"),
                            ("logits", "finish"), ("plot activity", "finish"),
                            ("show y", "not known yet"), ("show x layer 2", "not reached"),
                            ("round 66", "finish")):
            with self.subTest(line):
                self.wrong(self.random, "round 65", line, says=says)

    def test_a_model_without_text_or_logits_says_so(self):
        self.wrong(self.graph(), "token 65", "logits", says=("no readout nodes",))
        self.good("import", "--gx", self.path("g.csv", GRAPH), "--layers", 1, "--vocabulary", 7,
                  "--tokenizer", "ids", "-o", self.path("ids.bdh.h5"))
        self.wrong(self.path("ids.bdh.h5"), "token 3", "text abc",
                   says=("7 tokens are not bytes", "token T"))


class Bits(StepTest):
    LOOKS = ("show x", "show y 5,7", "show a", "show w", "show x layer 1", "synapse 17->23",
             "synapse 5->hub:3", "neighbors 17", "top synapses", "changed", "why 17",
             "why 3 layer 1", "probe 9->4", "plot activity", "plot x", "plot synapse 17->23",
             "logits", "model", "interventions", "help", "probe")

    def test_rounds_and_layers_give_the_bits_of_tokens(self):
        for model, rounds in ((self.random, 12), (self.graph("--rotation", "theta=100"), 8)):
            whole = self.state(model, "token 65 66 65")
            self.assertEqual(self.state(model, "round 65", *["round"] * (rounds - 1), "layer 66",
                                        *["layer"] * (rounds // 4 - 1), "round 65", "finish"),
                             whole)
        run = self.path("run.h5")
        self.good("run", self.random, "--text", "To be", "--generate", "7", "--save-state", run,
                  "--quiet")
        self.assertEqual(self.saved("run.h5"), self.state(self.random, "text To be", "generate 7"))

    def test_looking_and_probing_leave_the_bits_alone(self):
        plain = self.state(self.random, "text To be, or")
        self.assertEqual(self.state(self.random, "probe 3->4", "text To be", *self.LOOKS,
                                    "text , or", *self.LOOKS), plain)
        graph = self.graph("--rotation", "theta=100")
        looks = [w for w in self.LOOKS if w not in ("logits", "synapse 5->hub:3")]
        for number, name in (("17->23", "dave->bob"), ("9->4", "bob->carol"), ("17", "bob"),
                             ("3 ", "carol "), ("5,7", "alice")):
            looks = [w.replace(number, name) for w in looks]
        self.assertEqual(self.state(graph, "token 65 66", *looks, "token 65", *looks),
                         self.state(graph, "token 65 66 65"))

    def test_looking_between_rounds_leaves_the_bits_alone(self):
        looks = ("show x", "synapse 17->23", "changed", "why 17", "top synapses")
        self.assertEqual(self.state(self.random, "text To be", "round 65", *looks, "round", *looks,
                                    "layer", *looks, "finish"),
                         self.state(self.random, "text To be", "token 65"))

    def test_released_interventions_leave_the_bits_alone(self):
        for line in ("silence x:5", "lesion 11", "freeze", "reset", "clamp y:3 0.5",
                     "stimulate x:7 1", "set synapses:3->7 0.5", "lesion synapses:51->3"):
            with self.subTest(line):
                self.assertEqual(self.state(self.random, "text To", line, "release 1", "text  be"),
                                 self.state(self.random, "text To be"))
                self.assertNotEqual(self.state(self.random, "text To", line, "text  be"),
                                    self.state(self.random, "text To be"))

    def test_undo_gives_the_bits_of_never_having_done_it(self):
        looks = ("show x", "show y layer 1", "show a", "logits", "changed", "why 17",
                 "synapse 17->23", "interventions")
        long_text = ("text To be, or not to be, that is the question: whether 'tis nobler in the "
                     "mind to suffer the slings and arrows")
        for before in ("text To be", long_text):
            def shown(*done):
                return without_remarks(self.step(self.random, before, *done, "help quit",
                                                 *looks).split("so does Ctrl-D.\n")[1])
            plain = shown(), self.state(self.random, before)
            for done in (["token 65", "undo"], ["token 65 66 67", "undo", "undo", "undo"],
                         ["silence x:5", "undo"], ["round 65", "round", "undo"],
                         ["lesion 11", "token 65", "release 1", "token 66", "undo", "undo", "undo",
                          "undo"], ["generate 3", "undo", "undo", "undo"],
                         ["set synapses:3->7 9", "token 65", "token 66", "undo", "undo", "undo"]):
                with self.subTest(done):
                    self.assertEqual(shown(*done), plain[0])
                    self.assertEqual(self.state(self.random, before, *done), plain[1])
        self.assertEqual(self.state(self.random, "silence x:5", "token 65", "token 66", "undo",
                                    "token 66"), self.state(self.random, "silence x:5",
                                                            "token 65 66"))

    def test_undo_reaches_back_to_the_beginning(self):
        self.assertEqual(self.state(self.random, "text abcdef", *["undo"] * 6),
                         self.state(self.random))

    def test_a_failed_token_leaves_everything_as_it_was(self):
        graph = self.path("g.csv", b"source,target,weight\na,b,1e20\nb,a,1e20\n")
        model = self.path("wild.bdh.h5")
        self.good("import", "--gx", graph, "--sensory",
                  self.path("s.csv", b"source,target,weight\n65,a,1\n65,b,1\n66,a,1e-30\n"),
                  "--layers", 1, "-o", model)
        self.wrong(model, "token 65", "token 65", says=("finite",))
        done = bdh("step", model, "--keep-going",
                   stdin=b"token 65\nround 65\nlayer\ntoken 66\nshow x\n")
        self.assertIn(b"token 1: 66", done.stdout)

    def test_loading_goes_on_with_the_same_bits(self):
        self.step(self.random, "text To be", "save a.h5")
        self.assertEqual(self.state(self.random, "silence x:3", "text xyz", "load a.h5",
                                    "text , or"), self.state(self.random, "text To be, or"))
        self.good("run", self.random, "--text", "To be", "--retention", "0.5", "--save-state",
                  self.path("u.h5"), "--quiet")
        self.assertIn("synapses after 5 tokens", self.step(self.random, "load u.h5", "text a"))
        done = bdh("step", self.random, "--retention", "0.9", stdin=b"load u.h5\n", cwd=self.folder)
        self.assertOneLine(done.stderr, "retention 0.5", "0.9")
        self.wrong(self.random, "load a.h5", "synapse 3->7",
                   says=("loaded", "tokens that were all read here"))
        known = self.step(self.random, "probe 51->3 layer 2", "text To be", "save p.h5",
                          "text , or", "synapse 51->3 layer 2")
        later = self.step(self.random, "load p.h5", "text , or", "synapse 51->3 layer 2",
                          "generate 3")
        self.assertEqual(known.split("synapse 51->3\n")[1],
                         later.split("synapse 51->3\n")[1].rsplit("\n", 2)[0] + "\n")
        self.assertNotIn("again", later)
        self.assertIn("hub:3", self.step(self.random, "load a.h5", "synapse 5->hub:3", "text , or",
                                         "changed 3"))


def without_remarks(text):
    return "\n".join(line for line in text.split("\n") if not line.startswith("("))


def value(text, name):
    """The number behind a name."""
    return float(re.search(rf"{re.escape(name)} +(\S+)", text).group(1))


class Values(StepTest):
    def test_a_small_graph_computed_by_hand(self):
        model = self.graph()
        text = self.step(model, "token 65", "show x layer 1", "show w layer 1",
                         "synapse carol->alice layer 1", "synapse dave bob", "top synapses",
                         "changed")
        # X = (0, 0.5 W(alice), 0.8 W(bob), 0.4 W(alice)), sigma(i->j) = W(j) X(i)
        self.assertEqual([value(text, n) for n in ("bob", "carol", "dave")], [0.5, 0.8, 0.4])
        self.assertIn("synapse carol->alice\n  layer 1              0.8\n", text)
        self.assertIn("synapse dave->bob\n  layer 1              0.4\n  layer 2                0\n",
                      text)
        self.assertIn("2 synapses are not 0\n        carol->alice layer 1              0.8\n"
                      "           dave->bob layer 1              0.4\n", text)
        self.assertIn("2 synapses changed in token 0\n", text)
        # X^e(bob) = 0.5 W(alice) + 0.2 W(dave); X(alice) = (- 0.3 W(carol))_+
        text = self.step(model, "token 65", "why bob x layer 1", "token 65", "changed")
        self.assertIn("X of bob in layer 1, token 0: 0.5\n", text)
        self.assertIn("X^e 0.5 - X^i 0 = 0.5\n", text)
        self.assertRegex(text, r" alice +0\.5 +1 +0\.5\n")
        self.assertRegex(text, r" carol->alice layer 1 +0\.8 +1\.6 +0\.8\n")
        # Second token: A(alice) = sigma(carol->alice) X(carol) = 0.64, A(bob) = sigma(dave->bob)
        # X(dave) = 0.16. Gy is Gx: Y(bob) = 0.5 A(alice) X(bob) = 0.16; Y(dave) = 0.4 A(alice)
        # X(dave) = 0.1024; Y(carol) = 0.8 A(bob) X(carol) = 0.1024
        text = self.step(model, "token 65 65", "show a layer 1", "show y layer 1",
                         "why bob y layer 1")
        self.assertEqual([value(text, n) for n in ("alice", "bob")], [0.64, 0.16])
        self.assertEqual([value(text[text.index("Y of"):], n) for n in ("bob", "dave", "carol")],
                         [0.16, 0.1024, 0.1024])
        self.assertRegex(text, r" alice +0\.5 +0\.64 +0\.32\n")

    def test_neighbors_of_explicit_edges(self):
        text = self.step(self.graph(), "token 65", "neighbors bob")
        for part in (r"Gx in: 2 edges\n +alice +0\.5  excitatory\n +dave +0\.2",
                     r"Gx out: 1 edges\n +carol +0\.8", r"synapses in: 1 of",
                     r"dave->bob layer 1 +0\.4"):
            self.assertRegex(text, part)
        self.assertRegex(self.step(self.graph(), "neighbors alice"),
                         r"Gx in: 1 edges\n +carol +-0\.3  inhibitory")
        self.wrong(self.graph(), "token 65", "synapse alice->carol", says=("no such edge in gs",))
        self.wrong(self.graph(), "token 65", "synapse alice->zoe", says=("'zoe'", "0 to 3"))

    def test_a_pair_requested_later_has_the_strength_of_one_probed_from_the_start(self):
        later = self.step(self.trained, "text To be, or not", "synapse 17->23")
        self.assertIn("(read the 13 tokens so far again", later)
        first = self.step(self.trained, "probe 17->23", "text To be, or not", "synapse 17->23")
        self.assertNotIn("again", first)
        self.assertEqual(later.split("again")[1].split("\n", 1)[1],
                         first[first.rindex("synapse 17->23"):])
        self.assertNotIn("again", self.step(self.graph(), "token 65", "synapse dave->bob"))

    def test_through_hubs_and_over_explicit_edges_it_is_the_same(self):
        direct = self.path("direct.bdh.h5")
        self.good("import", f"{RANDOM}/model.safetensors", "--circuit", "direct", "-o", direct)
        lines = ("text To be", "show x top 5", "why 6 x", "synapse 51->3", "logits 5", "lesion 6",
                 "lesion synapses:51->3", "token 66", "show y top 5")
        numbers = [[float(v) for v in re.findall(r"-?\d+(?:\.\d+)?(?:e-\d+)?",
                                                 without_remarks(self.step(model, *lines)))]
                   for model in (self.random, direct)]
        self.assertEqual(len(numbers[0]), len(numbers[1]))
        self.assertGreater(len(numbers[0]), 80)
        for through_hubs, explicit in zip(*numbers):
            self.assertAlmostEqual(through_hubs, explicit, delta=1e-4 * max(1, abs(explicit)))

    def test_strengths_between_rounds(self):
        text = self.step(self.graph(), "round 65", "round", "synapse carol->alice layer 1", "round",
                         "synapse carol->alice layer 1")
        self.assertEqual(re.findall(r"layer 1 {2,}(\S+)", text), ["0", "0.8"])
        self.assertIn("layer 1 round 3: W -> X\nlayer 1 round 0", text)

    def test_interventions_act_until_they_are_released(self):
        text = self.step(self.graph(), "silence x:bob", "token 65", "show x bob layer 1",
                         "why bob x layer 1", "interventions", "release", "token 65",
                         "show x bob layer 1", "interventions")
        self.assertIn("intervention 1: silence x:#1 from 0, in force\n", text)
        self.assertEqual(re.findall(r" {2,}bob +(\S+)\n", text)[:2], ["0", "0.5"])
        self.assertIn("held at 0", text)
        self.assertTrue(text.endswith("none\n"))
        text = self.step(self.graph(), "token 65", "set synapses:carol->alice 2", "freeze",
                         "token 65", "interventions", "synapse carol->alice layer 1")
        self.assertIn("done", text)
        self.assertEqual(value(text, "layer 1"), 2)
        self.assertIn("stimulus 0.25 = 0.75", self.step(self.graph(), "stimulate x:bob 0.25",
                                                        "token 65", "why bob x layer 1"))
        self.assertIn("X^i 0.15 = ", self.step(self.graph(), "clamp y:carol 1", "inhibition 0.5",
                                               "token 65", "why alice x layer 2"))

    def test_names_that_are_no_single_word(self):
        names = (b"AVA L", b"x,y", b"a->b", b"plain")
        edges = b"".join(b'"%s","%s",1\n' % pair for pair in zip(names, names[1:] + names[:1]))
        graph, model = self.path("g.csv", b"source,target,weight\n"
                                 + edges), self.path("names.bdh.h5")
        self.good("import", "--gx", graph, "--layers", 1, "--vocabulary", 1, "--sensory",
                  "random:4@1", "-o", model)
        for by_name, by_number in (('show x "AVA L","x,y",plain', "show x #0,#1,#3"),
                                   ('show x "AVA L,plain"', "show x #0,#3"),
                                   ('synapse "AVA L"->"x,y"', "synapse #0->#1"),
                                   ('synapse "AVA L" "x,y"', "synapse #0 #1"),
                                   ('synapse "a->b" plain', "synapse #2 #3"),
                                   ('synapse "a->b"->plain', "synapse #2->#3"),
                                   ('why y:"a->b"', "why y:#2"),
                                   ('neighbors "x,y"', "neighbors #1"),
                                   ('plot x "AVA L"', "plot x #0"),
                                   ('lesion "AVA L",plain', "lesion #0,#3"),
                                   ('clamp x:"x,y" 0.5 layers 1', "clamp x:#1 0.5 layers 1"),
                                   ('lesion gx:"a->b"->plain,"AVA L"->"x,y"',
                                    "lesion gx:#2->#3,#0->#1"), ('set synapses:"x,y"->"a->b" 2',
                                                                 "set synapses:#1->#2 2")):
            self.assertEqual(self.step(model, "token 0", by_name, "token 0"),
                             self.step(model, "token 0", by_number, "token 0"), by_name)
        self.wrong(model, "token 0", "lesion AVA L", says=("'AVA'", "between double quotes"))
        run = self.path("run")
        self.good("run", model, "--tokens", "0,0", "-o", run, "--record", 'x:"x,y",AVA L',
                  "--record", 'synapses:"AVA L"->"x,y",in:"a->b"', "--do", 'silence x:"AVA L" at 1',
                  "--quiet")
        for by_name, by_number in (('"AVA L"->"x,y"', "#0->#1"), ('"x,y"->"a->b"', "#1->#2"),
                                   ("neuron:AVA L", "neuron:#0")):
            self.assertEqual(self.good("inspect", run, by_name, "--csv").stdout,
                             self.good("inspect", run, by_number, "--csv").stdout)
        self.assertIn(b"1,0,", self.good("inspect", run, "neuron:AVA L", "--csv").stdout)

    def test_tokens_read_again_are_reported_and_no_others(self):
        self.step(self.random, "token 1 2", "probe 3 5", "save s.h5")
        again = "again, with probes"
        for line in ("lesion synapses:3->5", "set synapses:3->5 1"):
            self.assertNotIn(again, self.step(self.random, "load s.h5", "token 1", line))
            self.assertNotIn(again, self.step(self.random, "probe 3 5", "token 1", line))
            self.assertIn("read the 2 tokens so far again", self.step(self.random, "token 1 2",
                                                                      line))

    def test_a_lesion_after_the_first_token_of_a_model_through_hubs(self):
        text = self.step(self.random, "text To be", "lesion 11", "token 65", "show x 11",
                         "show y 11", "synapse 3->11 layer 2")
        self.assertIn("(read the 5 tokens so far again, with probes", text)
        self.assertEqual(re.findall(r" {2,}11 +(\S+)\n", text), ["0", "0"])

    def test_recordings_are_what_the_commands_show(self):
        text = self.step(self.random, "probe 17->23 layer 2", "record r.csv", "text To", "probe",
                         "token 65", "probe", "record off", "token 66")
        with open(self.path("r.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([row["token"] for row in rows], ["84", "111", "65"])
        for row, shown in zip(rows[1:], re.findall(r"17->23 layer 2 +(\S+)", text)[1:]):
            self.assertEqual(f"{float(row['17->23 layer 2']):.6g}", shown)
        self.assertIn(f"active X {rows[2]['active_x_1']} {rows[2]['active_x_2']} "
                      f"{rows[2]['active_x_3']}", text)
        self.wrong(self.random, "token 65", "record r.csv", says=("r.csv", "new file"))
        done = bdh("step", self.random, stdin=b"record q.csv\ntoken 65\nundo\n", cwd=self.folder)
        self.assertOneLine(done.stderr, "standard input:3: ", "q.csv", "record off")

    def test_plots_are_made_of_characters(self):
        text = self.step(self.random, "text To be", "plot activity", "plot x 5,7", "plot y last 2",
                         "plot synapse 17->23 layer 2 last 4")
        self.assertIn("To be", text)
        for part in ("X layer 1", "Y layer 3", "0 to", "tokens 3 to 4", "synapse 17->23"):
            self.assertIn(part, text)
        self.assertRegex(text, "[▁▂▃▄▅▆▇█]{5}")
        self.assertRegex(text, "[·░▒▓█]{5}")

    def test_logits_are_probabilities_and_generate_takes_the_first(self):
        text = self.step(self.trained, "text To be", "logits 256", "generate 1")
        rows = re.findall(r"^ +(\d+)(?: '.')? +(\S+) +(\S+)$", text, re.M)
        self.assertEqual(len(rows), 256)
        self.assertAlmostEqual(sum(float(p) for _, _, p in rows), 1, 4)
        self.assertEqual(text.split("\n")[-2], chr(int(rows[0][0])))
        self.assertEqual(self.step(self.random, 'text "To\\tbe"', "show x"),
                         self.step(self.random, "text To\tbe", "show x"))


class Prompt(StepTest):
    def setUp(self):
        super().setUp()
        ours, theirs = pty.openpty()
        environment = dict(os.environ, XDG_STATE_HOME=self.folder, TERM="xterm")
        self.model = self.graph()
        self.started = lambda model: self.start("step", model, stdin=theirs, stdout=theirs,
                                                stderr=theirs, env=environment, cwd=self.folder,
                                                start_new_session=True,
                                                preexec_fn=self.own_terminal)
        self.terminal, self.output = ours, ""
        self.addCleanup(os.close, theirs)
        self.addCleanup(os.close, ours)

    @staticmethod
    def own_terminal():
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read_more(self, what):
        self.assertTrue(select.select([self.terminal], [], [], PATIENCE)[0],
                        (what, self.output[-500:]))
        self.output += os.read(self.terminal, 65536).decode(errors="replace")

    def expect(self, part):
        """Reads until the text comes; returns all since the last time."""
        while part not in self.output:
            self.read_more(part)
        before, self.output = self.output.split(part, 1)
        return before

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def test_completes_commands_words_and_names(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("tok\t65\r")
        self.expect("token 0: 65")
        self.expect("bdh 1> ")
        self.type("show x ali\t layer 1\r")
        self.expect("X of layer 1, token 0")
        self.expect("bdh 1> ")
        self.type("si\tx:car\t\r")
        self.expect("intervention 1: silence x:#2")
        self.type("s\t")
        for command in ("save", "set", "show", "silence", "stimulate", "synapse"):
            self.expect(command)
        self.type("\x15\x04")
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_remembers_lines_from_one_time_to_the_next(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("token 65\r")
        self.expect("bdh 1> ")
        self.type("\x1b[A\r")
        self.expect("token 1: 65")
        self.expect("bdh 2> ")
        self.type("quit\r")
        self.assertEqual(process.wait(PATIENCE), 0)
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("\x1b[A\x1b[A\r")
        self.expect("bdh 1> ")
        self.type("\x04")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(os.stat(self.path("bdh/history")).st_mode & 0o077, 0)

    def test_errors_leave_the_prompt(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("nonsense\r")
        self.expect("'nonsense', expected")
        self.expect("bdh 0> ")
        self.type("round 65\r")
        self.expect("bdh 0, layer 1 round 3> ")
        self.type("quit\r")
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_ctrl_c_ends_the_work_and_not_the_program(self):
        process = self.started(self.trained)
        self.expect("bdh 0> ")
        self.type("\x03")
        self.expect("quit or Ctrl-D leaves")
        self.expect("bdh 0> ")
        self.type("abc")
        self.expect("abc")
        self.type("\x03")
        self.assertNotIn("leaves", self.expect("bdh 0> "))
        for _ in range(2):
            self.type("text To be\r")
            self.expect("tokens")
            self.expect("> ")
            self.type("generate 1000000\r")
            self.expect("generate 1000000")
            self.expect("\n")
            while len(self.output) < 10:  # the text that it generates
                self.read_more("generated text")
            self.type("\x03")
            self.expect("stopped; the next token is token ")
            self.expect("> ")
        self.type("token 65\r")
        self.expect("65 'A'")
        self.expect("> ")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 143)


if __name__ == "__main__":
    main()
