// When an intervention holds, and the value that it has then.
#include <algorithm>
#include <string>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "core/base/random.hpp"
#include "core/base/rounded.hpp"
#include "core/selection/normalize.hpp"

namespace bdh {
namespace {

std::uint64_t sum_or_end(std::uint64_t a, std::uint64_t b) noexcept {
  return a > without_end - b ? without_end : a + b;
}

// Poisson by inversion: the smallest k whose distribution function exceeds u, of [0, 1).
double poisson_quantile(double rate, double u) noexcept {
  double k = 0, term = rounded::exp(-rate), below = term;
  while (u >= below && term > 0) {
    k += 1;
    term *= rate / k;
    below += term;
  }
  return k;
}

}  // namespace

void normalize(intervention& p) {
  const auto refuse = [](const std::string& found, const std::string& expected) {
    throw input_error("intervention", found, expected);
  };
  if (p.every != 0 && !p.onsets.empty()) refuse("at and every", "one of the two");
  if (p.length == 0) refuse("pulses of 0 tokens", "1 or more");
  if (p.acts_once() && p.length != 1)
    refuse("for " + std::to_string(p.length), "no duration: it acts once at each of its positions");
  if (!p.course.empty() && (p.course.size() != p.length || !p.pulses()))
    refuse(std::to_string(p.course.size()) + " values", "a pulse of as many tokens");
  if (p.every != 0 && p.length > p.every)
    refuse("for " + std::to_string(p.length) + " every " + std::to_string(p.every),
           "pulses that end before the next one");
  for (std::size_t k = 1; k < p.onsets.size(); ++k)
    if (p.onsets[k] - p.onsets[k - 1] < p.length)
      refuse("pulses of " + std::to_string(p.length) + " tokens at " +
                 std::to_string(p.onsets[k - 1]) + " and " + std::to_string(p.onsets[k]),
             "pulses that end before the next one");
  if (p.onsets.empty()) return;
  p.first = std::max(p.first, p.onsets.front());
  p.last = std::min(p.last, sum_or_end(p.onsets.back(), p.length - 1));
  if (p.onsets.size() == 1 && p.course.empty()) p.onsets.clear(), p.length = 1;
}

std::optional<std::uint64_t> intervention::onset_at(std::uint64_t position) const noexcept {
  if (position < first || position > last) return std::nullopt;
  if (!pulses()) return acts_once() && position != first ? std::nullopt : std::optional(first);
  std::uint64_t onset = 0;
  if (every != 0) {
    onset = position - (position - first) % every;
  } else {
    const auto after = std::ranges::upper_bound(onsets, position);
    if (after == onsets.begin()) return std::nullopt;
    onset = *(after - 1);
  }
  return position - onset < length ? std::optional(onset) : std::nullopt;
}

std::uint64_t intervention::first_position() const noexcept {
  return onsets.empty() ? first : std::max(first, onsets.front());
}

std::uint64_t intervention::last_position() const noexcept {
  if (!pulses()) return acts_once() ? first : last;
  if (every != 0 && last == without_end) return without_end;
  const std::uint64_t onset = every != 0 ? last - (last - first) % every : onsets.back();
  return std::min(last, sum_or_end(onset, length - 1));
}

double intervention::value_at(std::uint64_t position) const noexcept {
  if (course.empty()) return value;
  const std::uint64_t turn = position - onset_at(position).value_or(position);
  return turn < course.size() ? course[turn] : 0;
}

double intervention::noise_at(std::uint64_t position, layer_id layer,
                              neuron_id neuron) const noexcept {
  const std::uint64_t item = std::uint64_t{noise.stream} << 32 | neuron,
                      step = position << 24 | std::uint64_t{layer} << 1 | (on == target::y ? 1 : 0);
  const std::uint64_t seed = noise.seed.value_or(0);
  if (noise.by == noise_current::law::gaussian)
    return noise.mean + noise.deviation * normal(seed, purpose::noise, item, step);
  return noise.size * poisson_quantile(noise.rate, uniform(seed, purpose::noise, item, step));
}

}  // namespace bdh
