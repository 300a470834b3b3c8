// Figures of the graphs in a model, with their data: what `bdh plot` draws and `bdh report` shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <bdh/model.hpp>

#include "apps/plot/figure/output.hpp"

namespace bdh::app {

// Which graph, and which of its edges. With neither threshold: all edges of an explicit graph, the
// strongest 1 % of the pairs of neurons where every pair has a weight.
struct graph_choice {
  std::string graph = "gx";    // gx, gy, gs: the plasticity rates of a direct model
  std::optional<double> beta;  // edges with |weight| > beta
  std::optional<double>
      keep;  // the share of the pairs of neurons that have the largest |weight|, 0 < share <= 1
  std::uint64_t threads = 1;                              // never change a bit
  figure::joined_as joined = figure::joined_as::largest;  // of a matrix: a cell's weights
};

struct community_choice {
  std::uint64_t seed = 1;
  std::uint64_t most_edges = 1000000;  // that communities are searched in
};

struct neighbourhood_choice {
  std::uint64_t hubs = 5, top_edges = 100;
  std::string ego;  // a neuron, by name or number: its neighbourhood instead of the hubs'
};

std::string model_name(const std::string& path);  // "brain" of brain.bdh.h5

// `name` is what titles call the model. All throw input_error for what the model does not have, and
// `stopped` when a signal requests a stop.

// How many neurons have so many excitatory and inhibitory edges, with fitted power laws.
figure::picture degrees_of(const model& m, const std::string& name, const graph_choice& choice);

// How many edges have which weight. choice.graph: "all" for all graphs of the model.
figure::picture weights_of(const model& m, const std::string& name, const graph_choice& choice);

// W[post, pre], binned where there are many neurons.
figure::picture matrix_of(const model& m, const std::string& name, const graph_choice& choice,
                          bool by_community, const community_choice& communities);

// Modularity against the share of edges that are kept, the strongest, with the same of random
// graphs.
figure::picture modularity_of(const model& m, const std::string& name, const graph_choice& choice,
                              const community_choice& communities);

// The strongest edges around the neurons with the most edges, or around one neuron.
figure::picture neighbourhood_of(const model& m, const std::string& name,
                                 const graph_choice& choice, const neighbourhood_choice& around,
                                 const community_choice& communities);

}  // namespace bdh::app
