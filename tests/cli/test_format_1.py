"""Files of format 1, in tests/data/format-1: every command that takes such files reads them, and
runs go on from them."""
import glob
import importlib.util
import json
import os
import tarfile
import unittest

from program import SOURCE, CliTest, main

try:
    import numpy

    import content
except ImportError:
    content = None  # the classes that compare arrays are skipped

KEPT = os.path.join(SOURCE, "tests/data/format-1")
RUNS = ("complete", "complete-direct", "streams/stream-0000", "streams/stream-0001", "killed",
        "stopped")
MODELS = {  # and the hashes of their content
    "hub.bdh.h5": "ac0bdcf81f507cca0cd66aadaec5c63142c2f13f55afc1231f8575dce5a50628",
    "direct.bdh.h5": "3d79d2d40d3e9d4007840bf1f46a0d989d824515adac32c4f0785bb554319b39",
}
# State -> its model, and how it was made.
STATES = {
    "hub.state.h5": ("hub.bdh.h5", "--retention", 0.97),
    "hub-bf16.state.h5": ("hub.bdh.h5", "--synapses", "bf16"),
    "direct.state.h5": ("direct.bdh.h5",),
}
TEXT = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer"
BEGUN = 30  # tokens that the states and the complete runs have read


def each(option, values):
    return [part for value in values for part in (option, value)]


class Format1(CliTest):
    """Works in a folder of its own, which has a copy of what is kept."""
    archives = "*"

    @classmethod
    def setUpClass(cls):
        if importlib.util.find_spec("_lzma") is None:
            raise unittest.SkipTest("a Python without lzma cannot open the archives")

    def setUp(self):
        super().setUp()
        for archive in glob.glob(os.path.join(KEPT, f"{self.archives}.tar.xz")):
            with tarfile.open(archive) as packed:
                packed.extractall(self.folder)

    def good(self, *arguments, **more):
        return super().good(*arguments, cwd=self.folder, **more)

    def run_again(self, run, name):
        """The same run by this program, from its beginning to its end."""
        with open(self.path(run + "/run.json")) as f:
            result = json.load(f)
        stored = result["options"]
        options = ["--retention", stored["retention"]]
        for key in ("generate", "temperature", "seed"):
            options += ["--" + key, stored[key]]
        if stored["synapses"] != "float32":
            options += ["--synapses", stored["synapses"]]
        options += [*each("--record", stored["record"]), *each("--do", stored["interventions"])]
        text = self.path("whole text", bytes(stored["text"]) if "text" in stored else TEXT.encode())
        self.good("run", stored["model"], "--text-file", text, *options, "-o", name, "--quiet")
        return name

    def resumed(self, run):
        """Goes on to the end with a run that was interrupted; the same one, never interrupted."""
        whole = self.run_again(run, "whole " + run)
        self.path("text", TEXT.encode())
        place = os.path.join(run, "run.json")
        self.refused(1, "resume", run, "--quiet", cwd=self.folder, says=(
            f"{place}: a run by law of summation 1, expected 2, that of this program",
            "--other-summation goes on"))
        self.good("resume", run, "--quiet", "--other-summation")
        with open(self.path(place)) as f:
            result = json.load(f)
        self.assertEqual(result["summation"], 2)
        self.assertGreater(result["summation_changed"], 0)
        return whole


class Models(Format1):
    archives = "models-and-states"

    def test_hashes_are_those_that_were_written(self):
        for model, written in MODELS.items():
            self.assertEqual(self.json("info", model)["content_sha256"], written)
            self.assertTrue(self.json("info", model, "--check")["checked"])

    def test_commands_that_take_a_model(self):
        text = self.path("text", TEXT.encode())
        commands = (("info",), ("info", "--rounds"), ("plan",), ("devices",), ("stats",),
                    ("evaluate", "--text-file", text), ("activity", "--text-file", text),
                    ("run", "--text", "abc", "--generate", 2))
        for model in MODELS:
            for command, *options in commands:
                with self.subTest(model, command=command, options=options):
                    self.good(command, model, *options)
            for kind in ("degree", "weights", "matrix", "modularity", "graph"):
                with self.subTest(model, plot=kind):
                    self.good("plot", kind, model, "-o", "picture.svg", "--force")
            for suffix in ("graphml", "gexf", "csv", "mtx", "npz"):
                with self.subTest(model, export=suffix):
                    self.good("export", model, "-o", f"graph.{suffix}", "--force")
            self.good("export", model, "--format", "sonata", "-o", model + " sonata")

    def test_models_that_are_made_from_them(self):
        for command in (("merge", "hub.bdh.h5", "hub.bdh.h5"),
                        ("merge", "direct.bdh.h5", "direct.bdh.h5"),
                        ("slice", "hub.bdh.h5", "--heads", 1),
                        ("slice", "direct.bdh.h5", "--heads", 0),
                        ("reorder", "direct.bdh.h5"),
                        ("import", "hub.bdh.h5", "--circuit", "direct")):
            with self.subTest(command):
                self.good(*command, "-o", "made.bdh.h5", "--force")
                self.good("run", "made.bdh.h5", "--text", "abc")

    def test_a_graph_that_is_reordered_and_back_is_the_same(self):
        self.good("reorder", "direct.bdh.h5", "-o", "ordered.bdh.h5")
        self.good("reorder", "ordered.bdh.h5", "--by", "none", "-o", "back.bdh.h5")
        back = self.json("info", "back.bdh.h5")
        self.assertEqual(back["content_sha256"], MODELS["direct.bdh.h5"])


