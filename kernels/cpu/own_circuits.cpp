#include "kernels/cpu/own_circuits.hpp"

#include <algorithm>

namespace bdh {
namespace {

// Values of the synapses of `gs`, those of a part of them.
array<float> part_of(const array<float>& values, const own_circuits& own, const projection& gs,
                     edge_id all) {
  if (values.empty()) return {};
  constexpr edge_id at_a_time = edge_id{1} << 20;
  array<float> some(gs.edges());
  for (edge_id first = 0; first < all; first += at_a_time) {
    const edge_id last = std::min(first + at_a_time, all);
    own.for_synapses(first, last, [&](edge_id e, edge_id at) { some[at] = values[e]; });
    values.give_back(first, last);
  }
  return some;
}

}  // namespace

own_circuits::own_circuits(const model& m, id_range neurons, id_range sensory)
    : model_(m), neurons_(neurons), sensory_(sensory) {
  const direct_circuits& c = m.direct();
  const std::pair<neuron_id, neuron_id> of_gx[] = {{neurons.begin, neurons.end}},
                                        of_gs[] = {{neurons.begin, neurons.end},
                                                   {sensory.begin, sensory.end}};
  own_.emplace();
  own_->gx_excitatory = c.gx_excitatory.part_to(of_gx);
  own_->gx_inhibitory = c.gx_inhibitory.part_to(of_gx);
  own_->gy_excitatory = c.gy_excitatory.part_of_rows(neurons.begin, neurons.end);
  own_->gy_inhibitory = c.gy_inhibitory.part_of_rows(neurons.begin, neurons.end);
  own_->gs = c.gs.part_to(of_gs);
  own_->retention = part_of(c.retention, *this, own_->gs, c.gs.edges());
}

applied_controls own_circuits::own(const applied_controls& what) const {
  applied_controls all = what;
  const direct_circuits& c = model_.direct();
  const auto move = [&](std::vector<edge_id>& edges, projection direct_circuits::*circuit) {
    std::vector<edge_id> some;
    for (const edge_id e : edges)
      if (const auto at = (c.*circuit).in_part((*own_).*circuit, e)) some.push_back(*at);
    edges = std::move(some);
  };
  for (layer_controls& l : all.layers) {
    move(l.mute_gx_excitatory, &direct_circuits::gx_excitatory);
    move(l.mute_gx_inhibitory, &direct_circuits::gx_inhibitory);
    move(l.mute_gy_excitatory, &direct_circuits::gy_excitatory);
    move(l.mute_gy_inhibitory, &direct_circuits::gy_inhibitory);
    move(l.mute_synapses, &direct_circuits::gs);
  }
  return all;
}

}  // namespace bdh
