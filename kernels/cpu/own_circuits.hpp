// The explicit edges that the sites of one process work with. Of a process that has all sites,
// those of the model; of one that has a part of them, the edges that end in its own particles, in
// memory of its own: of the model, which may be a file's pages, it reads them once.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/applied_controls.hpp"
#include "core/simulation/partition.hpp"

namespace bdh {

class own_circuits {
 public:
  explicit own_circuits(const model& m) : model_(m) {}  // all of them
  // Those that end in these neurons, and in these sensory nodes as sources. The model outlives the
  // object. Throws input_error naming a weight that cannot be one.
  own_circuits(const model& m, id_range neurons, id_range sensory);
  own_circuits(const own_circuits&) = delete;
  own_circuits& operator=(const own_circuits&) = delete;

  // Gx, Gy, synapses and their retention. Edges from tokens and to readout nodes are the model's.
  const direct_circuits& edges() const noexcept { return own_ ? *own_ : model_.direct(); }
  bool are_all() const noexcept { return !own_.has_value(); }

  // Where a synapse of the model is among the own ones; nothing: it ends elsewhere.
  std::optional<edge_id> synapse(edge_id e) const {
    return own_ ? model_.direct().gs.in_part(own_->gs, e) : std::optional(e);
  }
  // f(place in the model, place among the own ones), ascending, for the own synapses of
  // [first, last).
  template <class F>
  void for_synapses(edge_id first, edge_id last, F f) const;

  // Controls with own edges only, by their own places.
  applied_controls own(const applied_controls& what) const;

 private:
  bool is_target(neuron_id source) const noexcept {
    return neurons_.contains(source) || sensory_.contains(source);
  }

  const model& model_;
  id_range neurons_, sensory_;
  std::optional<direct_circuits> own_;
};

template <class F>
void own_circuits::for_synapses(edge_id first, edge_id last, F f) const {
  if (!own_ || first == last) {
    for (edge_id e = first; e < last; ++e) f(e, e);
    return;
  }
  const projection& all = model_.direct().gs;
  const neuron_id row = all.row_of(first);
  edge_id own = own_->gs.indptr()[row];
  for (edge_id e = all.indptr()[row]; e < last; ++e) {
    if (!is_target(all.indices()[e])) continue;
    if (e >= first) f(e, own);
    ++own;
  }
  all.give_back(first, last);
}

}  // namespace bdh