class States(Format1):
    archives = "models-and-states"

    def test_info(self):
        for state, (model, *_) in STATES.items():
            result = self.json("info", state)
            self.assertEqual((result["tokens"], result["model_sha256"]), (BEGUN, MODELS[model]))

    def test_a_run_goes_on_as_one_that_never_stopped(self):
        sampled = ("--generate", 12, "--temperature", 1, "--seed", 3)
        for state, (model, *made) in STATES.items():
            with self.subTest(state):
                whole = self.json("run", model, "--text", TEXT, *sampled, *made)
                rest = self.json("run", model, "--text", TEXT[BEGUN:], *sampled, "--state", state)
                self.assertEqual(whole["generated"], rest["generated"])

    def test_a_prompt_takes_them(self):
        for state, (model, *_) in STATES.items():
            script = f"load {state}\ntoken 65\ntop synapses\nsave again.h5\n"
            self.assertIn(b"token 30: 65", self.good("step", model, stdin=script.encode()).stdout)
            self.assertEqual(self.json("info", "again.h5")["tokens"], BEGUN + 1)


class Runs(Format1):
    def test_commands_that_take_a_run(self):
        commands = (("info",), ("inspect",), ("inspect", "--json"), ("activity",),
                    ("activity", "--json"), ("report", "-o", "report.html", "--force"),
                    ("export", "-o", "run.nwb", "--force"))
        for run in RUNS:
            for command, *options in commands:
                with self.subTest(run, command=command, options=options):
                    self.good(command, run, *options)
            recorded = () if run.startswith("streams") else ("raster", "synapse")
            for kind in ("rates", "sparsity", *recorded):
                with self.subTest(run, plot=kind):
                    self.good("plot", kind, run, "-o", "picture.svg", "--force")

    def test_they_give_what_they_gave(self):
        with open(os.path.join(KEPT, "expected.json")) as f:
            expected = json.load(f)
        for name, stored in expected.items():
            with self.subTest(name):
                script = stored.get("stdin", "").encode()
                text = self.good(*stored["arguments"], stdin=script).stdout
                if "file" in stored:
                    with open(self.path(stored["file"]), "rb") as written:
                        text = written.read()
                with open(os.path.join(KEPT, "expected", name), "rb") as kept:
                    self.assertEqual(text.decode(), kept.read().decode())

    def test_a_run_made_again_does_not_differ(self):
        for run in ("complete", "complete-direct"):
            same = self.good("diff", run, self.run_again(run, run + " again"))
            self.assertIn(b"laws 1 and 2", same.stdout)
        self.good("diff", "streams/stream-0001", "streams/stream-0001")

    def test_logits_are_expected_values(self):
        logits = "streams/stream-0000/logits.h5"
        self.good("verify", "hub.bdh.h5", logits, "--tolerance", 0)

    def test_repaired(self):
        for run, tokens in (("complete", 38), ("killed", 44), ("stopped", 33)):
            with self.subTest(run):
                result = self.json("repair", run, "-o", run + " repaired")
                self.assertEqual(result["tokens"], tokens)
                self.good("diff", run, run + " repaired")
        self.good("repair", "killed/events_x_2.h5", "-o", "events.h5")

    def test_a_resumed_run_does_not_differ_from_a_whole_one(self):
        for run in ("killed", "stopped"):
            whole = self.resumed(run)
            self.good("diff", run, whole)
            self.assertEqual(self.json("info", run)["tokens"], len(TEXT) + 8)


@unittest.skipIf(content is None, "no h5py or numpy")
class Content(Format1):
    """The arrays themselves: those that were kept, and those of the program under test."""

    def of_run(self, name):
        return content.run_content(self.path(name))

    def of_state(self, name):
        return content.state_content(self.path(name))

    def same(self, a, b):
        self.assertEqual(content.differing(a, b), [])

    def test_complete_runs(self):
        for run in ("complete", "complete-direct"):
            self.same(self.of_run(run), self.of_run(self.run_again(run, run + " again")))

    def test_streams(self):
        self.good("run", "hub.bdh.h5", "--text", "ROMEO:", "--generate", 8, "--temperature", 1,
                  "--seed", 5, "--streams", 2, "--record", "logits", "-o", "again", "--quiet")
        self.same(self.of_run("streams"), self.of_run("again"))

    def test_states(self):
        for state, (model, *made) in STATES.items():
            with self.subTest(state):
                if state == "hub.state.h5":  # with a probe
                    made += ["--record", "synapses:3->7", "-o", "left-out"]
                self.good("run", model, "--text", TEXT[:BEGUN], *made, "--seed", 3, "--quiet",
                          "--save-state", "again.h5")
                self.same(self.of_state(state), self.of_state("again.h5"))

    def test_a_state_goes_on_to_the_same_synapses(self):
        more = ("--seed", 3, "--quiet", "--save-state")
        for state, (model, *made) in STATES.items():
            with self.subTest(state):
                self.good("run", model, "--text", TEXT, *made, *more, "whole.h5")
                self.good("run", model, "--text", TEXT[BEGUN:], "--state", state, *more, "rest.h5")
                whole, rest = self.of_state("whole.h5"), self.of_state("rest.h5")
                probes = {name for name in rest if name.startswith("probes ")}
                self.assertEqual(bool(probes), state == "hub.state.h5")
                self.assertEqual(set(content.differing(whole, rest)), probes)

    def test_resumed_runs_are_whole_ones(self):
        for run in ("killed", "stopped"):
            with self.subTest(run):
                whole = self.resumed(run)
                self.same(self.of_run(run), self.of_run(whole))

    def test_a_difference_is_noticed(self):
        kept = self.of_run("complete")
        for name in ("logits/values", "token", "surprisal", "synapses_1/values",
                     "events_x_1/values"):
            changed = numpy.array(kept[name])
            changed.reshape(-1).view(numpy.uint8)[-1] ^= 1
            self.assertEqual(content.differing(kept, {**kept, name: changed}), [name])


if __name__ == "__main__":
    main()
