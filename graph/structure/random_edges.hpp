// Random graphs with a number of edges: G(n, m).
#pragma once

#include <bdh/ids.hpp>

#include "core/base/random.hpp"
#include "graph/edge_set.hpp"

namespace bdh {

// m different edges, drawn uniformly from all pairs of two different nodes. `sources` > 0: only
// from the first `sources` nodes to the others. Throws input_error where there are fewer pairs.
edge_set random_edges(neuron_id nodes, neuron_id sources, edge_id m, random_stream random);

}  // namespace bdh
