"""Activity that travels as spikes: the bits of the program, trains as arrays, tables and objects of
Neo and Elephant."""
import importlib.util
import os
import sys
import tempfile
import unittest

import bdhsim as bs
import numpy as np
from support import TEXT, Models, program

models = Models()
SHORT = TEXT[:12]


def spiking(file=None, **settings):
    m = bs.load(file or models.small)
    return bs.Simulator(m, spike_scales=bs.spike_scales(m, TEXT), **{"spikes": 8, **settings})


def without(*packages):
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        print(f"skipped: trains of {', '.join(packages)}: {', '.join(missing)}: not installed")
    return bool(missing)


class Spikes(unittest.TestCase):
    def test_bits_and_trains_are_those_of_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            def at(name):
                return os.path.join(folder, name)

            for name, file, options, settings in (
                    ("hubs", models.small, ("--spike-hubs", "--spike-dt", "2"),
                     {"spike_hubs": True, "spike_dt": 2}),
                    ("direct", models.direct, ("--spike-code", "integrate", "--spike-pair", "all"),
                     {"spike_code": "integrate", "spike_pair": "all"})):
                scales = at(name + ".json")
                program("spike-scales", file, "--text", TEXT, "-o", scales)
                program("run", file, "--text", SHORT, "--spikes", "8", "--spike-scales", scales,
                        "--seed", "3", "--record", "spikes:0-9", "--record", "logits", "--record",
                        "x:0-9", "-o", at(name), *options)
                run = bs.open_run(at(name))
                for of in (scales, bs.spike_scales(bs.load(file), TEXT)):
                    brain = bs.Simulator(file, spikes=8, spike_scales=of, seed=3, threads=2,
                                         **settings)
                    out = brain.read(SHORT, keep=["logits", "x"], trains="0-9")
                    self.assertEqual(out.logits.tobytes(), run.logits()[1].tobytes())
                    self.assertEqual(brain.spikes, run.options["spikes"])
                    for live, recorded in ((out.trains, run.trains),
                                           (out.trains.hubs, run.trains.hubs),
                                           (out.trains.axons, run.trains.axons)):
                        self.assertEqual(live is None, recorded is None)
                        if live is None:
                            continue
                        for part in "times", "nodes", "variables", "bins", "neurons":
                            self.assertEqual(getattr(live, part).tolist(),
                                             getattr(recorded, part).tolist(), (name, part))
                        self.assertEqual((live.start_ms, live.stop_ms),
                                         (recorded.start_ms, recorded.stop_ms))
                self.assertEqual(out.trains.hubs is not None, name == "hubs")
                self.assertEqual(out.trains.axons is not None, name == "direct")
                self.assertEqual(run.tokens["spikes_x"].tolist(), out.spikes["x"].tolist())

    def test_trains_are_what_was_counted(self):
        brain = spiking(spikes={"x": 8, "y": 16})
        brain.read("ab")
        out = brain.read(SHORT, trains=slice(None))
        trains, table = out.trains, out.trains.to_pandas()
        self.assertEqual(trains.start_ms, 2 * trains.token_ms)
        self.assertEqual(trains.stop_ms, (2 + len(SHORT)) * trains.token_ms)
        self.assertTrue((np.diff(trains.times) >= 0).all())
        for variable in "x", "y":
            of = table[table["variable"] == variable]
            self.assertEqual(of.groupby("position").size().reindex(out.positions,
                                                                   fill_value=0).tolist(),
                             out.spikes[variable].tolist())
            # Neurons that had one, in layer 2.
            second = of[of["layer"] == 2].groupby("position")["neuron"].nunique()
            self.assertEqual(second.reindex(out.positions, fill_value=0).tolist(),
                             out.spikes["spiking_" + variable][:, 1].tolist())
        self.assertEqual(set(zip(table["variable"], table["round"])), {("x", 0), ("y", 2)})
        self.assertFalse(table.duplicated(["time_ms", "neuron", "variable"]).any())
        busy = int(table["neuron"].mode()[0])
        self.assertEqual(trains.of(busy).tolist(),
                         table.loc[table["neuron"] == busy, "time_ms"].tolist())
        report = brain.step("x")
        self.assertEqual(report.spikes["spiking_x"].shape, (brain.model.layers,))
        self.assertGreater(report.spikes["x"], 0)

    def test_nothing_that_is_read_or_taken_back_draws(self):
        plain = spiking(seed=5).read(SHORT, keep="logits").logits
        self.assertNotEqual(plain.tobytes(),
                            spiking(seed=6).read(SHORT, keep="logits").logits.tobytes())
        watched = spiking(seed=5, history=True)
        watched.read(SHORT[:5])
        watched.step("?")
        watched.undo()
        rest = watched.read(SHORT[5:], keep="logits").logits
        self.assertEqual(rest.tobytes(), plain[5:].tobytes())
        first = spiking(seed=5)
        second = first.new_stream()
        first.read("other")
        self.assertEqual(second.read(SHORT, keep="logits", trains=[1]).logits.tobytes(),
                         plain.tobytes())
        self.assertEqual(second.spikes, first.spikes)
        self.assertIsNone(bs.Simulator(models.small).spikes)
        self.assertIsNone(bs.Simulator(models.small).step("a").spikes)
        silenced = spiking(seed=5)
        silenced.intervene("silence x:0-9")
        trains = silenced.read(SHORT, trains=range(20)).trains
        self.assertFalse(((trains.nodes < 10) & (trains.variables == "x")).any())
        self.assertTrue((trains.variables == "x").any())

    def test_recorded_by_the_module(self):
        with tempfile.TemporaryDirectory() as folder:
            brain = spiking(spike_dt=0.5)
            brain.step("a")
            with brain.record(os.path.join(folder, "run"), spikes=[1, 5, 9]):
                out = brain.read(SHORT, trains=[9, 5, 1, 5])
            run = bs.open_run(os.path.join(folder, "run"))
            self.assertEqual(run.trains.times.tolist(), out.trains.times.tolist())
            self.assertEqual(run.trains.neurons.tolist(), [1, 5, 9])
            self.assertEqual(run.trains.start_ms, out.trains.token_ms)

    def test_neo(self):
        if without("neo"):
            return
        trains = spiking().read(SHORT, trains=range(12)).trains
        segment = trains.to_neo()
        self.assertEqual(len(segment.spiketrains), 12)
        for neuron, train in enumerate(segment.spiketrains):
            self.assertEqual(train.rescale("ms").magnitude.tolist(), trains.of(neuron).tolist())
            self.assertEqual(train.annotations["neuron"], neuron)
            self.assertEqual(len(train.array_annotations["variable"]), len(train))
            self.assertAlmostEqual(float(train.t_stop.rescale("s")), trains.stop_ms / 1000)

    def test_elephant(self):
        if without("neo", "elephant"):
            return
        from elephant.statistics import mean_firing_rate
        trains = spiking(spikes="x=8").read(SHORT, trains=range(12)).trains
        binned = trains.to_elephant()
        found = binned.to_array()
        expected = np.zeros_like(found)
        np.add.at(expected, (trains.nodes, trains.bins.astype(int)), 1)
        self.assertTrue(np.array_equal(found, expected))
        rate = mean_firing_rate(trains.to_neo().spiketrains[3])
        self.assertAlmostEqual(float(rate.rescale("1/ms")), len(trains.of(3)) / trains.stop_ms)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
