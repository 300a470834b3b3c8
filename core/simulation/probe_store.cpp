#include "core/simulation/probe_store.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <string>

#include <bdh/error.hpp>

#include "core/base/sincos.hpp"
#include "core/simulation/plasticity.hpp"

namespace bdh {
namespace {

std::vector<cos_sin> turns_of(const model& m) {
  if (!m.rotation().present()) return {{1, 0}};
  std::vector<cos_sin> turns(m.neurons_per_head());
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns[i] = sincos_turns(m.rotation().frequency()[i / 2]);
    if (i % 2 == 1) turns[i].sine = -turns[i].sine;
  }
  return turns;
}

}  // namespace

probe_store::probe_store(const model& m, double retention)
    : model_(m), retention_(retention), of_layer_(m.layers()) {}

std::size_t probe_store::place(const probe_spec& what, std::uint64_t since) {
  if (what.layer < 1 || what.layer > model_.layers())
    throw input_error("layer", std::to_string(what.layer),
                      "1 to " + std::to_string(model_.layers()));
  if (what.pair.pre >= model_.neurons())
    throw input_error("neuron", std::to_string(what.pair.pre),
                      "0 to " + std::to_string(model_.neurons() - 1));
  if (what.pair.post >= model_.sources())
    throw input_error("source", std::to_string(what.pair.post),
                      "0 to " + std::to_string(model_.sources() - 1));
  const auto [at, is_new] = number_.try_emplace(what, spec_.size());
  if (!is_new) return at->second;
  const plasticity kept = plasticity_of(model_, retention_, what.pair);
  const neuron_id i = what.pair.pre;
  if (turns_.empty()) turns_ = turns_of(model_);
  layer_probes& own = of_layer_[what.layer - 1];
  index_.push_back(own.synapses.size());
  own.synapses.push_back({.retention = kept.retention,
                          .pre = i,
                          .turn = static_cast<std::uint32_t>(i % turns_.size())});
  own.writes.push_back(
      {what.pair.post, kept.rate, kept.partner_rate, what.factor == probe_factor::y});
  own.number.push_back(spec_.size());
  own.sorted = false;
  own.some_by_y |= what.factor == probe_factor::y;
  spec_.push_back(what);
  since_.push_back(since);
  return spec_.size() - 1;
}

std::optional<std::size_t> probe_store::find(const probe_spec& what) const {
  const auto at = number_.find(what);
  return at == number_.end() ? std::nullopt : std::optional(at->second);
}

void probe_store::sort() {
  for (layer_probes& own : of_layer_) {
    if (own.sorted) continue;
    std::vector<std::size_t> order(own.synapses.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return own.synapses[a].pre < own.synapses[b].pre;
    });
    const auto sorted = [&order](const auto& of) {
      auto out = of;
      for (std::size_t k = 0; k < order.size(); ++k) out[k] = of[order[k]];
      return out;
    };
    own.synapses = sorted(own.synapses);
    own.writes = sorted(own.writes);
    own.number = sorted(own.number);
    for (std::size_t k = 0; k < order.size(); ++k) index_[own.number[k]] = k;
    own.sorted = true;
  }
}

void probe_store::write(layer_id layer, const activity& of, std::size_t part,
                        std::size_t parts) noexcept {
  const auto [x, w, y, frozen] = of;
  layer_probes& own = of_layer_[layer - 1];
  const neuron_id partner = model_.rotation().present() ? 1 : 0;
  const auto bits = [at = x](neuron_id i) {
    return std::bit_cast<std::uint32_t>(at[i]) << 1;
  };                                     // 0: no X, of either sign
  constexpr std::size_t together = 256;  // stay in the nearest cache
  const std::size_t end = own.synapses.size() * (part + 1) / parts;
  for (std::size_t first = own.synapses.size() * part / parts; first < end; first += together) {
    const auto some = std::span(own.synapses).subspan(first, std::min(together, end - first));
    std::array<std::uint16_t, together> reached;
    std::size_t count = 0;
    for (std::size_t k = 0; k < some.size() && !frozen;
         ++k) {  // without a branch, which could not be predicted
      reached[count] = static_cast<std::uint16_t>(k);
      count += (bits(some[k].pre) | bits(some[k].pre ^ partner)) != 0;
    }
    for (const std::uint16_t k : std::span(reached).first(count)) {
      const hebbian& write = own.writes[first + k];
      double factor = 0;  // sensory nodes have no Y
      if (!write.by_y)
        factor = w[write.post];
      else if (write.post < y.size())
        factor = y[write.post];
      some[k].strength += factor * (write.rate * x[some[k].pre]);
      some[k].partner += factor * (write.partner_rate * x[some[k].pre ^ partner]);
    }
    for (synapse& s : some) {  // row vector times R: an even member takes c and, of its partner, s;
                               // an odd one c and -s
      const double c = s.retention * turns_[s.turn].cosine, mix = s.retention * turns_[s.turn].sine,
                   before = s.strength;
      s.strength = before * c + s.partner * mix;
      s.partner = s.partner * c - before * mix;
    }
  }
}

void probe_store::set(const probe_spec& what, double strength) noexcept {
  if (const auto p = find(what)) at(*p).strength = strength;
  if (!model_.rotation().present()) return;
  probe_spec partner = what;
  partner.pair.pre ^= 1;
  if (const auto other = find(partner)) at(*other).partner = strength;
}

void probe_store::clear(layer_id layer) noexcept {
  for (synapse& s : of_layer_[layer - 1].synapses) s.strength = s.partner = 0;
}

void probe_store::clear_synapses() noexcept {
  for (layer_id l = 1; l <= of_layer_.size(); ++l) clear(l);
  std::fill(since_.begin(), since_.end(), 0);
}

std::vector<probe_record> probe_store::save() const {
  std::vector<probe_record> all;
  for (std::size_t p = 0; p < spec_.size(); ++p)
    all.push_back({spec_[p], since_[p], strength(p), at(p).partner + 0.0});
  return all;
}

void probe_store::restore(std::span<const probe_record> from, std::uint64_t tokens) {
  clear_synapses();
  std::fill(since_.begin(), since_.end(), tokens);
  for (const probe_record& r : from) {
    const std::size_t p = place(r.what, r.since);
    since_[p] = r.since;
    at(p).strength = r.strength;
    at(p).partner = r.partner;
  }
}

}  // namespace bdh
