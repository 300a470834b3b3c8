// Directed graphs in which every node has as many edges out and in as before, to and from others
// drawn by chance: the null model of what degrees alone explain.
#pragma once

#include <functional>
#include <vector>

#include "core/base/random.hpp"
#include "graph/edge_set.hpp"

namespace bdh {

// The edges of each set drawn anew, in-degrees and out-degrees of every node in every set kept: no
// node has an edge to itself, and no pair of nodes an edge of two sets. A chain of exchanges:
// a->b, c->d become a->d, c->b, or the three edges of a cycle are turned round; 20 times as many
// are tried as there are edges, and at least 4,000. One that would give an edge twice is not done,
// so that all graphs with these degrees are equally likely in the end (Rao, Jana and Bandyopadhyay,
// Sankhya A 58, 225, 1996). Sets on the same nodes, none of which shares an edge with another or
// has an edge from a node to itself. The same for the same draws. `interrupt` may throw.
std::vector<edge_set> rewired_keeping_degrees(const std::vector<edge_set>& sets,
                                              random_stream random,
                                              const std::function<void()>& interrupt = {});

}  // namespace bdh
