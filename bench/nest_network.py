"""nest_network.py TARGETS.npy ACTIVITY SYNAPSE: a network of NEST with plastic synapses, for
bench/run.py.

TARGETS (neurons x degree): the targets of every neuron. Neurons integrate a constant current
without a leak from a random start, and so fire once every 1 / ACTIVITY steps of 1 ms, each step
the same share of them; what arrives at them is too weak to matter. SYNAPSE is the model of the
plastic synapses. Says when it is ready; then simulates as many steps as each line of standard
input says, on one thread, and prints the seconds and the spikes that synapses delivered."""
import json
import sys
import time

import numpy as np
import nest

targets, activity, synapse = np.load(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
count, degree = targets.shape
period = round(1 / activity)

nest.verbosity = nest.VerbosityLevel.ERROR
nest.ResetKernel()
nest.resolution = 1.0
nest.local_num_threads = 1
begin = time.monotonic()
# 1 mV a step from a reset at 0 to a threshold at `period` mV.
neurons = nest.Create("iaf_psc_delta", count, {"E_L": 0.0, "V_reset": 0.0, "V_th": float(period)
                                               - 0.5, "tau_m": 1e9, "C_m": 1.0, "I_e": 1.0,
                                               "t_ref": 1.0})
neurons.V_m = np.random.default_rng(1).uniform(0, period - 0.5, count)
plastic = {"weight": np.full(targets.size, 1e-9), "delay": np.full(targets.size, 1.0)}
if synapse == "stdp_synapse":
    plastic["Wmax"] = np.full(targets.size, 2e-9)
else:  # what all synapses share is set once
    nest.SetDefaults(synapse, {"Wmax": 2e-9})
nest.Connect(np.repeat(np.arange(1, count + 1, dtype=np.uint64), degree),
             targets.astype(np.uint64).ravel() + 1, "one_to_one",
             {"synapse_model": synapse, **plastic})
nest.Simulate(2 * period)  # every neuron has fired
print(json.dumps({"ready": True, "seconds": time.monotonic() - begin,
                  "synapses": nest.num_connections, "version": nest.__version__}), flush=True)
for line in sys.stdin:
    begin = time.monotonic()
    nest.Simulate(float(line))
    seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "events": int(nest.local_spike_counter) * degree}),
          flush=True)
