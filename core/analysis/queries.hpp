// What an experiment shows of a model: activity, its causes, synapses and edges, as values. Nothing
// here changes a bit of what the experiment reads later.
//
// "The last token" is the one that the experiment began last, complete or still being read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/analysis/drive.hpp"
#include "core/analysis/experiment.hpp"

namespace bdh {

// The moment of a layer from which on a variable has its value.
moment moment_of(variable v) noexcept;

// The last layer that has reached this moment in the last token. Throws input_error at `place`
// where no token has been read or none of its layers has come so far.
layer_id last_layer(const experiment& e, moment at, const std::string& place);
// The same, or the layer that is wanted; throws input_error where the last token has not reached
// it.
layer_id reached_layer(const experiment& e, std::optional<layer_id> wanted, moment at,
                       const std::string& place);
std::uint64_t last_position(const experiment& e);  // of the last token

// ---- activity

// X, Y or A as simulator::read() gives them, W of every source, in a layer that the last token has
// reached (reached_layer()): values as of moment_of(v).
std::vector<float> activity(const experiment& e, variable v, layer_id layer);

// X, Y or A of a layer over the last `tokens` complete tokens, one row each. No token may be open.
std::vector<std::vector<float>> activity_history(const experiment& e, variable v, layer_id layer,
                                                 std::uint64_t tokens);

// Why X or Y of a neuron has its value.
struct explanation {
  float value;
  float other;  // for X: X of the layer before, 0 in layer 1; for Y: X, which multiplies the drive
  drive cause;
};
explanation explain_x(const experiment& e, neuron_id neuron, layer_id layer);
explanation explain_y(const experiment& e, neuron_id neuron, layer_id layer);

// ---- synapses

struct synapse_strength {
  layer_id layer;
  neuron_id neuron, target;  // a source; through hubs, a hub
  double before, now;        // the last token; before: 0 unless a query says so
};
// The largest, by absolute value; of equal ones, the first by layer, neuron and target.
struct ranked_synapses {
  std::uint64_t nonzero = 0;  // how many are not 0, or have changed
  std::vector<synapse_strength> largest;
};

// Synapses of a layer, or of all, by strength.
ranked_synapses strongest_synapses(const experiment& e, std::optional<layer_id> layer,
                                   std::size_t count);
// By their change in the last token, with the strengths before it.
ranked_synapses changed_synapses(const experiment& e, const simulator& before,
                                 std::optional<layer_id> layer, std::size_t count);
// Strengths of probed pairs (experiment::ensure_probed) after each of the last `tokens` complete
// tokens, one row for each spec.
std::vector<std::vector<double>> strength_history(const experiment& e,
                                                  std::span<const probe_spec> specs,
                                                  std::uint64_t tokens);

// ---- neighbours

struct ranked_edges {
  std::uint64_t nonzero = 0;
  std::vector<weighted_edge> largest;  // by absolute weight; of equal ones, the first by its end
};
struct neighborhood {
  ranked_edges gx_in, gx_out, gy_in, gy_out;
  std::uint64_t synapses_per_layer = 0;        // of the neuron, outgoing
  ranked_synapses synapses_out;                // of all layers
  std::optional<ranked_synapses> synapses_in;  // explicit edges only
};
// The `count` largest of each kind.
neighborhood neighbors(const experiment& e, neuron_id neuron, std::size_t count);

}  // namespace bdh
