// Communities of a graph with excitatory and inhibitory edges: many excitatory edges within, many
// inhibitory ones between.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "graph/edge_set.hpp"

namespace bdh {

// Q = (Q+ w+ - Q- w-) / (w+ + w-) (Gomez, Jensen and Arenas, Phys. Rev. E 80, 016114, 2009): Q+ is
// the modularity of the excitatory links alone, Q- that of the inhibitory ones, w+ and w- are their
// weights. A link weighs 1, or 2 where edges of its sign lead both ways. Without inhibitory edges
// it is the modularity of network::leiden().
struct signed_communities {
  double modularity = 0;
  // w+ Q+ / (w+ + w-), and -w- Q- / (w+ + w-): what each sign adds.
  double by_excitatory = 0, by_inhibitory = 0;
  // Node -> community; numbered from the largest on, of equal ones the one with the first node.
  std::vector<neuron_id> member;
  std::vector<neuron_id> size;  // of each
};

// Of a given division. Nothing for a graph without edges. Edges from a node to itself are not
// allowed for.
std::optional<signed_communities> signed_modularity(const edge_set& excitatory,
                                                    const edge_set& inhibitory,
                                                    const std::vector<neuron_id>& member);

// The division with the largest Q that is found: Louvain's method (Blondel and others 2008) with
// this Q, begun again from the nodes until it finds no better one, the best of 5 random orders of
// the nodes (up to 64 for fewer than 4,000 nodes; up to 512 nodes half of
// them from random divisions). The same for the same seed. `interrupt` may
// throw.
std::optional<signed_communities> best_signed_communities(
    const edge_set& excitatory, const edge_set& inhibitory, std::uint64_t seed,
    const std::function<void()>& interrupt = {});

}  // namespace bdh
