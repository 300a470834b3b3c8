// Places in the plane for the nodes of a small graph, so that it can be drawn.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

struct place {
  double x = 0, y = 0;
};

// Linked nodes come to lie near each other (Kamada and Kawai 1989, by igraph). Fills [0, 1] in both
// directions; no two nodes at one place. The same for the same links. Links are pairs of nodes
// below `nodes`; one from a node to itself has no effect. Throws unavailable_error in a build
// without igraph.
std::vector<place> plane_layout(neuron_id nodes,
                                const std::vector<std::pair<neuron_id, neuron_id>>& links);

}  // namespace bdh
