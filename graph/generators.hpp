// Random and regular graphs as sets of directed edges: no duplicates, no self-loops, the same for
// the same seed everywhere.
//
//   erdos-renyi  every edge exists with probability K / (N - 1)
//   small-world  ring, then a share of the edges is moved to a random end (Watts and Strogatz 1998)
//   scale-free   out-degrees follow a power law with exponent 3 (PLOD), ends are uniform
//   blocks       communities of equal size; a share of the edges leads out of its own (stochastic
//                blocks)
//   ring         every neuron and its K nearest: K/2 on each side, an odd one ahead
//   complete     every pair
//
// Boost.Graph makes the first three and the ring.
#pragma once

#include <cstdint>
#include <string_view>

#include <bdh/ids.hpp>

#include "core/base/random.hpp"
#include "graph/edge_set.hpp"

namespace bdh {

enum class graph_family { erdos_renyi, small_world, scale_free, blocks, ring, complete };

const char* name(graph_family f) noexcept;
graph_family graph_family_named(std::string_view name);  // throws input_error

struct graph_recipe {
  graph_family family = graph_family::erdos_renyi;
  neuron_id neurons = 0;
  // Mean number of edges that leave a neuron; complete: N - 1, whatever it says here.
  neuron_id degree = 0;
  double rewired = 0.1;  // share of edges, 0..1: small-world: moved; blocks: between communities
  neuron_id communities = 4;  // blocks
};

// Throws input_error naming the parameter that is out of range for the family.
void check(const graph_recipe& r);

// A graph of the family. Where a random end hits an edge that exists (small-world) both become one:
// a few edges fewer than N K. scale-free: a neuron's own number of edges is rounded down and may be
// 0; the mean is K for large N.
edge_set generate(const graph_recipe& r, random_stream random);

}  // namespace bdh
