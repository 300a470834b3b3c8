"""bdh inspect and bdh diff: what recordings show of a run, and of two."""
import csv
import io
import json
import os
import signal
import subprocess

from program import PATIENCE, CliTest, bdh, main

TEXT = "hello world, hello"


class LookingTest(CliTest):
    def record(self, name, *requests, text=TEXT, model=None, options=()):
        folder = self.path(name)
        self.good("run", model or self.random, "--text", text, "-o", folder, "--quiet", *options,
                  *(argument for r in requests for argument in ("--record", r)))
        return folder

    def csv(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.good("inspect", *arguments,
                                                         "--csv").stdout.decode())))

    def small_graph(self):
        """Three neurons with names, and the edges of their synapses in all layers."""
        edges = "source,target,weight\n" + "".join(f"{a},{b},0.5\n" for a, b in
                                                   (("sun", "rain"), ("rain", "7"), ("7", "sun"),
                                                    ("sun", "7"), ("rain", "rain")))
        self.good("import", "--gx", self.path("gx.csv", edges.encode()), "--layers", 2,
                  "--vocabulary", 256, "-o", self.path("named.bdh.h5"))
        return self.path("named.bdh.h5")


class Inspect(LookingTest):
    def test_the_list_of_what_is_recorded(self):
        run = self.record("run", "logits", "x:3,5 every 4 layers 2",
                          options=("--do", "freeze from 10"))
        text = self.good("inspect", run).stdout.decode()
        for part in ("complete", "18, positions 0 to 17", "freeze from 10",
                     "logits: 18 rows of 256 values, positions 0 to 17",
                     "x:3,5 every 4 layers 2, layer 2: 5 rows of 2 values, positions 0 to 16"):
            self.assertIn(part, text)
        result = self.json("inspect", run)
        self.assertEqual([r["file"] for r in result["reports"]], ["logits.h5", "x_2.h5"])
        self.assertEqual((result["status"], result["tokens"], result["interventions"]),
                         ("complete", 18, ["freeze from 10"]))
        self.assertIn("none", self.good("inspect", self.record("plain")).stdout.decode())

    def test_frames_and_events_give_the_same_course(self):
        frames, events = self.record("frames", "x:all", "y:all"), self.record("events", "events")
        seen = 0
        for neuron in range(0, 64, 7):
            rows = self.csv(frames, f"neuron:{neuron}")
            self.assertEqual(rows, self.csv(events, f"neuron:{neuron}"))
            self.assertEqual([(int(r["position"]), int(r["layer"])) for r in rows],
                             [(p, l) for p in range(18) for l in (1, 2, 3)])
            self.assertEqual("".join(r["text"] for r in rows[::3]), TEXT)
            self.assertEqual([int(r["token"]) for r in rows[::3]], list(TEXT.encode()))
            seen += sum(float(r["x"]) > 0 for r in rows)
        self.assertGreater(seen, 20)
        one = self.csv(events, "neuron:7", "--layer", "2")
        self.assertEqual(one, [r for r in self.csv(events, "neuron:7") if r["layer"] == "2"])

    def test_active_neurons_are_as_many_as_the_summary_says(self):
        run = self.record("run", "events")
        with open(os.path.join(run, "summary.csv")) as f:
            summary = list(csv.DictReader(f))
        active = [0] * len(summary)
        for neuron in range(64):
            for r in self.csv(run, f"neuron:{neuron}", "--layer", 2):
                active[int(r["position"])] += float(r["x"]) > 0
        self.assertEqual([f"{n / 64:.6g}" for n in active], [r["active_x_2"] for r in summary])

    def test_largest_values_leave_others_unknown(self):
        run = self.record("run", "x:top:5 layers 2")
        known = unknown = 0
        for neuron in range(64):
            for r in self.csv(run, f"neuron:{neuron}"):
                known += r["x"] != ""
                unknown += r["x"] == ""
                self.assertEqual(r["y"], "")
        self.assertGreaterEqual(known, 5 * 18)
        self.assertGreater(unknown, known)
        self.assertRegex(self.good("inspect", run, "neuron:0").stdout.decode(),
                         r"\n +0  'h' +2 +(-|[0-9.e-]+) +-\n")

    def test_a_synapse_follows_the_hebb_rule_of_its_frames(self):
        # Synapses to hubs without rotation would be sums; with it, a probe of a pair is: silent
        # until a neuron of the pair is active.
        run = self.record("run", "synapses:3->7,3->token:104 every 2 layers 1", "x:2-3 layers 1",
                          "snapshot every 5")
        x = self.csv(run, "neuron:3", "--layer", 1)
        partner = self.csv(run, "neuron:2", "--layer", 1)
        strengths = self.csv(run, "3->token:104")
        self.assertEqual([int(r["position"]) for r in strengths], list(range(0, 18, 2)))
        written = False  # W of the sensory node is not 0 where its token is read: "h", at 0 and 13
        for r in strengths:
            written = written or any(p <= int(r["position"])
                                     and (float(x[p]["x"]) > 0 or float(partner[p]["x"]) > 0)
                                     for p in (0, 13))
            self.assertEqual(float(r["strength"]) != 0, written, r)
        # of layer 1, between neurons
        self.assertEqual({float(r["strength"]) for r in self.csv(run, "3->7")}, {0.0})
        self.assertEqual([int(r["position"]) for r in self.csv(run, "3->hub:2", "--layer", 2)],
                         [0, 5, 10, 15])

    def test_plots_have_the_tokens_below(self):
        run = self.record("run", "events", text="tabs\tand\nlines" * 12)
        drawn = self.good("inspect", run, "neuron:9", "--plot").stdout.decode()
        self.assertNotIn("\x1b", drawn)
        self.assertLessEqual(max(map(len, drawn.split("\n"))), 100)
        self.assertIn("x, layer 1", drawn)
        self.assertIn("tabs→and↵lines", drawn)
        self.assertIn("█", drawn)
        self.assertIn("\n            0         10        20 ", drawn)
        self.assertIn("\n            88  ", drawn)  # the second panel
        ids = self.record("ids", "x:9", options=(), text="ab")
        self.assertIn("ab", self.good("inspect", ids, "neuron:9", "--plot", "--layer",
                                      1).stdout.decode())

    def test_names_need_the_model_and_numbers_do_not(self):
        model = self.small_graph()
        run = self.record("run", "x:all", "snapshot", "synapses:top:2", model=model, text="abcabc")
        by_name = self.csv(run, "sun->rain", "--layer", 1)
        self.assertEqual(len(by_name), 6)
        self.assertEqual(by_name, self.csv(run, "#0->#1", "--layer", 1))
        self.assertIn("neuron rain", self.good("inspect", run, "neuron:rain").stdout.decode())
        self.refused(1, "inspect", run, "neuron:moon", says=("'moon'", "a name of the model"))
        self.refused(1, "inspect", run, "rain->sun", says=("nothing recorded of synapse rain->sun",
                                                           "x:all; "))
        numbers = self.csv(run, "neuron:#1")
        os.rename(model, self.path("elsewhere.bdh.h5"))
        self.assertEqual(numbers, self.csv(run, "neuron:1"))
        self.refused(1, "inspect", run, "neuron:rain",
                     says=("'rain'", "0 to 2", "named.bdh.h5 is not there"))
        self.good("import", "--gx", self.path("gx.csv"), "--layers", 3, "--vocabulary", 256, "-o",
                  model)
        self.refused(1, "inspect", run, "neuron:rain", says=("has become another model",))

    def test_what_cannot_be_shown_is_refused(self):
        run = self.record("run", "x:3,5 layers 2", "synapses:3->7 layers 2")
        rows = [(("neuron:4",), 1, ("nothing recorded of neuron 4",
                                    "synapses:3->7 layers 2; x:3,5 layers 2", "--record events")),
                (("neuron:3", "--layer", 1), 1, ("neuron 3 in layer 1", "x:3,5 layers 2")),
                (("neuron:64",), 1, ("'64'", "0 to 63")), (("neuron:",), 1, ("''", "0 to 63")),
                (("neuron:99999999999999999999",), 1, ("0 to 63",)),
                (("neuron:-1",), 1, ("'-1'", "0 to 63")), (("3->64",), 1, ("'64'", "0 to 63")),
                (("3->token:256",), 1, ("token:256", "token:255")),
                (("3->hub:99",), 1, ("hub:99", "0 to")),
                (("3->hub:1",), 1, ("nothing recorded of synapse 3->hub:1",)),
                (("7->3",), 1, ("nothing recorded of synapse 7->3", "synapses:3->7 layers 2")),
                (("neuron:3", "--layer", 4), 1, ("--layer", "4", "1 to 3")),
                (("neuron:3", "--layer", 0), 2, ("--layer",)),
                (("3",), 2, ("'3'", "I->J or neuron:K")), (("--plot",), 2, ("--plot", "need")),
                (("neuron:3", "--plot", "--csv"), 2, ("--plot", "one of them"))]
        for arguments, code, says in rows:
            with self.subTest(arguments):
                self.refused(code, "inspect", run, *arguments, says=says)
        self.refused(1, "inspect", self.path("none"), says=("run.json",))
        self.refused(1, "inspect", self.random, says=("run.json",))
        self.refused(1, "inspect", self.record("plain"), "neuron:3",
                     says=("nothing recorded", "a run with recordings"))

    def test_control_characters_stay_in_the_file(self):
        run = self.record("run", "x:3", text="a\x1b[2J\n")
        for form in ((), ("--csv",), ("--plot",)):
            self.assertNotIn(b"\x1b", self.good("inspect", run, "neuron:3", *form).stdout)
        with open(os.path.join(run, "tokens.csv"), "r+b") as f:
            content = f.read().replace(b'"a"', b'"\x1b"')
            f.seek(0)
            f.write(content)
        for form in ((), ("--csv",), ("--plot",)):
            self.assertNotIn(b"\x1b", self.good("inspect", run, "neuron:3", *form).stdout)


