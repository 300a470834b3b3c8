// Orders of the nodes of a graph in which neighbours lie near each other: what is used together
// then lies together in memory.
//
//   rcm        reverse Cuthill-McKee (Boost.Graph): from a node at the rim outwards, neighbours by
//              ascending degree
//   degree     the nodes with most neighbours first
//   community  one community (Leiden, graph/structure/network.hpp) after the other, the largest
//              first; in each, reverse Cuthill-McKee
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

enum class node_order { rcm, degree, community };

const char* name(node_order o) noexcept;
node_order node_order_named(std::string_view name);  // throws input_error

// Pairs of neighbours, a < b < 2^32, packed as a 2^32 + b.
using neighbour_pairs = std::vector<std::uint64_t>;

// All nodes 0 .. nodes-1 in the chosen order. `pairs`: in any order, repeated or not; they are
// sorted and made unique. The same order for the same graph and, by community, the same seed,
// everywhere. `interrupt` is called by the search for communities, and may throw.
std::vector<neuron_id> ordered_nodes(neuron_id nodes, neighbour_pairs&& pairs, node_order how,
                                     std::uint64_t seed = 0, std::function<void()> interrupt = {});

}  // namespace bdh
