// The integer types that everything shares. Neuron numbers are 32-bit, edge numbers 64-bit (a graph may have more than 2^32 edges).
#pragma once

#include <cstdint>

namespace bdh {

using neuron_id = std::uint32_t;  // also numbers hubs, sensory nodes, readout nodes: a position in its population
using edge_id = std::uint64_t;    // a position in a projection's arrays; never changes
using site_id = std::uint32_t;
using layer_id = std::uint32_t;  // 1..L, as in the paper
using head_id = std::uint32_t;   // 0..heads-1
using token_id = std::uint32_t;

}  // namespace bdh
