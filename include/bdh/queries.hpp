// What an experiment shows of a model: activity, its causes, synapses and edges, as values, as text
// and as JSON. Nothing here changes a bit of what the experiment reads later.
//
// "The last token" is the one that the experiment began last, complete or still being read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/experiment.hpp>
#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh {

// ---- What drives a neuron

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

// ---- The last token of an experiment

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

// Values of a layer in the last token.
struct shown_values {
  variable what = variable::x;
  layer_id layer = 0;
  std::uint64_t position = 0;        // of the token
  std::size_t active = 0, size = 0;  // how many values are not 0; all
  struct entry {
    std::size_t at;  // as activity() has them: of A, head * (sources or hubs) + its number there
    float value;
  };
  std::vector<entry> entries;
};
// The `count` largest by absolute value; of equal ones, the first.
shown_values show(const experiment& e, variable v, layer_id layer, std::size_t count);
// Those of these neurons, as they are listed; of A over explicit edges, of every head. Throws
// unavailable_error for A through hubs, which is that of hubs.
shown_values show(const experiment& e, variable v, layer_id layer,
                  std::span<const neuron_id> neurons);

// Why X or Y of a neuron has its value.
struct explanation {
  variable what = variable::x;
  neuron_id neuron = 0;
  layer_id layer = 0;
  std::uint64_t position = 0;  // of the token
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
  std::optional<std::uint64_t> changed_by;  // position of the token; nothing: by strength
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
  neuron_id neuron = 0;
  ranked_edges gx_in, gx_out, gy_in, gy_out;
  std::uint64_t synapses_per_layer = 0;        // of the neuron, outgoing
  ranked_synapses synapses_out;                // of all layers
  std::optional<ranked_synapses> synapses_in;  // explicit edges only
};
// The `count` largest of each kind.
neighborhood neighbors(const experiment& e, neuron_id neuron, std::size_t count);

// ---- as text and as JSON

// Lines as `bdh step` shows them: nodes by their names, where they have some, and numbers of 6
// digits. Of an explanation, the `terms` largest contributions.
std::string as_text(const model& m, const shown_values& shown);
std::string as_text(const model& m, const explanation& why, std::size_t terms);
std::string as_text(const model& m, const ranked_synapses& found);
std::string as_text(const model& m, const neighborhood& found);

// One JSON object, with everything that the value has: numbers to the last digit, nodes by their
// ids, and by their names where they have some.
std::string as_json(const model& m, const shown_values& shown);
std::string as_json(const model& m, const explanation& why);
std::string as_json(const model& m, const ranked_synapses& found);
std::string as_json(const model& m, const neighborhood& found);

}  // namespace bdh
