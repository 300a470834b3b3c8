// The course of a neuron or a synapse over the tokens of a recorded run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/run_reader.hpp"

namespace bdh {

struct time_series {
  std::string file;  // the recording that it is from
  quantity what = quantity::x;
  layer_id layer = 0;
  std::uint64_t since = 0;               // of a probe: it knows nothing of the tokens before
  std::vector<std::uint64_t> positions;  // ascending
  std::vector<float>
      values;  // of each; NaN: not known (not among the largest, which is all that was recorded)
};

// X and Y of a neuron, layer by layer, X first; of each the course with the most known values among
// the recordings that have it. `layer`: only this one. Nothing where nothing was recorded.
std::vector<time_series> neuron_series(const run_reader& run, neuron_id neuron,
                                       std::optional<layer_id> layer);

// neuron -> source, or neuron -> hub.
struct synapse_name {
  neuron_id pre = 0, post = 0;
  bool to_hub = false;
};
// The same for the strength of a synapse. `m`: without it, synapses of sparse graphs are found only
// where they were requested one by one, not in snapshots and top lists. `by_y`: those of probes
// by factor Y, and only those.
std::vector<time_series> synapse_series(const run_reader& run, const synapse_name& synapse,
                                        const model* m, std::optional<layer_id> layer,
                                        bool by_y = false);
// The same for the amplitude of the synapses of a neuron and of its rotation partner, the root of
// the sum of their squares, in layers and at positions where both are known. Throws
// unavailable_error for a model without rotation; empty where one of the two was not recorded.
std::vector<time_series> amplitude_series(const run_reader& run, const synapse_name& synapse,
                                          const model& m, std::optional<layer_id> layer,
                                          bool by_y = false);

}  // namespace bdh
