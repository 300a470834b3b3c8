#include "kernels/cpu/direct_arrays.hpp"

#include <algorithm>

namespace bdh {
namespace {

bool ends_in(const projection& by_source, neuron_id source, id_range targets) {
  const auto first =
      by_source.indices().begin() + static_cast<std::ptrdiff_t>(by_source.indptr()[source]);
  const auto last =
      by_source.indices().begin() + static_cast<std::ptrdiff_t>(by_source.indptr()[source + 1]);
  const auto found = std::lower_bound(first, last, targets.begin);
  return found != last && *found < targets.end;
}

// Whether a source has an edge of any of the circuits to any of the targets.
bool reaches(std::initializer_list<const projection*> circuits, neuron_id source,
             std::initializer_list<id_range> targets) {
  for (const projection* p : circuits)
    for (const id_range& r : targets)
      if (ends_in(*p, source, r)) return true;
  return false;
}

// Sources that a site's neurons pull A of. `elsewhere`: nothing here uses the edges again.
std::vector<bool> pulled_sources(const model& m, id_range neurons, bool elsewhere) {
  std::vector<bool> needed(m.sources());
  for (const projection* p : {&m.direct().gy_excitatory, &m.direct().gy_inhibitory})
    for (neuron_id i = neurons.begin; i < neurons.end; i += block_grid::block_size) {
      const edge_id first = p->indptr()[i],
                    last = p->indptr()[std::min(i + block_grid::block_size, neurons.end)];
      for (edge_id e = first; e < last; ++e) needed[p->indices()[e]] = true;
      if (elsewhere) p->give_back(first, last);
    }
  return needed;
}

void reserve(packet& p, std::size_t ids, std::size_t width) {
  p.id.reserve(ids);
  p.value.reserve(ids * width);
}

}  // namespace

id_range sensory_sources(const model& m, const site_share& s) {
  if (!m.sensory_are_sources()) return {m.sources(), m.sources()};
  return {m.neurons() + s.sensory.begin, m.neurons() + s.sensory.end};
}

void direct_strengths::save(layer_id layer, const kept_part& to, const own_circuits& own) const {
  if (to.what != variable::synapses) return;
  const array<float>& strengths = layers[layer - 1];
  own.for_synapses(to.first, to.end(),
                   [&](edge_id e, edge_id at) { to.reals[e - to.first] = strengths[at]; });
}

void direct_strengths::restore(layer_id layer, const kept_part& from, const own_circuits& own) {
  if (from.what != variable::synapses) return;
  array<float>& strengths = layers[layer - 1];
  own.for_synapses(from.first, from.end(),
                   [&](edge_id e, edge_id at) { strengths[at] = from.reals[e - from.first]; });
}

void direct_strengths::age(layer_id layer, id_range rows, std::uint64_t tokens, double retention,
                           const direct_circuits& c) noexcept {
  array<float>& strengths = layers[layer - 1];
  for (edge_id e = c.gs.indptr()[rows.begin]; tokens != 0 && e < c.gs.indptr()[rows.end]; ++e)
    strengths[e] = static_cast<float>(
        strengths[e] * power(c.retention.empty() ? retention : c.retention[e], tokens));
}

void direct_strengths::clear(layer_id layer) noexcept {
  std::fill(layers[layer - 1].begin(), layers[layer - 1].end(), 0.0f);
}

void direct_weights::prepare(const direct_circuits& c, const applied_controls& what) {
  const auto copy = [&](array<float>& to, const projection& from,
                        std::vector<edge_id> layer_controls::*muted) {
    if (!to.empty() || std::all_of(what.layers.begin(), what.layers.end(),
                                   [&](const layer_controls& l) { return (l.*muted).empty(); }))
      return;
    to = array<float>(from.edges());
    for (edge_id e = 0; e < from.edges(); ++e) to[e] = from.weight(e);
  };
  copy(gx_excitatory, c.gx_excitatory, &layer_controls::mute_gx_excitatory);
  copy(gx_inhibitory, c.gx_inhibitory, &layer_controls::mute_gx_inhibitory);
  copy(gy_excitatory, c.gy_excitatory, &layer_controls::mute_gy_excitatory);
  copy(gy_inhibitory, c.gy_inhibitory, &layer_controls::mute_gy_inhibitory);
}

edges_to::edges_to(const projection& by_source, id_range targets, bool all) {
  const auto indptr = by_source.indptr();
  begin_ = indptr.data();
  end_ = indptr.data() + 1;
  if (all) return;
  own_begin_ = array<edge_id>(by_source.rows());
  own_end_ = array<edge_id>(by_source.rows());
  for (neuron_id i = 0; i < by_source.rows(); ++i) {
    const neuron_id* column = by_source.indices().data();
    own_begin_[i] = static_cast<edge_id>(
        std::lower_bound(column + indptr[i], column + indptr[i + 1], targets.begin) - column);
    own_end_[i] = static_cast<edge_id>(
        std::lower_bound(column + own_begin_[i], column + indptr[i + 1], targets.end) - column);
  }
  begin_ = own_begin_.data();
  end_ = own_end_.data();
}

direct_routes::direct_routes(const model& m, const std::vector<site_share>& shares, site_id self,
                             bool copied) {
  const direct_circuits& c = m.direct();
  const id_range neurons = shares[self].neurons, sensory = sensory_sources(m, shares[self]);
  const neuron_id units = neurons.size() / (m.rotation().present() ? 2 : 1);
  for (const site_share& other : shares) {
    route r;
    const id_range targets = other.neurons, nodes = sensory_sources(m, other);
    for (neuron_id i = neurons.begin; i < neurons.end; ++i)
      r.gs_reach.push_back(reaches({&c.gs}, i, {targets, nodes}));
    const std::vector<bool> needed = pulled_sources(m, targets, copied);
    for (const id_range own : {neurons, sensory})
      for (neuron_id j = own.begin; j < own.end; ++j) {
        r.gx_reach.push_back(reaches({&c.gx_excitatory, &c.gx_inhibitory}, j, {targets}));
        if (needed[j]) r.a_needed.push_back(j);
      }
    reserve(r.x, units, 4);
    r.a.value.reserve(r.a_needed.size() * m.heads());
    reserve(r.w, neurons.size(), 1);
    reserve(r.w_sensory, sensory.size(), 1);
    to.push_back(std::move(r));
  }
  if (!copied) return;
  for (const projection* p :
       {&c.gs, &c.gx_excitatory, &c.gx_inhibitory, &c.gy_excitatory, &c.gy_inhibitory})
    p->give_back(0, p->edges());
}

synapse_units::synapse_units(const model& m)
    : first(m.row_units()),
      x(m.neurons()),
      cosine(m.row_units()),
      sine(m.row_units()),
      decay(m.row_units()),
      age(m.row_units()),
      neuron(m.neurons()),
      turned(m.neurons()),
      neuron_age(m.neurons()) {}

std::size_t synapse_units::bytes() const noexcept {
  return first.bytes() + x.bytes() + cosine.bytes() + sine.bytes() + decay.bytes() + age.bytes() +
         neuron.bytes() + turned.bytes() + neuron_age.bytes();
}

}  // namespace bdh
