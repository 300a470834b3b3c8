// A model through hubs as explicit edges: Gx = Dx C B and Gy = Dy C B, with B = [e | sensory] over
// all sources, the neurons and then the sensory nodes. Complete it is the same model; pruned it is
// a sparse graph that behaves much like it.
//
//     // core/analysis/calibration.hpp
//     const bdh::calibration seen = bdh::calibrate(hubs, windows, true);
//     bdh::direct_form form =
//         bdh::as_direct(hubs, {.keep_gx = 0.1, .keep_gy = 0.1, .keep_gs = 0.1}, &seen);
//     bdh::simulator brain(form.graph, bdh::cpu_engine(form.graph));
#pragma once

#include <functional>
#include <vector>

#include <bdh/model.hpp>

namespace bdh {

// What the sources and synapses of a model did while it read a text: the sums that pruning ranks
// by. Taken over every layer of every token, with W as it drives Gx and is written into synapses.
struct calibration {
  std::vector<double> w;  // (sources) mean square of W(j)
  // (neurons x sources) sum of W(j) X(i) for the synapse i -> j; empty when it was not requested.
  array<float> pairs;
};

enum class ranking {
  activity,  // |G(j->k)| times the root of (mean square of W(j) + a tenth of its mean over all
             // sources), of Gx and Gy alike
  magnitude  // |G(j->k)|
};

struct direct_options {
  double keep_gx = 1, keep_gy = 1, keep_gs = 1;  // shares of all pairs, 0 < share <= 1
  // Of circuits; synapses have no weight, and go by their sum of W(j) X(i).
  ranking rank = ranking::activity;
  // Of a circuit, each time it is computed; may throw, to stop.
  std::function<void()> after_row = {};
};

struct direct_form {
  model graph;
  edge_id synapses_kept;   // by their rank, plasticity rate 1
  edge_id partners_added;  // at rate 0, because rotation mixes the synapses of a pair of neurons
};

// Weights are computed in double, row by row, and stored in float32; pairs whose weight is 0 have
// no edge. A pruned circuit has the `share` of its pairs that rank highest, excitatory and
// inhibitory ones together, of equal ones those that come first. The hubs stay as the pool that
// gives the gains, and for the readout; they are never pruned. origin().inferred gets a line about
// it. Throws input_error for a share out of range, a model that is direct already, or a pruning
// that needs a calibration that is not there; shape_error for the calibration of another model.
direct_form as_direct(const model& hubs, const direct_options& options = {},
                      const calibration* seen = nullptr);

}  // namespace bdh
