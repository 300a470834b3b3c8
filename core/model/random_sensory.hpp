// Which neurons a token drives, drawn at random.
#pragma once

#include <cstdint>

#include <bdh/projection.hpp>

namespace bdh {

// Edges sensory node -> neuron of weight 1: `each` different ones of the neurons for every token,
// 1 <= each <= neurons. Throws input_error above 1e9 edges.
projection random_sensory(std::uint64_t each, std::uint64_t seed, neuron_id vocabulary,
                          neuron_id neurons);

}  // namespace bdh
