// The graph of weights between neurons that a figure of a model is about: passes over its rows,
// watched by the user.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "apps/plot/model_figures.hpp"
#include "core/base/executor.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_histogram.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh::app {

struct weighted_edge {
  neuron_id source = 0, target = 0;
  float weight = 0;
};

class model_graph {
 public:
  // `passes`: how many there will be over all weights, for the progress line. Throws input_error
  // when the model has no such graph.
  model_graph(const model& m, const graph_choice& choice, int passes);

  const std::string& name() const noexcept { return name_; }  // "Gx"
  const weight_matrix& rows() const noexcept { return rows_; }
  // From all neurons to all neurons.
  const neuron_window& window() const noexcept { return window_; }
  executor& work() const noexcept { return *work_; }
  // Of the product that the weights are; 0: explicit edges.
  std::size_t depth() const noexcept { return depth_; }

  // What goes on after the passes, on standard error.
  void show(const std::string& what) const;

  // Called after every block of rows of a pass: shows how far it is, throws `stopped`.
  std::function<void()> watch() const;

  weight_histogram histogram() const { return {rows_, window_, *work_, watch()}; }

  // The threshold of graph_choice. Where it has none, there are at most `most`
  // edges.
  float threshold(std::uint64_t most = ~std::uint64_t{0}) const;

  network communities_in(const edge_set& edges) const;

  // All edges with |weight| > beta, and those of the neuron `always`, by target, then by source;
  // none from a neuron to itself. Throws input_error where they are more than `most`.
  std::vector<weighted_edge> edges_above(thresholds beta, std::uint64_t most,
                                         std::optional<neuron_id> always = std::nullopt) const;

  // The same of other weights, those of a null model.
  std::vector<weighted_edge> edges_above(const weight_matrix& rows, thresholds beta,
                                         std::uint64_t most,
                                         std::optional<neuron_id> always = std::nullopt) const;

 private:
  struct waiting;

  graph_choice choice_;
  std::string name_;
  weight_matrix rows_;
  neuron_window window_;
  std::size_t depth_ = 0;
  std::unique_ptr<executor> work_;
  std::shared_ptr<waiting> waiting_;  // also of the functions that watch() made
};

// Excitatory, inhibitory, or all of them, as a graph without weights.
edge_set edge_set_of(const std::vector<weighted_edge>& edges, neuron_id neurons, sign which);

std::string neuron_label(const model& m, neuron_id i);              // its name, else its number
std::string with_separators(std::uint64_t count);                   // "16,777,216"
std::string counted(std::uint64_t count, const std::string& what);  // "1 edge", "2,000 edges"
std::string percent(double share);                                  // "0.25 %"

}  // namespace bdh::app
