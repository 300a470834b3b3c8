// Interventions on a simulator: which of them hold for the token to come, and what that means for
// the engine.
#include <algorithm>
#include <map>
#include <string>

#include "core/base/error.hpp"
#include "core/base/sort_unique.hpp"
#include "core/model/hub_weights.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh {
namespace {

// A sorted list of neurons and values in which later entries replace or add to earlier ones.
void hold(std::vector<neuron_value>& in, neuron_id neuron, float value, bool add) {
  const auto at = std::lower_bound(in.begin(), in.end(), neuron,
                                   [](const neuron_value& v, neuron_id i) { return v.neuron < i; });
  if (at == in.end() || at->neuron != neuron)
    in.insert(at, {neuron, value});
  else
    at->value = add ? at->value + value : value;
}

void hold(std::vector<neuron_value>& in, const std::vector<neuron_id>& neurons, float value,
          bool add) {
  if (in.empty()) {  // the usual case, for any number of neurons
    for (neuron_id i : neurons) in.push_back({i, value});
    return;
  }
  for (neuron_id i : neurons) hold(in, i, value, add);
}

constexpr std::uint64_t most_probes = std::uint64_t{1} << 24;

template <class Use>
void for_layers(const intervention& p, controls& in, Use use) {
  for (std::size_t l = 0; l < in.layers.size(); ++l)
    if (p.layers.empty() ||
        std::binary_search(p.layers.begin(), p.layers.end(), static_cast<layer_id>(l + 1)))
      use(in.layers[l]);
}

std::string no_edge(const model& m, const neuron_pair& pair, const char* circuit) {
  return "no edge " + shown_pair(m, pair) + " in " + circuit;
}

}  // namespace

void simulator::check(const intervention& p) const {
  const auto refuse = [](const std::string& found, const std::string& expected,
                         const std::string& hint = {}) {
    throw unavailable_error("intervention", found, expected, hint);
  };
  const bool direct = model_.is_direct();
  if (p.what == intervention_kind::inhibition && !direct)
    refuse("inhibition in circuits through hubs, whose edges are both", "explicit edges",
           "bdh import --circuit direct");
  if (p.what == intervention_kind::lesion && p.on == target::neurons && !p.layers.empty())
    refuse("a lesion of neurons in some layers", "all layers",
           "silence x: and y: hold them at 0 in some");
  if (p.on == target::gy && !direct)
    refuse("an edge of gy through hubs: what it carries, A of one source, is not known there",
           "explicit edges", "bdh import --circuit direct");
  if (direct)
    for (const neuron_pair& pair : p.pairs) {
      const direct_circuits& c = model_.direct();
      if (p.on == target::synapses && !c.gs.find(pair.pre, pair.post))
        throw input_error("intervention", no_edge(model_, pair, "gs"), "a synapse of the model");
      if (p.on == target::gx && !c.gx_excitatory.find(pair.pre, pair.post) &&
          !c.gx_inhibitory.find(pair.pre, pair.post))
        throw input_error("intervention", no_edge(model_, pair, "gx"), "an edge of the model");
      if (p.on == target::gy && !c.gy_excitatory.find(pair.pre, pair.post) &&
          !c.gy_inhibitory.find(pair.pre, pair.post))
        throw input_error("intervention", no_edge(model_, pair, "gy"), "an edge of the model");
    }
  if (p.acts_once() && p.first < tokens_)
    throw input_error("intervention", "at token " + std::to_string(p.first),
                      "token " + std::to_string(tokens_) + " or later: it acts once");
}

// Through hubs, synapses of single pairs are known only by probes that have seen every token.
std::vector<probe_spec> simulator::probes_needed(const intervention& p) const {
  std::vector<probe_spec> all;
  if (model_.is_direct()) return all;
  const auto layers = [&](auto use) {
    for (layer_id l = 1; l <= model_.layers(); ++l)
      if (p.layers.empty() || std::binary_search(p.layers.begin(), p.layers.end(), l)) use(l);
  };
  if (p.on == target::synapses)
    for (const neuron_pair& pair : p.pairs)
      layers([&](layer_id l) { all.push_back({pair, l, probe_factor::w}); });
  // What was written to a neuron before its lesion must not arrive any more. Nothing is written to
  // one that was never there.
  const bool always = p.always || (p.first == 0 && tokens_ == 0);
  if (p.what == intervention_kind::lesion && p.on == target::neurons && !always) {
    const std::uint64_t count = std::uint64_t{p.neurons.size()} * model_.neurons() *
                                (p.layers.empty() ? model_.layers() : p.layers.size());
    if (count > most_probes)
      throw unavailable_error(
          "intervention",
          "a lesion that needs " + std::to_string(count) + " probes, of all synapses to " +
              std::to_string(p.neurons.size()) + " neurons",
          "at most " + std::to_string(most_probes), "lesion from token 0 needs none");
    for (neuron_id k : p.neurons)
      for (neuron_id i = 0; i < model_.neurons(); ++i)
        layers([&](layer_id l) { all.push_back({{i, k}, l, probe_factor::w}); });
  }
  return all;
}

