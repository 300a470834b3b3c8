// Why a neuron fires: what reaches it over each edge of a circuit, and that these contributions are
// its drive.
//
//     X^e(k) - X^i(k) = sum over sources j of Gx(j->k) W(j)
//     Y^e(k) - Y^i(k) = sum over sources j of Gy(j->k) A(j)
//
// A with its gain, where the dynamics has one.
//
// Explicit edges are listed as they are. Through hubs, Gx(j->k) is computed from the factors; of A
// only what the hubs carry is known, so contributions to Y are those of hubs, with the weights of
// dy.
#pragma once

#include <optional>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

#include "core/simulation/simulator.hpp"

namespace bdh {

struct weighted_edge {
  neuron_id end = 0;  // the other end: a source, or a neuron
  double weight = 0;  // negative: inhibitory
};

// The edges of a circuit into a neuron, by source, and out of a source, by neuron, each ascending.
// Through hubs: every pair, as the factors give it. Both throw input_error out of range.
std::vector<weighted_edge> edges_into(const model& m, circuit c, neuron_id neuron);
std::vector<weighted_edge> edges_from(const model& m, circuit c, neuron_id source);

struct contribution {
  neuron_id source;  // a neuron or sensory node; a hub in drive_of_y() of circuits through hubs
  double weight, activity;  // of the edge; W or A of the source
  double value() const noexcept { return weight * activity; }
};

// Interventions included: edges that are cut bring nothing, inhibition is scaled.
struct drive {
  std::vector<contribution> terms;  // those that are not 0, the largest first
  double excitatory = 0,
         inhibitory = 0;       // sums of the terms above 0, and of those below, as a value >= 0
  double injected = 0;         // by `stimulate`
  std::optional<double> held;  // X or Y is this instead, by `clamp`, `silence` or `lesion`
  double total() const noexcept { return excitatory - inhibitory + injected; }
};

// What drives X(k) of a layer: X_l(k) = (total)_+, or X_{l-1}(k) + (total)_+. To be called between
// round 3 and round 2 of that layer, while W is what drives it. Through hubs W must be followed,
// else unavailable_error.
drive drive_of_x(const simulator& brain, layer_id layer, neuron_id neuron);

// What drives Y(k): Y_l(k) = (total)_+ X_l(k). To be called between round 0 of the layer and round
// 0 of the next.
drive drive_of_y(const simulator& brain, layer_id layer, neuron_id neuron);

}  // namespace bdh
