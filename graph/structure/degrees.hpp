// Degrees of an explicit directed graph, and what they say: how many edges leave and arrive, and
// how many of them lead both ways.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "graph/edge_set.hpp"

namespace bdh {

using degree_list = std::vector<std::uint32_t>;  // one a node

// The same edges turned round: by target.
edge_set reversed(const edge_set& g);

// The edges of both, which have none in common.
edge_set united(const edge_set& a, const edge_set& b);

struct degree_summary {
  double mean = 0, deviation = 0;  // over all nodes; of the population
  double median = 0;               // halfway between the two in the middle of an even number
  std::uint32_t least = 0, largest = 0;
  std::uint64_t without = 0;  // nodes of degree 0
  // Degree, nodes that have it; ascending, only those that occur.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> histogram;
};
degree_summary summary_of(std::span<const std::uint32_t> degrees);

// use(a, b) of the edges a->b of the first for which the second has b->a. Of a graph with itself:
// the edges that lead both ways.
void for_each_reciprocal(const edge_set& first, const edge_set& second,
                         const std::function<void(neuron_id, neuron_id)>& use);

// Share of the edges that lead both ways, and what it says against chance (Garlaschelli and
// Loffredo, Phys. Rev. Lett. 93, 268701, 2004): rho = (share - density) / (1 - density), 0 in a
// random graph, 1 where every edge has one back, below 0 where fewer are than by chance, nothing
// for a complete graph. Nothing at all without edges.
struct reciprocity {
  double share = 0;
  std::optional<double> rho;
};
std::optional<reciprocity> reciprocity_of(edge_id both_ways, edge_id edges, neuron_id nodes);

}  // namespace bdh