// Through hubs nothing keeps a strength from a neuron that was removed before anything was written
// to it.
void simulator::expect_there(const intervention& set, const intervention& lesion) const {
  if (model_.is_direct() || set.what != intervention_kind::set ||
      lesion.what != intervention_kind::lesion || !lesion.always || set.first > lesion.last)
    return;
  for (const neuron_pair& pair : set.pairs)
    if (std::find(lesion.neurons.begin(), lesion.neurons.end(), pair.post) != lesion.neurons.end())
      throw unavailable_error(
          "intervention",
          "the strength of " + shown_pair(model_, pair) + ", to a neuron that a lesion removes",
          "a neuron that is there");
}

int simulator::perturb(const intervention& p) {
  check_between_tokens();
  expect_in_range(model_, p);
  check(p);
  const std::vector<probe_spec> needed = probes_needed(p);
  if (!needed.empty() && tokens_ != 0)
    for (const probe_spec& spec : needed) {
      const auto at = probes_.find(spec);
      if (!at || probes_.since(*at) != 0)
        throw unavailable_error(
            "intervention",
            "synapse " + shown_pair(model_, spec.pair) +
                ", of which nobody kept what was written before",
            "a synapse that is probed from the first token",
            p.on == target::neurons ? "lesion at token 0, or silence x: and y:" : "");
    }
  intervention kept = p;
  kept.always = p.always || (p.first == 0 && tokens_ == 0);
  for (const auto& [number, other] : interventions_) {
    expect_there(other, kept);
    expect_there(kept, other);
  }
  for (const probe_spec& spec : needed) probe(spec);
  if (!model_.is_direct() && p.on == target::gx) follows_ = true;
  interventions_.emplace(++numbers_, std::move(kept));
  controlled_.assign(1, 0);  // no such number: anew
  return numbers_;
}

void simulator::release(int number) {
  check_between_tokens();
  interventions_.erase(number);
  controlled_.assign(1, 0);
}

void simulator::control() {
  for (const auto& [number, p] : interventions_)
    if (p.acts_once() && p.first == tokens_) do_once(p);
  std::vector<int> now;
  for (const auto& [number, p] : interventions_)
    if (!p.acts_once() && p.during(tokens_)) now.push_back(number);
  if (now != controlled_) {
    controls_ = {};
    controls_.layers.resize(model_.layers());
    cut_probes_.assign(model_.layers(), {});
    // Lesions last: nothing is held at a neuron that is not there.
    for (const bool lesion : {false, true})
      for (int number : now)
        if ((interventions_.at(number).what == intervention_kind::lesion) == lesion)
          add(interventions_.at(number), controls_);
    sort_unique(controls_.removed);
    for (layer_controls& l : controls_.layers)
      for (auto* list : {&l.mute_gx_excitatory, &l.mute_gx_inhibitory, &l.mute_gy_excitatory,
                         &l.mute_gy_inhibitory, &l.mute_synapses})
        sort_unique(*list);
    for (layer_id l = 1; l <= model_.layers(); ++l) {
      layer_controls& in = controls_.layers[l - 1];
      sort_unique(in.cut_gx);  // what two lesions cut is cut once
      sort_unique(in.cut_synapses);
      for (const cut_term& cut : in.cut_synapses) {
        const auto probe = probes_.find({{cut.source, cut.target}, l, probe_factor::w});
        if (!probe || probes_.since(*probe) != 0)
          throw unavailable_error(
              "intervention",
              "strengths of cut synapses that nobody kept: the state restored does not have them",
              "a state with the probes of " + shown_pair(model_, {cut.source, cut.target}));
        cut_probes_[l - 1].push_back(*probe);
      }
    }
    controlled_ = now;
  }
  for (std::size_t l = 0; l < controls_.layers.size(); ++l)
    for (std::size_t k = 0; k < cut_probes_[l].size(); ++k)
      controls_.layers[l].cut_synapses[k].value = probes_.strength(cut_probes_[l][k]);
  engine_->control(now.empty() ? nullptr : &controls_);
}

