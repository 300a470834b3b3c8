// The small types that everything shares. Neuron numbers are 32-bit, edge numbers 64-bit (a graph
// may have more than 2^32 edges).
#pragma once

#include <compare>
#include <cstdint>

namespace bdh {

// Also numbers hubs, sensory nodes, readout nodes: a position in its population.
using neuron_id = std::uint32_t;
using edge_id = std::uint64_t;  // a position in a projection's arrays; never changes
using site_id = std::uint32_t;
using layer_id = std::uint32_t;  // 1..L, as in the paper
using head_id = std::uint32_t;   // 0..heads-1
using token_id = std::uint32_t;

// Source -> target. On the side where it may be a source (the target of a synapse, the origin of a
// circuit's edge), n + t is the sensory node of token t, in models where sensory nodes are sources.
struct neuron_pair {
  neuron_id pre = 0, post = 0;
  friend auto operator<=>(const neuron_pair&, const neuron_pair&) = default;
};

enum class circuit { gx, gy };

// A state variable; bdh/state.hpp has the list of a model's.
enum class variable {
  x,          // of the layer last computed
  y,          // the same
  w,          // hubs: W as they carry it, (C) B W; direct circuits: W of every source
  a,          // hubs: A as they carry it, gain applied; direct circuits: A of every source
  clock,      // decays so far: tokens, in the published round table
  last_used,  // clock at the last write
  synapses    // strengths in the rotating frame, of the time last_used (bdh/state.hpp)
};

// Vector instructions of a CPU, from the fewest to the most; best: the most that can be used here.
enum class instruction_set { best, plain, avx2, avx512 };

}  // namespace bdh
