// Lists of edges in order, and the projections that they become.
#pragma once

#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

inline bool before(const graph_edge& a, const graph_edge& b) {
  return a.source != b.source ? a.source < b.source : a.target < b.target;
}

// Brings the edges into ascending order of source, then target. Throws input_error where there are
// two of the same.
void order_edges(edge_list& f);

// The edge of ordered ones, or null.
const graph_edge* find_edge(const std::vector<graph_edge>& ordered, neuron_id source,
                            neuron_id target);

// Rotation mixes the synapses of the two neurons of a pair: where one is missing it is added at
// rate 0. Edges stay in order. Returns how many were added.
edge_id add_partners(std::vector<graph_edge>& edges);

// The ordered edges, as a projection by source.
projection edges_by_source(const char* name, population source, population target,
                           const std::vector<graph_edge>& edges);

struct signed_edges {
  projection excitatory, inhibitory;  // by source; no weight below 0
};
// A zero is what its sign is.
signed_edges make_circuit(const std::string& name, neuron_id n,
                          const std::vector<graph_edge>& edges);
// The same edges by target, under another name.
signed_edges by_target(const std::string& name, const signed_edges& by_source);
// Synapses of rate 1 where the circuit has an edge.
projection synapses_along(const signed_edges& by_source);

}  // namespace bdh::graph_formats