void simulator::add(const intervention& p, controls& to) const {
  const float value = static_cast<float>(p.value);
  switch (p.what) {
    case intervention_kind::freeze:
      for_layers(p, to, [](layer_controls& l) { l.frozen = true; });
      return;
    case intervention_kind::inhibition:
      for_layers(p, to, [&](layer_controls& l) { l.inhibition *= value; });
      return;
    case intervention_kind::silence:
    case intervention_kind::clamp:
      for_layers(p, to, [&](layer_controls& l) {
        hold(p.on == target::x ? l.hold_x : l.hold_y, p.neurons, value, false);
      });
      return;
    case intervention_kind::stimulate:
      for_layers(p, to, [&](layer_controls& l) {
        hold(p.on == target::x ? l.add_x : l.add_y, p.neurons, value, true);
      });
      return;
    default:
      break;
  }
  if (p.on == target::neurons) {
    for_layers(p, to, [&](layer_controls& l) {
      hold(l.hold_x, p.neurons, 0, false);
      hold(l.hold_y, p.neurons, 0, false);
    });
    to.removed.insert(to.removed.end(), p.neurons.begin(), p.neurons.end());
  }
  if (model_.is_direct()) {
    const direct_circuits& c = model_.direct();
    const auto mute = [&](const projection& circuit, std::vector<edge_id> layer_controls::*list,
                          const neuron_pair& pair) {
      if (const auto edge = circuit.find(pair.pre, pair.post))
        for_layers(p, to, [&](layer_controls& l) { (l.*list).push_back(*edge); });
    };
    for (const neuron_pair& pair : p.pairs) {
      if (p.on == target::synapses) mute(c.gs, &layer_controls::mute_synapses, pair);
      if (p.on == target::gx) mute(c.gx_excitatory, &layer_controls::mute_gx_excitatory, pair);
      if (p.on == target::gx) mute(c.gx_inhibitory, &layer_controls::mute_gx_inhibitory, pair);
      if (p.on == target::gy) mute(c.gy_excitatory, &layer_controls::mute_gy_excitatory, pair);
      if (p.on == target::gy) mute(c.gy_inhibitory, &layer_controls::mute_gy_inhibitory, pair);
    }
    return;
  }
  if (p.on == target::gx)
    for (const neuron_pair& pair : p.pairs)
      for_layers(p, to, [&](layer_controls& l) { l.cut_gx.push_back({pair.pre, pair.post, 0}); });
  if (p.on == target::synapses || p.on == target::neurons)
    for (const probe_spec& spec : probes_needed(p))
      to.layers[spec.layer - 1].cut_synapses.push_back({spec.pair.pre, spec.pair.post, 0});
}

// As W changes, so does what the cut edges would carry.
void simulator::cut_edges_through_hubs() {
  for (layer_controls& l : controls_.layers)
    for (cut_term& cut : l.cut_gx) {
      const float w = source_w_[cut.source];
      cut.value =
          w == 0
              ? 0
              : dot(hub_row(model_.circuits().dx, cut.target), hub_column(model_, cut.source)) * w;
    }
}

void simulator::do_once(const intervention& p) {
  const float value = static_cast<float>(p.value);
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    if (!p.layers.empty() && !std::binary_search(p.layers.begin(), p.layers.end(), l)) continue;
    if (p.pairs.empty()) {
      layer_synapses all = engine_->save(l);
      std::fill(all.stored.begin(), all.stored.end(), 0.0f);
      engine_->restore(l, all);
      probes_.clear(l);
      continue;
    }
    for (const neuron_pair& pair : p.pairs) {
      const auto follow = [&] {
        if (const auto at = probes_.find({pair, l, probe_factor::w})) probes_.set(*at, p.value);
        if (p.what != intervention_kind::reset)
          return;  // what Y would have written is forgotten, too
        if (const auto at = probes_.find({pair, l, probe_factor::y})) probes_.set(*at, 0);
      };
      if (model_.is_direct()) {
        const edge_id edge = *model_.direct().gs.find(pair.pre, pair.post);
        engine_->write_synapses(l, {&edge, 1}, {&value, 1});
        follow();
        continue;
      }
      // sigma(i->j) by so much more is rho(i) by so much more of what j contributes to the hubs.
      const std::size_t at = *probes_.find({pair, l, probe_factor::w});
      const double more = p.value - probes_.strength(at);
      const std::vector<double> column = hub_column(model_, pair.post);
      std::vector<edge_id> which(model_.hubs());
      for (neuron_id k = 0; k < model_.hubs(); ++k)
        which[k] = edge_id{pair.pre} * model_.hubs() + k;
      std::vector<float> row(model_.hubs());
      engine_->read_synapses(l, which, row);
      for (neuron_id k = 0; k < model_.hubs(); ++k)
        row[k] = static_cast<float>(row[k] + more * column[k]);
      engine_->write_synapses(l, which, row);
      follow();
    }
  }
}

}  // namespace bdh
