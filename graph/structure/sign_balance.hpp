// The signs of a neuron's edges: how far those that leave it agree, and how those that arrive
// balance.
#pragma once

#include <optional>
#include <vector>

#include "graph/structure/thresholded_graph.hpp"

namespace bdh {

// How far the outgoing signs of a neuron agree: |excitatory - inhibitory| / (excitatory +
// inhibitory), by edges or by weight. 1: the neuron excites only, or inhibits only, as Dale's law
// has it; nothing where it has no edges.
std::vector<std::optional<double>> dale_by_edges(const thresholded_graph& g);
std::vector<std::optional<double>> dale_by_weight(const thresholded_graph& g);
// What the mean of dale_by_edges would be if each edge had its sign by chance, with the graph's
// share of excitatory ones.
std::optional<double> expected_dale_index(const thresholded_graph& g);

// Of what arrives at each neuron: (excitatory - inhibitory) / (excitatory + inhibitory), sums of
// |weight|; nothing where nothing does.
std::vector<std::optional<double>> ei_balance(const thresholded_graph& g);

}  // namespace bdh
