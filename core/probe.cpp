#include "core/probe.hpp"

#include <algorithm>
#include <string>

#include "core/base/error.hpp"
#include "core/base/turn.hpp"

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
  of_layer_[what.layer - 1].push_back(static_cast<std::uint32_t>(spec_.size()));
  spec_.push_back(what);
  since_.push_back(since);
  strength_.push_back(0);
  partner_.push_back(0);
  return spec_.size() - 1;
}

std::optional<std::size_t> probe_set::find(const probe_spec& what) const {
  const auto at = number_.find(what);
  return at == number_.end() ? std::nullopt : std::optional(at->second);
}

void probe_set::write(layer_id layer, std::span<const float> x, std::span<const float> w, std::span<const float> y) noexcept {
  const bool rotates = model_.turning().present();
  const auto frequency = model_.turning().frequency();
  if (rotates && angle_.empty())
    for (const double f : frequency) angle_.push_back(turn(f));
  for (const std::uint32_t p : of_layer_[layer - 1]) {
    const neuron_id i = spec_[p].pair.pre, j = spec_[p].pair.post;
    const double factor = spec_[p].factor == probe_factor::w ? w[j] : j < y.size() ? y[j] : 0.0f;
    const double mine = strength_[p] + factor * x[i];
    if (!rotates) {
      strength_[p] = mine * retention_;
      continue;
    }
    // Row vector times R: an even member takes c, s with its partner, an odd one c, -s.
    const double other = partner_[p] + factor * x[i ^ 1];
    const direction d = angle_[i % model_.neurons_per_head() / 2];
    const double s = i % 2 == 0 ? d.sine : -d.sine;
    strength_[p] = (mine * d.cosine + other * s) * retention_;
    partner_[p] = (other * d.cosine - mine * s) * retention_;
  }
}

void probe_set::set(std::size_t p, double strength) noexcept {
  strength_[p] = strength;
  if (!model_.turning().present()) return;
  probe_spec partner = spec_[p];
  partner.pair.pre ^= 1;
  if (const auto at = find(partner)) partner_[*at] = strength;
}

void probe_set::clear(layer_id layer) noexcept {
  for (const std::uint32_t p : of_layer_[layer - 1]) strength_[p] = partner_[p] = 0;
}

void probe_set::forget() noexcept {
  std::fill(strength_.begin(), strength_.end(), 0.0);
  std::fill(partner_.begin(), partner_.end(), 0.0);
  std::fill(since_.begin(), since_.end(), 0);
}

std::vector<probe_record> probe_set::save() const {
  std::vector<probe_record> all;
  for (std::size_t p = 0; p < spec_.size(); ++p) all.push_back({spec_[p], since_[p], strength_[p], partner_[p]});
  return all;
}

void probe_set::restore(std::span<const probe_record> from, std::uint64_t tokens) {
  forget();
  std::fill(since_.begin(), since_.end(), tokens);
  for (const probe_record& r : from) {
    const std::size_t p = place(r.what, r.since);
    since_[p] = r.since;
    strength_[p] = r.strength;
    partner_[p] = r.partner;
  }
}

}  // namespace bdh
