// Strengths of synapses before the first token, from a CSV file.
#pragma once

#include <filesystem>
#include <vector>

#include <bdh/model.hpp>

namespace bdh {

struct initial_synapses {
  layer_id layer = 0;
  std::vector<edge_id> edges;  // of gs, ascending
  std::vector<float> values;
};

// Columns `source`, `target` (a neuron, or token:K where tokens are sources: the synapse leads from
// the first to the second) and `strength`; `layer`, where strengths differ between layers: empty
// means all. Synapses that are not listed are 0. For a model with explicit edges; throws
// unavailable_error for another, input_error for another column, for what is no synapse of the
// model and for one that is listed twice.
std::vector<initial_synapses> read_initial_synapses(const std::filesystem::path& file,
                                                    const model& m);

}  // namespace bdh