class Stopped(LookingTest):
    def stopped(self, how, *requests):
        """A run that was stopped while it waits for its next token, 11 of them read."""
        process = self.start("run", self.random, "-", "-o", self.path("run"), "--quiet",
                             *(a for r in requests for a in ("--record", r)), stdin=subprocess.PIPE)
        process.stdin.write(b"hello world")
        process.stdin.flush()
        self.wait_for(lambda: self.lines("run/tokens.csv") >= 11, process)
        process.send_signal(how)
        process.wait(PATIENCE)
        return self.path("run")

    def lines(self, name):
        if not os.path.exists(self.path(name)):
            return 0
        with open(self.path(name)) as f:
            return f.read().count("\n")

    def test_an_interrupted_run_is_read_to_its_end(self):
        run = self.stopped(signal.SIGINT, "x:all")
        result = self.json("inspect", run)
        self.assertEqual((result["status"], result["tokens"], result["reports"][0]["rows"]),
                         ("interrupted", 11, 11))
        self.assertEqual(len(result["checkpoints"]), 1)
        whole = self.record("whole", "x:all", text="hello world")
        self.assertEqual(self.csv(run, "neuron:7"), self.csv(whole, "neuron:7"))
        self.good("diff", run, whole)

    def test_a_killed_run_is_read_up_to_its_marker_and_damage_points_to_repair(self):
        run = self.stopped(signal.SIGKILL, "x:all layers 1", "y:all layers 1")
        result = self.json("inspect", run)
        self.assertEqual(result["status"], "interrupted")
        rows = self.csv(run, "neuron:7")
        self.assertEqual(len(rows), max(r["rows"] for r in result["reports"]))
        with open(os.path.join(run, "x_1.h5"), "r+b") as f:
            f.write(bytes(600))
        self.refused(1, "inspect", run, "neuron:7", says=("x_1.h5", "bdh repair"))
        self.assertIn("bdh repair", self.good("inspect", run).stdout.decode())
        self.refused(1, "diff", run, self.record("whole", "x:all", text="hello world"),
                     says=("x_1.h5", "bdh repair"))
        self.good("repair", run, "-o", self.path("new"))
        self.assertEqual(len(self.csv(self.path("new"), "neuron:7")),
                         self.json("inspect", self.path("new"))["tokens"])


