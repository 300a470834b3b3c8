#include "core/analysis/pair_strengths.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include <bdh/error.hpp>

#include "core/base/sincos.hpp"

namespace bdh {
namespace {

constexpr neuron_id units_of_a_block = 32;
constexpr std::size_t most_pending = 32;  // tokens that one pass writes
constexpr std::size_t columns_at_once = 512;

// Of finite values. As integers, sizes are ordered as they are as numbers, and compared in vectors.
float largest_size(std::span<const float> values) {
  std::int32_t most = 0;
  for (const float value : values)
    most = std::max(most, std::bit_cast<std::int32_t>(value) & 0x7fffffff);
  return std::bit_cast<float>(most);
}

bool holds_in(const intervention& p, layer_id layer) {
  return p.layers.empty() || std::binary_search(p.layers.begin(), p.layers.end(), layer);
}

}  // namespace

// Of a unit: the strengths of its neurons to every target, at the clock of their last write.
struct pair_strengths::rows {
  neuron_id unit;
  std::span<float> even, odd;  // odd: empty where nothing rotates
  std::uint64_t& last;
};

pair_strengths::pair_strengths(const model& m, double retention, layer_id layer,
                               probe_factor factor, executor& work, kept_pairs what)
    : model_(m),
      retention_(retention),
      layer_(layer),
      factor_(factor),
      work_(work),
      kept_(what),
      unit_size_(m.rotation().present() ? 2 : 1),
      units_(m.neurons() / unit_size_) {
  if (m.is_direct())
    throw unavailable_error("pairs of neurons", "a model whose synapses are explicit edges",
                            "one through hubs");
  if (layer < 1 || layer > m.layers())
    throw input_error("layer", std::to_string(layer), "1 to " + std::to_string(m.layers()));
}

pair_strengths::~pair_strengths() { stop(); }

double pair_strengths::bytes(const model& m) noexcept {
  return sizeof(float) * static_cast<double>(m.neurons()) * static_cast<double>(m.neurons());
}

// ---- what changes them

void pair_strengths::follow(simulator& brain) {
  stop();
  brain_ = &brain;
  if (brain.spikes())
    throw unavailable_error("strengths of pairs", "a network of spikes",
                            "activity that travels as it is");
  if (factor_ == probe_factor::w) brain.follow_sources();
  observer_ = brain.observe([this](layer_id layer, moment at) { after_round(layer, at); });
}

void pair_strengths::stop() noexcept {
  if (brain_ != nullptr) brain_->stop_observing(observer_);
  brain_ = nullptr;
}

// After round 1 of a layer X is that layer's, Y still that of the layer before, and W what was
// written.
void pair_strengths::after_round(layer_id layer, moment at) {
  if (layer != layer_ || at != moment::synapses_written) return;
  take_interventions();
  if (!frozen()) take_token();
  ++clock_;
}

bool pair_strengths::frozen() const {
  return std::ranges::any_of(brain_->interventions(), [&](const auto& numbered) {
    const intervention& p = numbered.second;
    return p.what == intervention_kind::freeze && p.during(brain_->tokens()) && holds_in(p, layer_);
  });
}

// Those that act once did so before the token.
void pair_strengths::take_interventions() {
  for (const auto& [number, p] : brain_->interventions()) {
    if (!p.acts_once() || !p.begins_at(brain_->tokens()) || !holds_in(p, layer_)) continue;
    if (p.pairs.empty()) pending_.push_back({.what = change::kind::clear, .clock = clock_});
    // A strength that is set is one by W; a reset is one by Y, too.
    if (p.what == intervention_kind::set && factor_ == probe_factor::y) continue;
    for (const neuron_pair& pair : p.pairs)
      if (pair.post < model_.neurons())
        pending_.push_back({.what = change::kind::set,
                            .clock = clock_,
                            .pair = pair,
                            .strength = static_cast<float>(p.value)});
  }
}

void pair_strengths::take_token() {
  const neuron_id n = model_.neurons();
  change c{.clock = clock_};
  if (factor_ == probe_factor::w) {
    y_ = brain_->sources().activity();
  } else {
    y_.resize(n);
    brain_->read(variable::y, y_);
  }
  for (neuron_id j = 0; j < n; ++j)
    if (y_[j] != 0) {
      c.targets.push_back(j);
      c.factors.push_back(y_[j]);
    }
  if (c.targets.empty()) return;
  x_.resize(n);
  brain_->read(variable::x, x_);
  for (neuron_id u = 0; u < units_; ++u) {
    const float even = x_[u * unit_size_], odd = unit_size_ == 2 ? x_[u * 2 + 1] : 0;
    if (even == 0 && odd == 0) continue;
    const cos_sin d = turned(u, clock_);
    c.sources.push_back({u, static_cast<float>(even * d.cosine - odd * d.sine),
                         static_cast<float>(odd * d.cosine + even * d.sine)});
  }
  if (!c.sources.empty()) pending_.push_back(std::move(c));
}

cos_sin pair_strengths::turned(neuron_id unit, std::uint64_t clock) const {
  if (unit_size_ == 1) return {1, 0};
  const double turns = model_.rotation().frequency()[unit % (model_.neurons_per_head() / 2)];
  return sincos_turns(static_cast<double>(clock) * (turns - std::floor(turns)));
}

void pair_strengths::settle() {
  if (kept_ == kept_pairs::strengths && pending_.size() >= most_pending) write_pending();
}

// ---- writing, row by row, each through all that is pending: no order of units changes a bit

void pair_strengths::write_pending() {
  if (pending_.empty()) return;
  if (strengths_.empty()) {
    strengths_ = array<float>(std::size_t{model_.neurons()} * model_.neurons());
    last_.assign(units_, never);
  }
  work_.for_each((units_ + units_of_a_block - 1) / units_of_a_block, [&](std::size_t block) {
    const auto first = static_cast<neuron_id>(block * units_of_a_block);
    write_units(first, std::min<neuron_id>(units_, first + units_of_a_block),
                [&](neuron_id u) { return kept_rows(u); });
  });
  pending_.clear();
}

template <class RowsOf>
void pair_strengths::write_units(neuron_id first, neuron_id last, RowsOf rows_of) const {
  std::vector<std::size_t> next;  // of each change: the first of its sources not below the unit
  for (const change& c : pending_)
    next.push_back(static_cast<std::size_t>(
        std::ranges::lower_bound(c.sources, first, {}, &unit_activity::unit) - c.sources.begin()));
  for (neuron_id u = first; u < last; ++u) {
    rows to = rows_of(u);
    for (std::size_t k = 0; k < pending_.size(); ++k) {
      const auto& sources = pending_[k].sources;
      const bool active = next[k] < sources.size() && sources[next[k]].unit == u;
      apply(pending_[k], active ? &sources[next[k]++] : nullptr, to);
    }
  }
}

pair_strengths::rows pair_strengths::rows_of(float* first, std::uint64_t& last,
                                             neuron_id unit) const {
  const std::size_t n = model_.neurons();
  return {
      .unit = unit, .even = {first, n}, .odd = {first + n, unit_size_ == 2 ? n : 0}, .last = last};
}

pair_strengths::rows pair_strengths::kept_rows(neuron_id unit) {
  return rows_of(strengths_.data() + std::size_t{unit} * unit_size_ * model_.neurons(), last_[unit],
                 unit);
}

void pair_strengths::apply(const change& c, const unit_activity* source, rows& to) const {
  if (c.what == change::kind::clear) {
    std::ranges::fill(to.even, 0.0f);
    std::ranges::fill(to.odd, 0.0f);
    to.last = never;
    return;
  }
  if (c.what == change::kind::set) {
    if (c.pair.pre / unit_size_ == to.unit) set(c, to);
    return;
  }
  if (source == nullptr) return;
  age(to, c.clock);
  for (std::size_t k = 0; k < c.targets.size(); ++k)
    to.even[c.targets[k]] += c.factors[k] * source->even;
  if (!to.odd.empty())
    for (std::size_t k = 0; k < c.targets.size(); ++k)
      to.odd[c.targets[k]] += c.factors[k] * source->odd;
}

void pair_strengths::age(rows& of, std::uint64_t clock) const {
  if (retention_ != 1 && of.last != never && of.last != clock) {
    const auto kept = static_cast<float>(power(retention_, clock - of.last));
    for (float& value : of.even) value *= kept;
    for (float& value : of.odd) value *= kept;
  }
  of.last = clock;
}

// In the laboratory frame, where the strength of the rotation partner stays.
void pair_strengths::set(const change& c, rows& to) const {
  age(to, c.clock);
  float &even = to.even[c.pair.post], none = 0, &odd = to.odd.empty() ? none : to.odd[c.pair.post];
  const cos_sin d = turned(to.unit, c.clock);
  double seen_even = even * d.cosine + odd * d.sine, seen_odd = odd * d.cosine - even * d.sine;
  (c.pair.pre % unit_size_ == 0 ? seen_even : seen_odd) = c.strength;
  even = static_cast<float>(seen_even * d.cosine - seen_odd * d.sine);
  odd = static_cast<float>(seen_odd * d.cosine + seen_even * d.sine);
}

// ---- reading

// The rows of some units, as they are kept, or of this block of the history.
template <class Use>
void pair_strengths::with_rows(neuron_id first, neuron_id last, Use use) {
  if (kept_ == kept_pairs::strengths) {
    for (neuron_id u = first; u < last; ++u) use(kept_rows(u));
    return;
  }
  const std::size_t row = std::size_t{unit_size_} * model_.neurons();
  std::vector<float> strengths((last - first) * row);
  std::vector<std::uint64_t> clocks(last - first, never);
  const auto rows_here = [&](neuron_id u) {
    return rows_of(strengths.data() + (u - first) * row, clocks[u - first], u);
  };
  write_units(first, last, rows_here);
  for (neuron_id u = first; u < last; ++u) use(rows_here(u));
}

std::vector<weighted_pair> pair_strengths::strongest(std::size_t count) {
  if (kept_ == kept_pairs::strengths) write_pending();
  strongest_of_blocks best(count);
  if ((strengths_.empty() && pending_.empty()) || count == 0) return {};
  work_.for_each((units_ + units_of_a_block - 1) / units_of_a_block, [&](std::size_t block) {
    strongest_of_blocks::block found(best);
    std::vector<float> values(columns_at_once);
    const auto first = static_cast<neuron_id>(block * units_of_a_block);
    with_rows(first, std::min<neuron_id>(units_, first + units_of_a_block),
              [&](const rows& of) { rank_unit(of, found, values); });
    best.add(found);
  });
  return best.take();
}

// A row vector times R^clock: an even member takes c and, of its partner, s; an odd one c and -s.
void pair_strengths::rank_unit(const rows& of, strongest_of_blocks::block& to,
                               std::span<float> values) const {
  if (of.last == never) return;
  const neuron_id unit = of.unit;
  const double kept = power(retention_, clock_ - of.last);
  const cos_sin d = turned(unit, clock_);
  const auto c = static_cast<float>(kept * d.cosine), s = static_cast<float>(kept * d.sine);
  const std::size_t n = model_.neurons();
  for (neuron_id member = 0; member < unit_size_; ++member) {
    const float* const own = member == 0 ? of.even.data() : of.odd.data();
    const float* const partner = member == 0 ? of.odd.data() : of.even.data();
    const float mix = member == 0 ? s : -s;
    for (std::size_t first = 0; first < n; first += columns_at_once) {
      const std::size_t columns = std::min(columns_at_once, n - first);
      if (unit_size_ == 2)
        for (std::size_t k = 0; k < columns; ++k)
          values[k] = own[first + k] * c + partner[first + k] * mix;
      else
        for (std::size_t k = 0; k < columns; ++k) values[k] = own[first + k] * c;
      const float most = largest_size(values.first(columns));
      if (!(most > 0) || most < to.bound()) continue;
      for (std::size_t k = 0; k < columns; ++k)
        if (std::abs(values[k]) >= to.bound())
          to.offer({unit * unit_size_ + member, static_cast<neuron_id>(first + k)}, values[k]);
    }
  }
}

float pair_strengths::strength(const neuron_pair& pair) {
  if (kept_ == kept_pairs::strengths) write_pending();
  if (strengths_.empty() && pending_.empty()) return 0;
  const neuron_id unit = pair.pre / unit_size_;
  const cos_sin d = turned(unit, clock_);
  float found = 0;
  with_rows(unit, unit + 1, [&](const rows& of) {
    if (of.last == never) return;
    const double kept = power(retention_, clock_ - of.last);
    const auto c = static_cast<float>(kept * d.cosine), s = static_cast<float>(kept * d.sine);
    const bool is_even = pair.pre % unit_size_ == 0;
    found = (is_even ? of.even : of.odd)[pair.post] * c;
    if (unit_size_ == 2) found += is_even ? of.odd[pair.post] * s : of.even[pair.post] * -s;
  });
  return found;
}

}  // namespace bdh
