// Single synapses of a model on several ranks, read and written at rank 0.
#pragma once

#include <span>
#include <vector>

#include <bdh/model.hpp>

#include "core/ranks/rank_commander.hpp"
#include "core/ranks/rank_shares.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

class ranked_synapses {
 public:
  // All outlive the object; `own` has the sites of rank 0.
  ranked_synapses(const model& m, const rank_shares& shares, const rank_commander& commands,
                  const engine& own) noexcept
      : model_(m), shares_(shares), commands_(commands), own_(own) {}

  void read(layer_id layer, std::span<const edge_id> which, std::span<float> out) const;
  void write(layer_id layer, std::span<const edge_id> which, std::span<const float> values,
             engine& own) const;

 private:
  void request(layer_id layer, std::span<const edge_id> which) const;
  // Of explicit edges a synapse is at its target's rank, and when it was last used at its neuron's.
  std::vector<stored_synapse> stored(layer_id layer, std::span<const edge_id> which) const;
  void read_edges(layer_id layer, std::span<const edge_id> which, std::span<float> out) const;
  // Through hubs: the rank of each.
  std::vector<rank_id> owners(std::span<const edge_id> which) const;

  const model& model_;
  const rank_shares& shares_;
  const rank_commander& commands_;
  const engine& own_;
};

}  // namespace bdh
