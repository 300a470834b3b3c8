"""A graph of ours in NEST: the script that bdh export writes makes the same neurons and
connections, and they run."""
import importlib.util
import json
import os
import subprocess
import sys

import h5py
import nest
from program import CliTest, main


class Nest(CliTest):
    def test_nest_has_every_edge(self):
        model, folder = self.path("m.bdh.h5"), self.path("circuit")
        self.good("new", "small-world", "--neurons", 200, "--degree", 10, "-o", model)
        self.good("export", model, "-o", folder, "--format", "nest")
        script = os.path.join(folder, "run_in_nest.py")
        spec = importlib.util.spec_from_file_location("run_in_nest", script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        nest.ResetKernel()
        neurons = module.load(scale=2.0)
        found = nest.GetConnections().get(["source", "target", "weight", "delay"])
        first = neurons[0].global_id
        expected = {}
        with h5py.File(model) as f:
            for sign, name in ((1, "gx_excitatory"), (-1, "gx_inhibitory")):
                g = f["projections/" + name]
                self.assertEqual(g.attrs["encoding-type"], b"csc_matrix")
                for source in range(200):
                    for k in range(*map(int, g["indptr"][source:source + 2])):
                        expected[source, int(g["indices"][k])] = sign * 2.0 * float(g["data"][k])
        self.assertEqual({(s - first, t - first): w for s, t,
                          w in zip(found["source"], found["target"], found["weight"])}, expected)
        self.assertEqual(set(found["delay"]), {1.0})
        self.assertTrue(any(w < 0 for w in expected.values()))

        done = subprocess.run([sys.executable, "-B", script, "50"], capture_output=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.decode().splitlines()[-1])
        self.assertEqual(result["neurons"], 200)
        # and those of the generator and the recorder
        self.assertEqual(result["connections"], len(expected) + 2 * 200)
        self.assertGreater(result["spikes"], 0)

    def test_a_window_of_spikes_gives_nest_the_same_potentials(self):
        scales, run, target = self.path("scales.json"), self.path("run"), self.path("window.json")
        self.good("spike-scales", self.random, "--text", "hello world", "-o", scales)
        self.good("run", self.random, "--text", "hello", "-o", run, "--quiet", "--spikes", "32",
                  "--spike-hubs", "--spike-scales", scales, "--record", "spikes:all")
        for name in ("w:2@4", "y:3@4"):
            self.good("export", run, "--nest", name, "-o", target, "--force")
            with open(target) as f:
                window = json.load(f)
            self.assertGreater(len(window["sources"]), 0)
            nest.ResetKernel()
            nest.resolution = 0.1
            neurons = nest.Create("iaf_psc_delta", window["targets"], {
                "E_L": 0.0, "V_m": 0.0, "V_reset": 0.0, "V_th": 1e9, "tau_m": 1e9, "t_ref": 0.1})
            for source in window["sources"]:
                train = nest.Create("spike_generator", params={"spike_times": source["times_ms"]})
                for k, weight in zip(source["targets"], source["weights_mv"]):
                    nest.Connect(train, neurons[k], syn_spec={"weight": weight, "delay": 1.0})
            nest.Simulate((window["bins"] + 2) * window["dt_ms"])
            largest = max(abs(v) for v in window["v_m_at_the_end"])
            for found, expected in zip(neurons.V_m, window["v_m_at_the_end"]):
                self.assertAlmostEqual(found, expected, delta=1e-5 * largest)


if __name__ == "__main__":
    main()
