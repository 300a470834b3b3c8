// The edges of a graph without weights, by source.
#pragma once

#include <span>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

// Edges by source: those of i end in targets[indptr[i]] .. targets[indptr[i + 1]], ascending.
struct edge_set {
  std::vector<edge_id> indptr{0};
  std::vector<neuron_id> targets;

  neuron_id neurons() const noexcept { return static_cast<neuron_id>(indptr.size() - 1); }
  edge_id edges() const noexcept { return targets.size(); }
  std::span<const neuron_id> row(neuron_id i) const noexcept {
    return std::span(targets).subspan(indptr[i], indptr[i + 1] - indptr[i]);
  }
};

}  // namespace bdh
