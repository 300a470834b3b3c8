// Edges that lead both ways: in a whole graph, and from head to head.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/executor.hpp"
#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

// Edges j->k whose opposite k->j exists: of excitatory ones an excitatory or an inhibitory one, and
// so on.
struct reciprocal_edges {
  std::uint64_t excitatory = 0, inhibitory = 0;  // by an edge of the same sign
  std::uint64_t mixed = 0;                       // excitatory ones by an inhibitory one

  reciprocal_edges& operator+=(const reciprocal_edges& other);
};

// [head of j * heads + head of k], as the blocks of the graph are; of a graph without blocks, all
// in one. The edges back of block (a, b) are in block (b, a): both have as many pairs with an edge
// each way, and the inhibitory edges of (a, b) with an excitatory one back are the `mixed` of
// (b, a). Of a graph with its edges.
std::vector<reciprocal_edges> reciprocal_by_block(const thresholded_graph& g);

// The same of a graph with too many edges to keep, from two bits a pair. The window is of the same
// neurons.
std::vector<reciprocal_edges> reciprocal_by_block(const weight_matrix& rows, const neuron_window& w,
                                                  thresholds at, neuron_id neurons_per_head,
                                                  executor& work,
                                                  const std::function<void()>& interrupt = {});
double reciprocal_bytes(const neuron_window& w);  // that this takes

reciprocal_edges sum_of(const std::vector<reciprocal_edges>& blocks);

}  // namespace bdh
