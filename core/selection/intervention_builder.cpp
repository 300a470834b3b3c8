#include <algorithm>
#include <cmath>
#include <limits>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "core/base/sort_unique.hpp"
#include "core/selection/normalize.hpp"

namespace bdh {
namespace {

template <class T>
std::vector<T> sorted_once(std::vector<T> all, const char* what) {
  if (all.empty()) throw input_error("intervention", std::string("no ") + what, "one or more");
  sort_unique(all);
  return all;
}

bool is_finite(double value) { return std::isfinite(static_cast<float>(value)); }

double finite(double value, double least, const char* expected) {
  if (!is_finite(value) || value < least) throw input_error("intervention", shown(value), expected);
  return value;
}

target target_of(variable v) {
  if (v == variable::x) return target::x;
  if (v == variable::y) return target::y;
  throw input_error("intervention", v == variable::w ? "variable w" : "variable a",
                    "variable x or y");
}

intervention_builder on_values(intervention_kind what, variable v, std::vector<neuron_id> neurons,
                               double value) {
  intervention p;
  p.what = what;
  p.on = target_of(v);
  p.neurons = sorted_once(std::move(neurons), "neuron");
  p.value = value;
  return intervention_builder(std::move(p));
}

intervention_builder on_pairs(intervention_kind what, target on, std::vector<neuron_pair> pairs,
                              double value = 0) {
  intervention p;
  p.what = what;
  p.on = on;
  p.pairs = sorted_once(std::move(pairs), "pair");
  p.value = value;
  return intervention_builder(std::move(p));
}

intervention_builder on_everything(intervention_kind what, double value = 0) {
  intervention p;
  p.what = what;
  p.value = value;
  return intervention_builder(std::move(p));
}

void expect_below(std::uint64_t found, std::uint64_t end, const char* what) {
  if (found >= end)
    throw input_error("intervention", std::string(what) + " " + std::to_string(found),
                      "0 to " + std::to_string(end - 1));
}

}  // namespace

void expect_in_range(const model& m, const intervention& p) {
  for (const neuron_id i : p.neurons) expect_below(i, m.neurons(), "neuron");
  const bool synapses = p.on == target::synapses;
  for (const neuron_pair& pair : p.pairs) {
    expect_below(pair.pre, synapses ? m.neurons() : m.sources(), synapses ? "neuron" : "source");
    expect_below(pair.post, synapses ? m.sources() : m.neurons(), synapses ? "source" : "neuron");
  }
  for (const layer_id l : p.layers)
    if (l < 1 || l > m.layers())
      throw input_error("intervention", "layer " + std::to_string(l),
                        "1 to " + std::to_string(m.layers()));
  finite(p.value, std::numeric_limits<double>::lowest(), "a value, finite in float32");
  for (const double v : p.course)
    finite(v, std::numeric_limits<double>::lowest(), "values, finite in float32");
}

intervention_builder& intervention_builder::layers(std::vector<layer_id> which) {
  made_.layers = sorted_once(std::move(which), "layer");
  return *this;
}

intervention_builder& intervention_builder::tokens(std::uint64_t first, std::uint64_t last) {
  if (first > last)
    throw input_error("intervention",
                      "tokens " + std::to_string(first) + " to " + std::to_string(last),
                      "first <= last");
  made_.first = first;
  made_.last = last;
  return *this;
}

intervention_builder& intervention_builder::at(std::vector<std::uint64_t> positions) {
  made_.onsets = sorted_once(std::move(positions), "position");
  made_.first = 0;
  made_.last = std::numeric_limits<std::uint64_t>::max();
  return *this;
}

intervention_builder& intervention_builder::every(std::uint64_t tokens) {
  if (tokens == 0) throw input_error("intervention", "every 0", "1 or more");
  made_.every = tokens;
  return *this;
}

intervention_builder& intervention_builder::lasting(std::uint64_t tokens) {
  if (tokens == 0) throw input_error("intervention", "pulses of 0 tokens", "1 or more");
  made_.length = tokens;
  return *this;
}

intervention_builder& intervention_builder::course(std::vector<double> values) {
  const bool clamps = made_.what == intervention_kind::clamp;
  if (!clamps && made_.what != intervention_kind::stimulate)
    throw input_error("intervention", "a course of values", "clamp or stimulate");
  if (values.empty()) throw input_error("intervention", "no value", "one or more");
  for (const double v : values)
    finite(v, clamps ? 0 : std::numeric_limits<double>::lowest(), "values, finite in float32");
  made_.length = values.size();
  made_.course = std::move(values);
  return *this;
}

intervention_builder& intervention_builder::seed(std::uint64_t seed) {
  made_.noise.seed = seed;
  return *this;
}

intervention_builder& intervention_builder::stream(std::uint32_t number) {
  made_.noise.stream = number;
  return *this;
}

intervention_builder& intervention_builder::from(std::uint64_t first) {
  return tokens(first, std::numeric_limits<std::uint64_t>::max());
}

intervention_builder lesion(std::vector<neuron_id> neurons) {
  intervention p;
  p.what = intervention_kind::lesion;
  p.on = target::neurons;
  p.neurons = sorted_once(std::move(neurons), "neuron");
  return intervention_builder(std::move(p));
}

intervention_builder lesion(circuit c, std::vector<neuron_pair> edges) {
  return on_pairs(intervention_kind::lesion, c == circuit::gx ? target::gx : target::gy,
                  std::move(edges));
}

intervention_builder lesion_synapses(std::vector<neuron_pair> pairs) {
  return on_pairs(intervention_kind::lesion, target::synapses, std::move(pairs));
}

intervention_builder silence(variable v, std::vector<neuron_id> neurons) {
  return on_values(intervention_kind::silence, v, std::move(neurons), 0);
}

intervention_builder clamp(variable v, std::vector<neuron_id> neurons, double value) {
  return on_values(intervention_kind::clamp, v, std::move(neurons),
                   finite(value, 0, "a value >= 0, finite in float32"));
}

intervention_builder stimulate(variable v, std::vector<neuron_id> neurons, double value) {
  return on_values(
      intervention_kind::stimulate, v, std::move(neurons),
      finite(value, std::numeric_limits<double>::lowest(), "a value, finite in float32"));
}

intervention_builder gaussian_noise(variable v, std::vector<neuron_id> neurons, double mean,
                                    double deviation) {
  intervention_builder made = on_values(intervention_kind::noise, v, std::move(neurons), 0);
  intervention p = made;
  p.noise.mean = finite(mean, std::numeric_limits<double>::lowest(), "a mean, finite in float32");
  p.noise.deviation = finite(deviation, 0, "a standard deviation >= 0, finite in float32");
  return intervention_builder(std::move(p));
}

intervention_builder poisson_noise(variable v, std::vector<neuron_id> neurons, double rate,
                                   double size) {
  intervention_builder made = on_values(intervention_kind::noise, v, std::move(neurons), 0);
  intervention p = made;
  p.noise.by = noise_current::law::poisson;
  p.noise.rate = finite(rate, 0, "a rate >= 0: spikes a token and layer");
  if (rate > most_rate)
    throw input_error("intervention", "rate " + shown(rate), "at most " + shown(most_rate));
  p.noise.size = finite(size, std::numeric_limits<double>::lowest(), "a size, finite in float32");
  return intervention_builder(std::move(p));
}

intervention_builder freeze() { return on_everything(intervention_kind::freeze); }

intervention_builder inhibition(double factor) {
  return on_everything(intervention_kind::inhibition,
                       finite(factor, 0, "a factor >= 0, finite in float32"));
}

intervention_builder reset() { return on_everything(intervention_kind::reset); }

intervention_builder reset(std::vector<neuron_pair> synapses) {
  return on_pairs(intervention_kind::reset, target::synapses, std::move(synapses));
}

intervention_builder set(std::vector<neuron_pair> synapses, double value) {
  return on_pairs(
      intervention_kind::set, target::synapses, std::move(synapses),
      finite(value, std::numeric_limits<double>::lowest(), "a value, finite in float32"));
}

}  // namespace bdh
