#include "core/simulation/intervention_applier.hpp"

#include <algorithm>

#include <bdh/error.hpp>

#include "core/base/sort_unique.hpp"
#include "core/model/hub_weights.hpp"

namespace bdh {
namespace {

// Values of ascending neurons: those of `more` are added to those of `in`, or replace them.
enum class combining { sum, replacement };
void combine(std::vector<neuron_value>& in, const std::vector<neuron_value>& more, combining how) {
  std::vector<neuron_value> all;
  all.reserve(in.size() + more.size());
  auto old = in.begin();
  for (const neuron_value& v : more) {
    while (old != in.end() && old->neuron < v.neuron) all.push_back(*old++);
    const bool both = old != in.end() && old->neuron == v.neuron;
    all.push_back({v.neuron, both && how == combining::sum ? old->value + v.value : v.value});
    if (both) ++old;
  }
  all.insert(all.end(), old, in.end());
  in = std::move(all);
}

std::vector<neuron_value> all_at(const std::vector<neuron_id>& neurons, float value) {
  std::vector<neuron_value> all;
  all.reserve(neurons.size());
  for (const neuron_id i : neurons) all.push_back({i, value});
  return all;
}

template <class Use>
void for_layers(const intervention& p, applied_controls& in, Use use) {
  for (std::size_t l = 0; l < in.layers.size(); ++l)
    if (p.layers.empty() ||
        std::binary_search(p.layers.begin(), p.layers.end(), static_cast<layer_id>(l + 1)))
      use(in.layers[l]);
}

}  // namespace

void intervention_applier::apply(std::uint64_t tokens) {
  for (const auto& [number, p] : set_)
    if (p.acts_once() && p.begins_at(tokens)) act_once(p);
  std::vector<int> now;
  bool varies = false;
  for (const auto& [number, p] : set_)
    if (!p.acts_once() && p.during(tokens)) {
      now.push_back(number);
      varies = varies || !p.course.empty() || p.what == intervention_kind::noise;
    }
  position_ = tokens;
  if (!valid_ || varies || now != in_force_) build(now);
  for (std::size_t l = 0; l < controls_.layers.size(); ++l)
    for (std::size_t k = 0; k < cut_probes_[l].size(); ++k)
      controls_.layers[l].cut_synapses[k].value = probes_.strength(cut_probes_[l][k]);
  engine_.control(now.empty() ? nullptr : &controls_);
}

void intervention_applier::build(const std::vector<int>& now) {
  valid_ = false;
  controls_ = {};
  controls_.layers.resize(model_.layers());
  cut_probes_.assign(model_.layers(), {});
  // Lesions last: nothing is held at a neuron that is not there.
  for (const bool lesion : {false, true})
    for (int number : now)
      if ((set_[number].what == intervention_kind::lesion) == lesion) add(set_[number]);
  sort_unique(controls_.removed);
  for (layer_controls& l : controls_.layers) {
    for (auto* list : {&l.mute_gx_excitatory, &l.mute_gx_inhibitory, &l.mute_gy_excitatory,
                       &l.mute_gy_inhibitory, &l.mute_synapses})
      sort_unique(*list);
    sort_unique(l.cut_gx);  // what two lesions cut is cut once
    sort_unique(l.cut_synapses);
  }
  find_cut_probes();
  in_force_ = now;
  valid_ = true;
}

void intervention_applier::find_cut_probes() {
  for (layer_id l = 1; l <= model_.layers(); ++l)
    for (const cut_term& cut : controls_.layers[l - 1].cut_synapses) {
      const auto probe = probes_.find({{cut.source, cut.target}, l, probe_factor::w});
      if (!probe || probes_.since(*probe) != 0)
        throw unavailable_error(
            "intervention",
            "strengths of cut synapses that were not recorded: the state restored does not have "
            "them",
            "a state with the probes of " + shown_pair(model_, {cut.source, cut.target}));
      cut_probes_[l - 1].push_back(*probe);
    }
}

void intervention_applier::add(const intervention& p) {
  const float value = static_cast<float>(p.value_at(position_));
  switch (p.what) {
    case intervention_kind::freeze:
      for_layers(p, controls_, [](layer_controls& l) { l.frozen = true; });
      return;
    case intervention_kind::inhibition:
      for_layers(p, controls_, [&](layer_controls& l) { l.inhibition *= value; });
      return;
    case intervention_kind::silence:
    case intervention_kind::clamp:
      for_layers(p, controls_, [&](layer_controls& l) {
        combine(p.on == target::x ? l.hold_x : l.hold_y, all_at(p.neurons, value),
                combining::replacement);
      });
      return;
    case intervention_kind::stimulate:
      for_layers(p, controls_, [&](layer_controls& l) {
        combine(p.on == target::x ? l.add_x : l.add_y, all_at(p.neurons, value), combining::sum);
      });
      return;
    case intervention_kind::noise:
      return add_noise(p);
    default:
      break;
  }
  if (p.on == target::neurons) {
    for_layers(p, controls_, [&](layer_controls& l) {
      combine(l.hold_x, all_at(p.neurons, 0), combining::replacement);
      combine(l.hold_y, all_at(p.neurons, 0), combining::replacement);
    });
    controls_.removed.insert(controls_.removed.end(), p.neurons.begin(), p.neurons.end());
  }
  if (model_.is_direct()) return add_edges(p);
  if (p.on == target::gx)
    for (const neuron_pair& pair : p.pairs)
      for_layers(p, controls_, [&](layer_controls& l) {
        l.cut_gx.push_back({pair.pre, pair.post, 0});
      });
  if (p.on == target::synapses || p.on == target::neurons)
    for (const probe_spec& spec : set_.probes_needed(p))
      controls_.layers[spec.layer - 1].cut_synapses.push_back({spec.pair.pre, spec.pair.post, 0});
}

void intervention_applier::add_noise(const intervention& p) {
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    if (!p.layers.empty() && !std::binary_search(p.layers.begin(), p.layers.end(), l)) continue;
    layer_controls& in = controls_.layers[l - 1];
    std::vector<neuron_value> drawn;
    drawn.reserve(p.neurons.size());
    for (const neuron_id i : p.neurons)
      drawn.push_back({i, static_cast<float>(p.noise_at(position_, l, i))});
    combine(p.on == target::x ? in.add_x : in.add_y, drawn, combining::sum);
  }
}

