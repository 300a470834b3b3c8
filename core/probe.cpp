#include "core/probe.hpp"

#include <algorithm>
#include <string>

#include "core/base/error.hpp"
#include "core/base/turn.hpp"
#include "core/plasticity.hpp"

namespace bdh {

probe_set::probe_set(const model& m, double retention) : model_(m), retention_(retention), of_layer_(m.layers()) {}

std::size_t probe_set::place(const probe_spec& what, std::uint64_t since) {
  if (what.layer < 1 || what.layer > model_.layers())
    throw input_error("layer", std::to_string(what.layer), "1 to " + std::to_string(model_.layers()));
  if (what.pair.pre >= model_.neurons())
    throw input_error("neuron", std::to_string(what.pair.pre), "0 to " + std::to_string(model_.neurons() - 1));
  if (what.pair.post >= model_.sources())
    throw input_error("source", std::to_string(what.pair.post), "0 to " + std::to_string(model_.sources() - 1));
  const auto [at, is_new] = number_.try_emplace(what, spec_.size());
  if (!is_new) return at->second;
  const plasticity kept = plasticity_of(model_, retention_, what.pair);
  const neuron_id i = what.pair.pre;
  synapse s{.rate = kept.rate,
            .partner_rate = kept.partner_rate,
            .keep = kept.retention,
            .mix = 0,
            .pre = i,
            .partner_pre = i,
            .post = what.pair.post,
            .by_y = what.factor == probe_factor::y};
  if (model_.turning().present()) {
    const direction d = turn(model_.turning().frequency()[i % model_.neurons_per_head() / 2]);
    s.keep = kept.retention * d.cosine;
    s.mix = kept.retention * (i % 2 == 0 ? d.sine : -d.sine);
    s.partner_pre = i ^ 1;
  }
  index_.push_back(of_layer_[what.layer - 1].size());
  of_layer_[what.layer - 1].push_back(s);
  spec_.push_back(what);
  since_.push_back(since);
  return spec_.size() - 1;
}

std::optional<std::size_t> probe_set::find(const probe_spec& what) const {
  const auto at = number_.find(what);
  return at == number_.end() ? std::nullopt : std::optional(at->second);
}

// Row vector times R: an even member takes c and, of its partner, s; an odd one c and -s.
void probe_set::write(layer_id layer, std::span<const float> x, std::span<const float> w, std::span<const float> y, bool frozen) noexcept {
  for (synapse& s : of_layer_[layer - 1]) {
    const double factor = frozen ? 0.0f : !s.by_y ? w[s.post] : s.post < y.size() ? y[s.post] : 0.0f;
    if (factor == 0 && s.strength == 0 && s.partner == 0) continue;
    const double mine = s.strength + factor * (s.rate * x[s.pre]), other = s.partner + factor * (s.partner_rate * x[s.partner_pre]);
    s.strength = mine * s.keep + other * s.mix;
    s.partner = other * s.keep - mine * s.mix;
  }
}

void probe_set::set(std::size_t p, double strength) noexcept {
  at(p).strength = strength;
  if (!model_.turning().present()) return;
  probe_spec partner = spec_[p];
  partner.pair.pre ^= 1;
  if (const auto other = find(partner)) at(*other).partner = strength;
}

void probe_set::clear(layer_id layer) noexcept {
  for (synapse& s : of_layer_[layer - 1]) s.strength = s.partner = 0;
}

void probe_set::forget() noexcept {
  for (layer_id l = 1; l <= of_layer_.size(); ++l) clear(l);
  std::fill(since_.begin(), since_.end(), 0);
}

std::vector<probe_record> probe_set::save() const {
  std::vector<probe_record> all;
  for (std::size_t p = 0; p < spec_.size(); ++p) all.push_back({spec_[p], since_[p], at(p).strength, at(p).partner});
  return all;
}

void probe_set::restore(std::span<const probe_record> from, std::uint64_t tokens) {
  forget();
  std::fill(since_.begin(), since_.end(), tokens);
  for (const probe_record& r : from) {
    const std::size_t p = place(r.what, r.since);
    since_[p] = r.since;
    at(p).strength = r.strength;
    at(p).partner = r.partner;
  }
}

}  // namespace bdh