class Diff(LookingTest):
    ALL = ("logits", "events", "synapses:3->7,random:5@1", "snapshot every 6")

    def differ(self, *arguments):
        done = bdh("diff", *arguments)
        self.assertEqual((done.returncode, done.stderr), (4, b""))
        return done.stdout.decode()

    def differ_json(self, *arguments):
        return json.loads(self.differ(*arguments, "--json"))

    def test_threads_make_no_difference(self):
        a = self.record("a", *self.ALL, options=("--threads", "1"))
        b = self.record("b", *self.ALL, options=("--threads", "2", "--sites", "3"))
        self.assertIn("no difference\n", self.good("diff", a, b).stdout.decode())
        result = self.json("diff", a, b)
        self.assertEqual((result["differ"], result["settings"], result["until"],
                          result["output"]["mean_nats"]), (False, [], 18, 0))
        self.assertEqual(result["synapses"]["differing"], 0)

    def test_an_intervention_shows_where_it_acts_first(self):
        a = self.record("a", *self.ALL)
        x = [r for r in self.csv(a, "neuron:9", "--layer", 2) if int(r["position"]) >= 7]
        b = self.record("b", *self.ALL, options=("--do", "stimulate x:9 0.5 layers 2 from 7"))
        result = self.differ_json(a, b)
        first = result["activity"]["first"]
        self.assertEqual((first["position"], first["layer"], first["variable"], first["neuron"]),
                         (7, 2, "x", 9))
        self.assertAlmostEqual(first["a"], float(x[0]["x"]), places=6)
        self.assertGreater(first["b"], first["a"])
        self.assertEqual([s["name"] for s in result["settings"]], ["interventions"])
        self.assertEqual(max(result["output"]["nats"][:7]), 0)
        self.assertGreater(result["output"]["most_nats"]["value"], 0)
        self.assertEqual(result["output"]["most_nats"]["value"], max(result["output"]["nats"]))
        largest = result["synapses"]["largest"]
        self.assertEqual(len(largest), 10)
        sizes = [abs(s["b"] - s["a"]) for s in largest]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        text = self.differ(a, b, "--top", "3")
        for part in ("interventions", "position 7, token 'o', layer 2, neuron 9, X", "KL(A||B)",
                     "the runs differ"):
            self.assertIn(part, text)

    def test_where_a_list_of_the_largest_leaves_a_value_open_events_show_it(self):
        shown = bdh("step", self.random,
                    stdin=f"text {TEXT[:8]}\nshow x layer 1 top 1\n".encode()).stdout.decode()
        strongest = shown.split()[-2]
        a = self.record("a", "x:top:1", "events")
        b = self.record("b", "x:top:1", "events", options=("--do", f"silence x:{strongest} from 7"))
        first = self.differ_json(a, b)["activity"]["first"]
        self.assertEqual((first["position"], first["layer"], first["neuron"], first["b"]),
                         (7, 1, int(strongest), 0))

    def test_settings_tokens_and_lengths(self):
        a = self.record("a", "logits", options=("--generate", "5", "--temperature", "1", "--seed",
                                                "1"))
        b = self.record("b", "logits", options=("--generate", "9", "--temperature", "1", "--seed",
                                                "2"))
        result = self.differ_json(a, b)
        self.assertEqual([s["name"] for s in result["settings"]], ["seed"])
        self.assertGreaterEqual(result["token"]["position"], 18)
        self.assertEqual(result["until"], result["token"]["position"])
        self.assertEqual(result["tokens"], [23, 27])
        c = self.record("c", "logits", text=TEXT[:10], options=("--retention", "0.9"))
        result = self.differ_json(a, c)
        self.assertEqual((result["until"], result["token"]), (10, None))
        self.assertIn("retention", [s["name"] for s in result["settings"]])
        self.assertIn("active shares in summary.csv", self.differ(a, c))

    def test_runs_of_another_model(self):
        a = self.record("a", "events", "logits")
        b = self.record("b", "events", "logits", model=self.trained)
        result = self.differ_json(a, b, "--top", "0")
        self.assertEqual(result["settings"][0]["name"], "model")
        self.assertNotEqual(result["activity"]["from"], "X and Y of neurons")
        named = self.record("named", "snapshot", model=self.small_graph(), text="abc")
        forgetful = self.record("forgetful", "snapshot", model=self.path("named.bdh.h5"),
                                text="abc", options=("--do", "clamp x:#0 2 from 1"))
        self.assertRegex(self.differ(named, forgetful), r"(sun|rain|7)->(sun|rain|7)")

    def test_a_tolerance(self):
        a = self.record("a", "events", "logits")
        b = self.record("b", "events", "logits", options=("--retention", "0.999999"))
        self.differ(a, b)
        self.good("diff", a, b, "--tolerance", "0.1")

    def test_bad_runs(self):
        a = self.record("a", "events")
        self.refused(1, "diff", a, self.path("none"), says=("none/run.json",))
        self.refused(1, "diff", self.random, a, says=("run.json",))
        self.refused(2, "diff", a, says=("RUN_B",))
        self.refused(2, "diff", a, a, "--tolerance", "-1", says=("--tolerance", ">= 0"))
        os.remove(os.path.join(a, "events_x_2.h5"))
        self.refused(1, "diff", a, self.record("b", "events"),
                     says=("events_x_2.h5", "no such file"))


if __name__ == "__main__":
    main()
