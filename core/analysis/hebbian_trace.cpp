#include "core/analysis/hebbian_trace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/sincos.hpp"

namespace bdh {
namespace {

// X of a neuron and of its rotation partner, written `age` tokens ago (the last token counts 1), as
// the laboratory sees it in the neuron's synapse now. Row vector times R^age: an even member takes
// c and, of its partner, s; an odd one c and -s.
float laboratory_value(const model& m, neuron_id i, const plasticity& kept, std::uint64_t age,
                       float x, float partner) {
  double value = double{kept.rate} * x;
  if (m.rotation().present()) {
    const double turns = m.rotation().frequency()[i % m.neurons_per_head() / 2];
    const cos_sin d = sincos_turns(static_cast<double>(age) * (turns - std::floor(turns)));
    value =
        value * d.cosine + double{kept.partner_rate} * partner * (i % 2 == 0 ? d.sine : -d.sine);
  }
  return static_cast<float>(power(kept.retention, age) * value);
}

// Calls use(token, X of i, X of its rotation partner) for each token in which either is not 0.
template <class Use>
void for_each_pair(const model& m, const neuron_events& x, neuron_id i, Use use) {
  const neuron_id other = m.rotation().present() ? i ^ 1 : i;
  std::uint64_t a = x.offset[i], b = x.offset[other];
  const std::uint64_t a_end = x.offset[i + 1], b_end = other == i ? b : x.offset[other + 1];
  while (a < a_end || b < b_end) {
    constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    const std::uint32_t t = std::min(a < a_end ? x.token[a] : none, b < b_end ? x.token[b] : none);
    float mine = 0, partner = 0;
    if (a < a_end && x.token[a] == t) mine = x.value[a++];
    if (b < b_end && x.token[b] == t) partner = x.value[b++];
    use(t, mine, partner);
  }
}

float strength_of(const model& m, const neuron_events& f, const neuron_events& x,
                  std::uint32_t tokens, const neuron_pair& pair, const plasticity& kept) {
  std::uint64_t at = f.offset[pair.post];
  const std::uint64_t end = f.offset[pair.post + 1];
  float sum = 0;
  if (at == end) return sum;
  for_each_pair(m, x, pair.pre, [&](std::uint32_t t, float mine, float partner) {
    while (at < end && f.token[at] < t) ++at;
    if (at < end && f.token[at] == t)
      sum += f.value[at] * laboratory_value(m, pair.pre, kept, tokens - t, mine, partner);
  });
  return sum;
}

std::size_t bytes_of(const neuron_events& e) {
  return e.offset.size() * sizeof(std::uint64_t) + e.token.size() * 2 * sizeof(float);
}

}  // namespace

// ---- one layer

layer_factors::layer_factors(const model& m, double retention, std::uint32_t tokens,
                             neuron_events f, neuron_events x)
    : model_(&m), retention_(retention), tokens_(tokens), f_(std::move(f)), x_(std::move(x)) {}

std::size_t layer_factors::bytes() const noexcept { return bytes_of(f_) + bytes_of(x_); }

float layer_factors::strength(const neuron_pair& pair) const {
  if (pair.pre >= model_->neurons() || pair.post >= model_->neurons())
    throw input_error("synapse", shown_pair(*model_, pair),
                      "a pair of neurons, 0 to " + std::to_string(model_->neurons() - 1));
  return strength(pair, plasticity_of(*model_, retention_, pair));
}

float layer_factors::strength(const neuron_pair& pair, const plasticity& kept) const noexcept {
  return strength_of(*model_, f_, x_, tokens_, pair, kept);
}

float layer_factors::amplitude(const neuron_pair& pair) const {
  const float mine = strength(pair);
  return model_->rotation().present() ? amplitude_of(mine, strength({pair.pre ^ 1, pair.post}))
                                      : std::abs(mine);
}

// The partner's synapse has the same u: models are checked for it.
float layer_factors::amplitude(const neuron_pair& pair, const plasticity& kept) const noexcept {
  const float mine = strength(pair, kept);
  if (!model_->rotation().present()) return std::abs(mine);
  const plasticity of_partner{
      .rate = kept.partner_rate, .partner_rate = kept.rate, .retention = kept.retention};
  return amplitude_of(mine, strength({pair.pre ^ 1, pair.post}, of_partner));
}

float amplitude_of(float strength, float partner) noexcept {
  const double a = strength, b = partner;
  return static_cast<float>(std::sqrt(a * a + b * b));
}

void layer_factors::write_laboratory_x(neuron_id first, neuron_id count, float* out,
                                       std::size_t token_stride, std::size_t neuron_stride) const {
  const plasticity kept{.retention = retention_};
  for (neuron_id i = first; i < first + count; ++i)
    for_each_pair(*model_, x_, i, [&](std::uint32_t t, float mine, float partner) {
      out[t * token_stride + (i - first) * neuron_stride] =
          laboratory_value(*model_, i, kept, tokens_ - t, mine, partner);
    });
}

weight_matrix layer_factors::strengths() const { return model_->is_direct() ? edges() : product(); }

weight_matrix layer_factors::product() const {
  const neuron_id n = model_->neurons();
  const std::size_t depth = std::max<std::size_t>(1, tokens_);
  array<float> left(n * depth), right(n * depth);
  for (neuron_id j = 0; j < n; ++j)
    for (std::uint64_t e = f_.offset[j]; e < f_.offset[j + 1]; ++e)
      left[j * depth + f_.token[e]] = f_.value[e];
  write_laboratory_x(0, n, right.data(), 1, depth);
  return weight_matrix::of_product(depth, std::move(left), std::move(right));
}

weight_matrix layer_factors::edges() const {
  const projection& gs = model_->direct().gs;
  const neuron_id n = model_->neurons();
  std::vector<edge_id> kept;
  array<edge_id> indptr(std::size_t{n} + 1);
  for (neuron_id i = 0; i < n; ++i) {
    const auto [first, last] = model_->synapses_of(i);
    for (edge_id e = first; e < last; ++e)
      if ((gs.is_dense() ? e - first : gs.indices()[e]) < n) kept.push_back(e);
    indptr[i + 1] = kept.size();
  }
  array<neuron_id> indices(kept.size());
  array<float> values(kept.size());
  for (neuron_id i = 0; i < n; ++i)
    for (edge_id k = indptr[i]; k < indptr[i + 1]; ++k) {
      indices[k] = gs.is_dense() ? static_cast<neuron_id>(kept[k] - model_->synapses_of(i).first)
                                 : gs.indices()[kept[k]];
      const neuron_pair pair{i, indices[k]};
      values[k] = strength(pair, plasticity_of(*model_, retention_, pair));
    }
  return weight_matrix::of_edges(projection::sparse("sigma", gs.source(), {gs.source().name, n},
                                                    major::source, std::move(indptr),
                                                    std::move(indices), std::move(values)));
}

// ---- following

void hebbian_trace::written::add(std::span<const float> dense) {
  for (std::size_t i = 0; i < dense.size(); ++i) {
    if (dense[i] == 0) continue;
    neuron.push_back(static_cast<neuron_id>(i));
    value.push_back(dense[i]);
  }
  end.push_back(neuron.size());
}

neuron_events hebbian_trace::written::by_neuron(neuron_id neurons) const {
  neuron_events e;
  e.offset.assign(std::size_t{neurons} + 1, 0);
  for (neuron_id i : neuron) ++e.offset[i + 1];
  std::partial_sum(e.offset.begin(), e.offset.end(), e.offset.begin());
  e.token.resize(neuron.size());
  e.value.resize(neuron.size());
  std::vector<std::uint64_t> next(e.offset.begin(), e.offset.end() - 1);
  std::uint64_t at = 0;
  for (std::uint32_t t = 0; t < end.size(); ++t)
    for (; at < end[t]; ++at) {
      const std::uint64_t to = next[neuron[at]]++;
      e.token[to] = t;
      e.value[to] = value[at];
    }
  return e;
}

hebbian_trace::hebbian_trace(simulator& brain, std::vector<layer_id> layers, probe_factor factor)
    : brain_(brain),
      layers_(std::move(layers)),
      factor_(factor),
      f_(layers_.size()),
      x_(layers_.size()) {
  for (layer_id l : layers_)
    if (l < 1 || l > brain.model().layers())
      throw input_error("layer", std::to_string(l),
                        "1 to " + std::to_string(brain.model().layers()));
  if (brain.spikes())
    throw unavailable_error("strengths of pairs", "a network of spikes",
                            "activity that travels as it is");
  if (factor == probe_factor::w) brain.follow_sources();
  observing_ = brain.observe([this](layer_id layer, moment at) {
    if (at == moment::synapses_written) keep(layer);
  });
}

hebbian_trace::~hebbian_trace() { brain_.stop_observing(observing_); }

// After round 1 of a layer X is that layer's, Y still that of the layer before, and W what was
// written.
void hebbian_trace::keep(layer_id layer) {
  const auto found = std::find(layers_.begin(), layers_.end(), layer);
  if (found == layers_.end()) return;
  if (!brain_.interventions().empty())
    throw unavailable_error("synapse factors", "interventions", "a run without interventions");
  const auto k = static_cast<std::size_t>(found - layers_.begin());
  const neuron_id n = brain_.model().neurons();
  values_.resize(n);
  brain_.read(variable::x, values_);
  x_[k].add(values_);
  if (factor_ == probe_factor::w) {
    const std::vector<float> w = brain_.sources().activity();
    f_[k].add(std::span(w).first(n));
  } else {
    brain_.read(variable::y, values_);
    f_[k].add(values_);
  }
}

layer_factors hebbian_trace::of(layer_id layer) const {
  const auto found = std::find(layers_.begin(), layers_.end(), layer);
  if (found == layers_.end())
    throw input_error("layer", std::to_string(layer), "one of those that are followed");
  const auto k = static_cast<std::size_t>(found - layers_.begin());
  const model& m = brain_.model();
  return layer_factors(m, brain_.retention(), static_cast<std::uint32_t>(x_[k].end.size()),
                       f_[k].by_neuron(m.neurons()), x_[k].by_neuron(m.neurons()));
}

void hebbian_trace::clear_synapses() {
  for (auto* all : {&f_, &x_})
    for (written& w : *all) w = {};
}

std::size_t hebbian_trace::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto* all : {&f_, &x_})
    for (const written& w : *all)
      sum += w.end.size() * sizeof(std::uint64_t) +
             w.neuron.size() * (sizeof(neuron_id) + sizeof(float));
  return sum;
}

}  // namespace bdh
