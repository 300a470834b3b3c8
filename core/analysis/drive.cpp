#include <algorithm>
#include <cmath>
#include <string>

#include <bdh/error.hpp>
#include <bdh/queries.hpp>

#include "core/model/hub_weights.hpp"

namespace bdh {
namespace {

void check(const char* what, neuron_id id, neuron_id size) {
  if (id >= size) throw input_error(what, std::to_string(id), "0 to " + std::to_string(size - 1));
}

// A row of the storage where it lists the wanted end; else every row is searched for the other
// end.
void add_edges(const projection& p, double sign, bool into, neuron_id id,
               std::vector<weighted_edge>& to) {
  if ((p.rows_are() == major::target) == into && !p.is_dense()) {
    for (edge_id e = p.indptr()[id]; e < p.indptr()[id + 1]; ++e)
      to.push_back({p.indices()[e], sign * p.weight(e)});
    return;
  }
  const neuron_id others = into ? p.source().size : p.target().size;
  for (neuron_id other = 0; other < others; ++other)
    if (const auto e = into ? p.find(other, id) : p.find(id, other))
      to.push_back({other, sign * p.weight(*e)});
}

std::vector<weighted_edge> explicit_edges(const direct_circuits& d, circuit c, bool into,
                                          neuron_id id) {
  std::vector<weighted_edge> all;
  add_edges(c == circuit::gx ? d.gx_excitatory : d.gy_excitatory, 1, into, id, all);
  add_edges(c == circuit::gx ? d.gx_inhibitory : d.gy_inhibitory, -1, into, id, all);
  std::stable_sort(all.begin(), all.end(),
                   [](const weighted_edge& a, const weighted_edge& b) { return a.end < b.end; });
  return all;
}

const projection& to_neurons(const model& m, circuit c) {
  return c == circuit::gx ? m.circuits().dx : m.circuits().dy;
}

void sort_and_sum(drive& d) {
  std::erase_if(d.terms, [](const contribution& t) { return t.value() == 0; });
  std::stable_sort(d.terms.begin(), d.terms.end(),
                   [](const contribution& a, const contribution& b) {
                     return std::abs(a.value()) > std::abs(b.value());
                   });
  for (const contribution& t : d.terms)
    (t.value() > 0 ? d.excitatory : d.inhibitory) += std::abs(t.value());
}

// Edges are read from the model.
void expect_own_weights(const simulator& brain) {
  if (brain.learns_by())
    throw unavailable_error("drive", "weights that learn", "a simulator whose weights stay",
                            "simulator::learned_model() has those of now");
}

// What the interventions on the token of the moment make of the drive of neuron k.
void intervene(const simulator& brain, layer_id layer, circuit c, neuron_id k, drive& d) {
  const target variable = c == circuit::gx ? target::x : target::y,
               edges = c == circuit::gx ? target::gx : target::gy;
  if (!brain.in_token() && brain.tokens() == 0) return;  // no token yet
  const std::uint64_t position = brain.in_token() ? brain.tokens() : brain.tokens() - 1;
  bool removed = false;
  for (const auto& [number, p] : brain.interventions()) {
    if (!p.during(position) ||
        !(p.layers.empty() || std::binary_search(p.layers.begin(), p.layers.end(), layer)))
      continue;
    const bool here = std::binary_search(p.neurons.begin(), p.neurons.end(), k);
    if (p.what == intervention_kind::inhibition)
      for (contribution& t : d.terms) t.weight *= t.weight < 0 ? p.value : 1;
    if (p.what == intervention_kind::lesion && p.on == edges)
      std::erase_if(d.terms, [&pairs = p.pairs, k](const contribution& t) {
        return std::binary_search(pairs.begin(), pairs.end(), neuron_pair{t.source, k});
      });
    removed = removed || (p.what == intervention_kind::lesion && p.on == target::neurons && here);
    if (p.on != variable || !here) continue;
    if (p.what == intervention_kind::stimulate) d.injected += p.value_at(position);
    if (p.what == intervention_kind::noise) d.injected += p.noise_at(position, layer, k);
    if (p.what == intervention_kind::clamp || p.what == intervention_kind::silence)
      d.held = p.value_at(position);
  }
  if (removed) d.held = 0;
}

// g(A_h) of explicit circuits: 1 / sqrt(|C B A|^2 / d + epsilon).
double pool_gain(const model& m, std::span<const float> a) {
  std::vector<double> hubs(m.hubs());
  for (neuron_id j = 0; j < a.size(); ++j) {
    if (a[j] == 0) continue;
    const std::vector<double> column = hub_column(m, j);
    for (neuron_id h = 0; h < m.hubs(); ++h) hubs[h] += column[h] * a[j];
  }
  return 1 / std::sqrt(dot(hubs, hubs) / m.hubs() + m.rules().epsilon());
}

}  // namespace

std::vector<weighted_edge> edges_into(const model& m, circuit c, neuron_id neuron) {
  check("neuron", neuron, m.neurons());
  if (m.is_direct()) return explicit_edges(m.direct(), c, true, neuron);
  const std::vector<double> row = hub_row(to_neurons(m, c), neuron);
  std::vector<weighted_edge> all;
  for (neuron_id j = 0; j < m.sources(); ++j) all.push_back({j, dot(row, hub_column(m, j))});
  return all;
}

std::vector<weighted_edge> edges_from(const model& m, circuit c, neuron_id source) {
  check("source", source, m.sources());
  if (m.is_direct()) return explicit_edges(m.direct(), c, false, source);
  const std::vector<double> column = hub_column(m, source);
  std::vector<weighted_edge> all;
  for (neuron_id k = 0; k < m.neurons(); ++k)
    all.push_back({k, dot(hub_row(to_neurons(m, c), k), column)});
  return all;
}

drive drive_of_x(const simulator& brain, layer_id layer, neuron_id neuron) {
  expect_own_weights(brain);
  const model& m = brain.model();
  const bool spikes = brain.spikes() && brain.spikes()->emits(spike_source::w);
  if (spikes && !m.is_direct())
    throw unavailable_error("contributions", "spikes of hubs, which come from no single source",
                            "graded hubs, or explicit edges");
  const std::vector<float> w = m.is_direct() ? brain.sent(variable::w) : brain.sources().activity();
  if (w.empty())
    throw unavailable_error("contributions", "W of the sources, which were not followed",
                            "follow_sources() before the token");
  drive d;
  for (const weighted_edge& e : edges_into(m, circuit::gx, neuron))
    if (w[e.end] != 0) d.terms.push_back({e.end, e.weight, w[e.end]});
  intervene(brain, layer, circuit::gx, neuron, d);
  sort_and_sum(d);
  return d;
}

drive drive_of_y(const simulator& brain, layer_id layer, neuron_id neuron) {
  expect_own_weights(brain);
  const model& m = brain.model();
  check("neuron", neuron, m.neurons());
  const bool spikes = brain.spikes() && brain.spikes()->emits(spike_source::a);
  const std::vector<float> all = spikes ? brain.sent(variable::a) : brain.read(variable::a);
  const std::size_t width = all.size() / m.heads();
  const auto a = std::span(all).subspan(neuron / m.neurons_per_head() * width, width);
  drive d;
  if (m.is_direct()) {
    // What is emitted has had its gain.
    const double gain = m.rules().attention_gain() && !spikes ? pool_gain(m, a) : 1;
    for (const weighted_edge& e : edges_into(m, circuit::gy, neuron))
      d.terms.push_back({e.end, e.weight, gain * a[e.end]});
  } else {
    const std::vector<double> row = hub_row(m.circuits().dy, neuron);
    for (neuron_id h = 0; h < width; ++h) d.terms.push_back({h, row[h], a[h]});
  }
  intervene(brain, layer, circuit::gy, neuron, d);
  sort_and_sum(d);
  return d;
}

}  // namespace bdh
