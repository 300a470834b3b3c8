#include <algorithm>
#include <string>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/selection/normalize.hpp"
#include "core/simulation/bounds.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/probes_needed.hpp"
#include "core/simulation/stream_position.hpp"
#include "core/simulation/weight_learner.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t max_probes = std::uint64_t{1} << 24;

[[noreturn]] void refuse(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) {
  throw unavailable_error("intervention", found, expected, hint);
}

// Whether `p` holds from before anything was written.
bool from_the_start(const intervention& p, std::uint64_t tokens) {
  return p.always || (p.first == 0 && tokens == 0 && !p.pulses());
}

}  // namespace

std::vector<probe_spec> probes_needed(const model& m, const intervention& p, std::uint64_t tokens) {
  std::vector<probe_spec> all;
  if (m.is_direct()) return all;
  const auto layers = [&](auto use) {
    for (layer_id l = 1; l <= m.layers(); ++l)
      if (p.layers.empty() || std::binary_search(p.layers.begin(), p.layers.end(), l)) use(l);
  };
  if (p.on == target::synapses)
    for (const neuron_pair& pair : p.pairs)
      layers([&](layer_id l) { all.push_back({pair, l, probe_factor::w}); });
  // What was written to a neuron before its lesion must not arrive any more. To a neuron that was
  // removed from the start nothing is written.
  if (p.what == intervention_kind::lesion && p.on == target::neurons &&
      !from_the_start(p, tokens)) {
    const std::uint64_t count = std::uint64_t{p.neurons.size()} * m.neurons() *
                                (p.layers.empty() ? m.layers() : p.layers.size());
    if (count > max_probes)
      refuse("a lesion that needs " + std::to_string(count) + " probes, of all synapses to " +
                 std::to_string(p.neurons.size()) + " neurons",
             "at most " + std::to_string(max_probes), "lesion from token 0 needs none");
    for (neuron_id k : p.neurons)
      for (neuron_id i = 0; i < m.neurons(); ++i)
        layers([&](layer_id l) { all.push_back({{i, k}, l, probe_factor::w}); });
  }
  return all;
}

void intervention_set::expect_possible(const intervention& p) const {
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
  if (direct) expect_edges(p);
  const spiking* const spikes = engine_.spikes();
  if (spikes && spikes->emits(spike_source::w) && !direct && p.on == target::gx)
    refuse("an edge of gx where hubs spike: what it carries comes from no single source",
           "graded hubs, or explicit edges");
  if (p.acts_once() && p.last_position() < position_.tokens)
    throw input_error("intervention", "at token " + std::to_string(p.last_position()),
                      "token " + std::to_string(position_.tokens) + " or later: it acts once");
}

void intervention_set::expect_edges(const intervention& p) const {
  const direct_circuits& c = model_.direct();
  const auto expect = [&](const neuron_pair& pair, bool found, const char* circuit,
                          const char* expected) {
    if (!found)
      throw input_error("intervention", "no edge " + shown_pair(model_, pair) + " in " + circuit,
                        expected);
  };
  for (const neuron_pair& pair : p.pairs) {
    const auto in = [&](const projection& edges) {
      return edges.find(pair.pre, pair.post).has_value();
    };
    if (p.on == target::synapses) expect(pair, in(c.gs), "gs", "a synapse of the model");
    if (p.on == target::gx)
      expect(pair, in(c.gx_excitatory) || in(c.gx_inhibitory), "gx", "an edge of the model");
    if (p.on == target::gy)
      expect(pair, in(c.gy_excitatory) || in(c.gy_inhibitory), "gy", "an edge of the model");
  }
}

void intervention_set::expect_probed(const intervention& p,
                                     const std::vector<probe_spec>& needed) const {
  if (position_.tokens == 0) return;
  for (const probe_spec& spec : needed) {
    const auto at = probes_.find(spec);
    if (!at || probes_.since(*at) != 0)
      refuse(
          "synapse " + shown_pair(model_, spec.pair) + ", whose earlier writes were not recorded",
          "a synapse that is probed from the first token",
          p.on == target::neurons ? "lesion at token 0, or silence x: and y:" : "");
  }
}

// Through hubs there is no strength from a neuron that was removed before anything was written to
// it.
void intervention_set::expect_there(const intervention& set, const intervention& lesion) const {
  if (model_.is_direct() || set.what != intervention_kind::set ||
      lesion.what != intervention_kind::lesion || !lesion.always || set.first > lesion.last)
    return;
  for (const neuron_pair& pair : set.pairs)
    if (std::find(lesion.neurons.begin(), lesion.neurons.end(), pair.post) != lesion.neurons.end())
      refuse("the strength of " + shown_pair(model_, pair) + ", to a neuron that a lesion removes",
             "a neuron that is there");
}

std::vector<probe_spec> intervention_set::probes_needed(const intervention& p) const {
  return bdh::probes_needed(model_, p, position_.tokens);
}

int intervention_set::add(const intervention& p) {
  position_.expect_between_tokens();
  expect_all_sites_local("intervention", engine_);
  expect_in_range(model_, p);
  expect_possible(p);
  const std::vector<probe_spec> needed = probes_needed(p);
  expect_probed(p, needed);
  intervention added = p;
  normalize(added);
  const bool is_noise = added.what == intervention_kind::noise;
  if (is_noise && added.noise.stream == 0) added.noise.stream = noises_ + 1;
  added.always = from_the_start(p, position_.tokens);
  if (engine_.learner()) expect_learning_allowed(added);
  for (const auto& [number, other] : all_) {
    expect_there(other, added);
    expect_there(added, other);
  }
  for (const probe_spec& spec : needed) probes_.add(spec);
  if (!model_.is_direct() && p.on == target::gx) sources_.follow();
  noises_ += is_noise;
  all_.emplace(next_id_, std::move(added));
  return next_id_++;
}

void intervention_set::remove(int number) {
  position_.expect_between_tokens();
  all_.erase(number);
}

}  // namespace bdh
