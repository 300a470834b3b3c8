// A circuit, or the synapses of a layer, as one weighted graph, row by row: W[target, source],
// signed, excitatory minus inhibitory. With explicit edges a row is what is stored; through hubs,
// and of synapses accumulated from activity, every pair has a weight, and rows are computed from
// two factors at every visit, so that n^2 values are never held.
//
//     // core/model/circuit_matrix.hpp
//     const auto gx = bdh::circuit_matrix(model, bdh::circuit::gx);
//     work->for_each(gx.blocks(), [&](std::size_t b) {
//       gx.visit(b, [&](const bdh::weight_row& row) { ... });
//     });
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include <bdh/array.hpp>
#include <bdh/ids.hpp>
#include <bdh/projection.hpp>

namespace bdh {

// The edges that arrive at a target.
struct weight_row {
  neuron_id target = 0;
  // Ascending; empty where the graph is complete: then weights[j] is of source j.
  std::span<const neuron_id> sources;
  std::span<const float> weights;
};

class weight_matrix {
 public:
  // The edges of a projection, in the orientation in which they lead from its source to its target.
  static weight_matrix of_edges(const projection& edges);
  // W[k, j] = sum over t of left[k, t] right[j, t]; left: targets x depth, right: sources x depth.
  static weight_matrix of_product(std::size_t depth, array<float> left, array<float> right);

  neuron_id targets() const noexcept { return targets_; }
  neuron_id sources() const noexcept { return sources_; }
  bool is_complete() const noexcept { return !edges_.has_value(); }  // every pair has a weight
  double weights() const noexcept;  // of all rows: pairs, or explicit edges

  // Without the sensory nodes: only the first `count` <= sources() sources are left.
  weight_matrix with_sources(neuron_id count) &&;

  // Rows come in blocks of consecutive targets. visit() calls `each` for every row of a block, in
  // order; several threads may visit at once. A row is valid until `each` returns. Weights that are
  // products are summed in float32, to the same bits for any number of threads and whatever the
  // caches of the machine.
  std::size_t blocks() const noexcept;
  // Block b has the targets from b * block_rows() on.
  std::size_t block_rows() const noexcept { return block_rows_; }
  void visit(std::size_t block, const std::function<void(const weight_row&)>& each) const;

 private:
  neuron_id targets_ = 0, sources_ = 0;
  std::size_t depth_ = 0, block_rows_ = 1;
  array<float> left_, right_;
  std::optional<projection> edges_;  // by target, weights signed
};

}  // namespace bdh
