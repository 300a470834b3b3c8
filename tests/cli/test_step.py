"""bdh step: by scripts from a pipe, and at a prompt."""
import csv
import re
import signal
import subprocess

from program import PATIENCE, RANDOM, bdh, main
from step import GRAPH, StepTest, value, without_remarks

COMMANDS = ("token text generate round layer finish logits undo save load record quit show synapse "
            "neighbors top changed why probe plot model lesion silence clamp stimulate freeze "
            "inhibition reset set interventions release help").split()


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

    def test_a_misspelt_command_is_recognised(self):
        for line, says in (
                ("logitz", "command: 'logitz', expected one of those that help lists; did you mean "
                 "logits?"), ("neighbours 3", "did you mean neighbors?"),
                ("help tokn", "help: 'tokn', expected a command, or nothing: all of them; did you "
                 "mean token?")):
            with self.subTest(line):
                done = bdh("step", self.random, stdin=line.encode())
                self.assertOneLine(done.stderr, says)
        self.assertNotIn(b"did you mean", bdh("step", self.random, stdin=b"xyzzy").stderr)

    def test_no_more_is_taken_back_than_there_is(self):
        done = bdh("step", self.random, "--keep-going", stdin=b"text abc\nundo 2\nundo 9\nundo 9\n")
        self.assertEqual(done.stderr.decode().splitlines(), [
            "bdh: standard input:3: undo: 9, of which 1 could be taken back, expected at most 1",
            "bdh: standard input:4: undo: nothing was done yet, expected a token or an "
            "intervention"])
        self.assertEqual(done.stdout.count(b"took back a token"), 3)

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
                   says=("7 tokens are ids only", "token T"))


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
        self.assertIn("intervention 1: silence x:bob from 0, in force\n", text)
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

    def test_interventions_name_neurons_as_they_are_chosen(self):
        names = {b"AVAL": "AVAL", b"AVA L": '"AVA L"', b"x,y": '"x,y"', b"a->b": '"a->b"',
                 b"7": '"7"', b'7"': "#5", b"all": '"all"', b"top:3": '"top:3"',
                 b"token:1": '"token:1"', "é".encode(): '"é"', b"#2": '"#2"'}
        quoted = [b'"%s"' % name.replace(b'"', b'""') for name in names]
        edges = b"".join(b"%s,%s,1\n" % pair for pair in zip(quoted, quoted[1:] + quoted[:1]))
        model = self.path("names.bdh.h5")
        self.good("import", "--gx", self.path("g.csv", b"source,target,weight\n" + edges),
                  "--layers", 1, "--vocabulary", 1, "--sensory", "random:4@1", "-o", model)
        shown = list(names.values())
        for k, name in enumerate(shown):
            after = shown[(k + 1) % len(shown)]
            for what in ("silence x:{}", f"lesion gx:{{}}->{after}"):
                expected = f"intervention 1: {what.format(name)} from 0, in force\n"
                # "#2" is the neuron of that name
                for given in (name,) if k == 2 else (name, f"#{k}"):
                    self.assertEqual(self.step(model, what.format(given)), expected)

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

    def test_logits_show_tokens_that_look_alike_apart(self):
        text = self.step(self.trained, "text To be", "logits top 256")
        shown = re.findall(r"^ +(\d+ '.*?'|\d+) +-?[\d.]\S* +\S+$", text, re.M)
        self.assertEqual(len(shown), 256)
        self.assertEqual(len({one.split(" ", 1)[1] for one in shown}), 256)
        self.assertLessEqual({"10 '\\n'", "9 '\\t'", "32 ' '", "0 '\\x00'", "127 '\\x7f'",
                              "195 '\\xc3'", "92 '\\\\'", "160 '\\xa0'", "65 'A'"}, set(shown))

    def test_logits_are_probabilities_and_generate_takes_the_first(self):
        text = self.step(self.trained, "text To be", "logits 256", "generate 1")
        rows = re.findall(r"^ +(\d+) '.*?' +(\S+) +(\S+)$", text, re.M)
        self.assertEqual(len(rows), 256)
        self.assertAlmostEqual(sum(float(p) for _, _, p in rows), 1, 4)
        self.assertEqual(text.split("\n")[-2], chr(int(rows[0][0])))
        self.assertEqual(self.step(self.random, 'text "To\\tbe"', "show x"),
                         self.step(self.random, "text To\tbe", "show x"))


if __name__ == "__main__":
    main()