void intervention_applier::add_edges(const intervention& p) {
  const direct_circuits& c = model_.direct();
  const auto mute = [&](const projection& circuit, std::vector<edge_id> layer_controls::*list,
                        const neuron_pair& pair) {
    if (const auto edge = circuit.find(pair.pre, pair.post))
      for_layers(p, controls_, [&](layer_controls& l) { (l.*list).push_back(*edge); });
  };
  for (const neuron_pair& pair : p.pairs) {
    if (p.on == target::synapses) mute(c.gs, &layer_controls::mute_synapses, pair);
    if (p.on == target::gx) mute(c.gx_excitatory, &layer_controls::mute_gx_excitatory, pair);
    if (p.on == target::gx) mute(c.gx_inhibitory, &layer_controls::mute_gx_inhibitory, pair);
    if (p.on == target::gy) mute(c.gy_excitatory, &layer_controls::mute_gy_excitatory, pair);
    if (p.on == target::gy) mute(c.gy_inhibitory, &layer_controls::mute_gy_inhibitory, pair);
  }
}

void intervention_applier::carry(std::span<const float> w) {
  for (layer_controls& l : controls_.layers)
    for (cut_term& cut : l.cut_gx) {
      const float activity = w[cut.source];
      cut.value = activity == 0 ? 0
                                : dot(hub_row(model_.circuits().dx, cut.target),
                                      hub_column(model_, cut.source)) *
                                      activity;
    }
}

void intervention_applier::act_once(const intervention& p) {
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    if (!p.layers.empty() && !std::binary_search(p.layers.begin(), p.layers.end(), l)) continue;
    if (p.pairs.empty()) {
      engine_.clear_strengths(l);
      probes_.clear(l);
      continue;
    }
    for (const neuron_pair& pair : p.pairs) {
      set_synapse(p, l, pair);
      probes_.set({pair, l, probe_factor::w}, p.value);
      // What Y would have written is cleared, too.
      if (p.what == intervention_kind::reset) probes_.set({pair, l, probe_factor::y}, 0);
    }
  }
}

void intervention_applier::set_synapse(const intervention& p, layer_id layer,
                                       const neuron_pair& pair) {
  if (model_.is_direct()) {
    const float value = static_cast<float>(p.value);
    const edge_id edge = *model_.direct().gs.find(pair.pre, pair.post);
    return engine_.write_synapses(layer, {&edge, 1}, {&value, 1});
  }
  // sigma(i->j) by so much more is rho(i) by so much more of what j contributes to the hubs.
  const auto at = probes_.find({pair, layer, probe_factor::w});
  if (!at || probes_.since(*at) != 0)
    throw unavailable_error(
        "intervention",
        "the strength of " + shown_pair(model_, pair) + ", which the state restored does not have",
        "a state with its probe");
  const double more = p.value - probes_.strength(*at);
  const std::vector<double> column = hub_column(model_, pair.post);
  std::vector<edge_id> which(model_.hubs());
  for (neuron_id k = 0; k < model_.hubs(); ++k) which[k] = edge_id{pair.pre} * model_.hubs() + k;
  std::vector<float> row(model_.hubs());
  engine_.read_synapses(layer, which, row);
  for (neuron_id k = 0; k < model_.hubs(); ++k)
    row[k] = static_cast<float>(row[k] + more * column[k]);
  engine_.write_synapses(layer, which, row);
}

}  // namespace bdh
