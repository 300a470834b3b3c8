"""What Simulator reads has the bits of `bdh run`: recordings compared value by value, states
resumed across the two."""
import os
import sys
import tempfile
import unittest

import bdhsim as bs
import h5py
import numpy as np
from support import TEXT, Models, program

models = Models()


def datasets(folder):
    """Every number of every recording of a run, by file and dataset."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".h5"):
            continue
        with h5py.File(os.path.join(folder, name), "r") as file:
            def visit(path, item):
                if isinstance(item, h5py.Dataset):
                    found[f"{name}:{path}"] = item[()]
            file.visititems(visit)
    return found


class Bits(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name
        self.addCleanup(self._folder.cleanup)

    def expect_same(self, model, *options, perturb=(), text=TEXT, **settings):
        theirs, ours = (os.path.join(self.folder, n) for n in ("theirs", "ours"))
        does = [part for p in perturb for part in ("--do", p)]
        program("run", model, "--text", text, "-o", theirs, "--record", "events", "--record",
                "logits", "--record", "synapses:random:20@1", *does, *options)
        brain = bs.Simulator(model, **settings)
        if perturb:
            brain.intervene(*perturb)
        with brain.record(ours, logits=True, synapses="random:20@1"):
            brain.read(text)
        expected, found = datasets(theirs), datasets(ours)
        self.assertEqual(sorted(expected), sorted(found))
        self.assertGreater(len(expected), 5)
        for name, values in expected.items():
            self.assertEqual(values.tobytes(), found[name].tobytes(), name)
        self.assertIn("no difference", program("diff", theirs, ours).lower())
        return brain

    def test_through_hubs(self):
        self.expect_same(models.trained)

    def test_explicit_edges(self):
        self.expect_same(models.direct)

    def test_threads_and_sites(self):
        self.expect_same(models.trained, threads=2, sites=3)

    def test_retention(self):
        self.expect_same(models.small, "--retention", "0.97", retention=0.97)

    def test_interventions(self):
        self.expect_same(models.small, perturb=["silence x:5-9 tokens 3-20",
                                                "stimulate y:7 0.25 every 5 for 2",
                                                "noise x:1-20 gaussian 0 0.1 seed 3"])

    def test_interventions_on_edges(self):
        self.expect_same(models.direct, perturb=["clamp x:3 0.5 from 4", "freeze tokens 10-20"])

    def test_bfloat16(self):
        self.expect_same(models.trained, "--weights", "bf16", "--synapses", "bf16", "--seed", "5",
                         weights="bf16", synapses="bf16", seed=5)

    def test_generated(self):
        out = os.path.join(self.folder, "run")
        program("run", models.trained, "--text", TEXT, "--generate", "30", "--temperature", "0.8",
                "--top-k", "20", "--seed", "4", "-o", out)
        brain = bs.Simulator(models.trained)
        brain.read(TEXT)
        made = [t.token for t in brain.generate(30, temperature=0.8, top_k=20, seed=4)]
        self.assertEqual(made, bs.open_run(out).token_ids[len(TEXT):].tolist())

    def test_streams(self):
        first = bs.Simulator(models.trained)
        second = first.new_stream()
        texts = TEXT[:20], TEXT[20:40]
        for a, b in zip(*texts):
            reports = bs.step_streams({first: a, second: b})
        self.assertEqual([r.position for r in reports.values()], [19, 19])
        for brain, text in zip((first, second), texts):
            alone = bs.Simulator(models.trained)
            alone.read(text)
            self.assertEqual(alone.logits.tobytes(), brain.logits.tobytes())
            for a, b in zip(alone.save().layers, brain.save().layers):
                self.assertEqual(a["synapses"].tobytes(), b["synapses"].tobytes())

    def test_state_of_the_module_resumed_by_the_program(self):
        state = os.path.join(self.folder, "state.bdh.h5")
        brain = bs.Simulator(models.small)
        brain.read(TEXT)
        brain.save().save(state)
        out = os.path.join(self.folder, "run")
        program("run", models.small, "--state", state, "--text", TEXT, "-o", out, "--record",
                "logits")
        kept = brain.read(TEXT, keep="logits")
        self.assertEqual(bs.open_run(out).logits()[1].tobytes(), kept.logits.tobytes())

    def test_state_of_the_program_resumed_by_the_module(self):
        state = os.path.join(self.folder, "state.bdh.h5")
        for model in models.small, models.direct:
            program("run", model, "--text", TEXT, "--save-state", state)
            brain = bs.Simulator(model)
            brain.restore(bs.load_state(state, brain.model))
            expected = bs.Simulator(model)
            expected.read(TEXT)
            self.assertEqual(brain.tokens, len(TEXT))
            self.assertEqual(brain.read(TEXT, keep="x").x.tobytes(),
                             expected.read(TEXT, keep="x").x.tobytes())
            os.remove(state)

    def test_with_a_history(self):
        plain, kept = bs.Simulator(models.small), bs.Simulator(models.small, history=True)
        a, b = (s.read(TEXT, keep=["x", "y", "logits"]) for s in (plain, kept))
        for name in ("x", "y", "logits"):
            self.assertEqual(getattr(a, name).tobytes(), getattr(b, name).tobytes(), name)
        self.assertEqual(a.surprisal.tobytes(), b.surprisal.tobytes())

    def test_round_by_round(self):
        whole, parts = bs.Simulator(models.small), bs.Simulator(models.small)
        for token in TEXT[:8]:
            whole.step(token)
            marks = [(r.layer, r.moment) for r in parts.rounds(token)]
        self.assertEqual(len(marks), 4 * whole.model.layers)
        self.assertEqual(marks[0], (1, "x_ready"))
        self.assertEqual(marks[-1], (whole.model.layers, "y_ready"))
        self.assertEqual(whole.logits.tobytes(), parts.logits.tobytes())

    def test_kept_values_are_those_of_the_events(self):
        out = os.path.join(self.folder, "run")
        brain = bs.Simulator(models.small)
        with brain.record(out):
            kept = brain.read(TEXT, keep=["x", "y"])
        run = bs.open_run(out)
        for name in ("x", "y"):
            for layer in range(1, run.layers + 1):
                events = run.events(name, layer)
                dense = np.zeros((len(TEXT), run.neurons), dtype=np.float32)
                dense[events["position"], events["neuron"]] = events["value"]
                values = getattr(kept, name)[:, layer - 1]
                self.assertTrue(np.array_equal(dense, values), (name, layer))
                self.assertTrue((values != 0).any())


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
