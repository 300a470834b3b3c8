// A graph of weights cut at a threshold: the pairs with a weight above beta are its excitatory
// edges, those below -beta the inhibitory ones. Made row by row
// (graph/structure/weight_matrix.hpp), so that n^2 weights are never held. Edges from a neuron to
// itself are counted apart and belong to no statistic.
//
//     const auto gx = bdh::circuit_matrix(model, bdh::circuit::gx).with_sources(model.neurons());
//     const bdh::neuron_window all = bdh::neuron_window::all_of(gx);
//     const double beta = bdh::weight_histogram(gx, all, work).threshold(edges, bdh::sign::both);
//     const bdh::thresholded_graph graph = bdh::apply_thresholds(gx, all, {beta, beta}, work);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/executor.hpp"
#include "graph/edge_set.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

// Which neurons' edges are looked at: those from a range of sources to a range of targets. Either
// the same neurons, which are then the nodes 0, 1, ... of the graph, or two disjoint ranges: then
// the sources are the first nodes, and the targets follow.
struct neuron_window {
  neuron_id first_source = 0, sources = 0, first_target = 0, targets = 0;

  static neuron_window all_of(const weight_matrix& rows);
  // From head `from` to head `to`, numbered from 0, of a model with so many neurons in a head.
  static neuron_window of_heads(neuron_id neurons_per_head, head_id from, head_id to);

  bool same_neurons() const noexcept { return first_source == first_target && sources == targets; }
  neuron_id nodes() const noexcept { return same_neurons() ? sources : sources + targets; }
  neuron_id node_of_target(neuron_id target) const noexcept {
    return target - first_target + (same_neurons() ? 0 : sources);
  }
  neuron_id neuron_of(neuron_id node) const noexcept {
    return node < sources ? first_source + node : first_target + node - sources;
  }
  // Without j->j.
  double pairs() const noexcept {
    return static_cast<double>(sources) * targets - (same_neurons() ? sources : 0);
  }
};

struct thresholds {
  float excitatory = 0, inhibitory = 0;  // weight > excitatory, weight < -inhibitory; both >= 0
};

// The edges of one sign, counted and added up.
struct sign_sums {
  std::uint64_t edges = 0, self_loops = 0;
  double weight = 0;                               // sum of |weight|
  std::vector<std::uint32_t> in_edges, out_edges;  // by node
  std::vector<double> in_weight, out_weight;       // by node, sums of |weight|
};

// Between two heads.
struct head_block {
  std::uint64_t excitatory = 0, inhibitory = 0;  // edges
  double excitatory_weight = 0, inhibitory_weight = 0;
};

struct thresholded_graph {
  neuron_window where;
  thresholds at;
  sign_sums excitatory, inhibitory;
  neuron_id neurons_per_head = 0;  // where blocks were requested
  std::vector<head_block> blocks;  // then heads x heads, [source head * heads + target head]
  // By source; nothing where they are more than was allowed for.
  std::optional<edge_set> excitatory_edges, inhibitory_edges;
};

struct threshold_options {
  std::uint64_t most_edges = std::uint64_t{1} << 24;  // to keep one by one
  neuron_id neurons_per_head = 0;                     // 0: no blocks
};

// Sums are taken in an order of their own: the same bits for any number of threads. Throws what
// `interrupt` throws.
thresholded_graph apply_thresholds(const weight_matrix& rows, const neuron_window& w, thresholds at,
                                   executor& work, const threshold_options& options = {},
                                   const std::function<void()>& interrupt = {});

}  // namespace bdh
