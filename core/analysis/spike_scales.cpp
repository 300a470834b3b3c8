#include "core/analysis/spike_scales.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <string>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "core/model/hub_algebra.hpp"
#include "core/simulation/spiking.hpp"

namespace bdh {
namespace {

constexpr int bits_left_out = 12;  // of 23 of the fraction

double percentile_of(const spike_percentiles& by, const model& m, spike_source s, layer_id layer) {
  switch (s) {
    case spike_source::w:
      return m.is_direct() ? by.w : by.common;
    case spike_source::a:
      return m.is_direct() ? by.a : by.common;
    case spike_source::w_sensory:
      return layer == 1 ? 100 : by.w_sensory;
    case spike_source::a_sensory:
      return by.a_sensory;
    default:
      return by.common;
  }
}

}  // namespace

void value_histogram::add(float value) {
  const float size = std::abs(value);
  if (size == 0 || !std::isfinite(size)) return;
  const std::uint32_t bin = std::bit_cast<std::uint32_t>(size) >> bits_left_out;
  if (bins_.empty()) bins_.resize(std::size_t{1} << (31 - bits_left_out));
  ++bins_[bin];
  ++count_;
  largest_ = std::max(largest_, size);
}

// The value below or at which `percent` of the values are: the upper end of its bin.
float value_histogram::percentile(double percent) const noexcept {
  if (count_ == 0 || percent >= 100) return largest_;
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::uint32_t bin = 0; bin < bins_.size(); ++bin) {
    seen += bins_[bin];
    if (bins_[bin] != 0 && seen >= wanted)
      return std::min(largest_, std::bit_cast<float>(((bin + 1) << bits_left_out) - 1));
  }
  return largest_;
}

spike_scale_meter::spike_scale_meter(simulator& brain)
    : brain_(brain),
      observing_(brain.observe([this](layer_id layer, moment at) { add(layer, at); },
                               observation::activity)) {
  const model& m = brain.model();
  if (m.is_direct() && m.rules().attention_gain()) to_hubs_ = centred_sources(m);
}

spike_scale_meter::~spike_scale_meter() { brain_.stop_observing(observing_); }

void spike_scale_meter::add_all(spike_source s, layer_id layer, std::span<const float> values) {
  value_histogram& to = found_[{s, layer}];
  for (const float v : values) to.add(v);
}

void spike_scale_meter::add_sources(spike_source neurons, spike_source sensory, layer_id layer,
                                    std::span<const float> values) {
  const std::size_t own = brain_.model().is_direct() ? brain_.model().neurons() : values.size();
  add_all(neurons, layer, values.first(own));
  if (values.size() != own) add_all(sensory, layer, values.subspan(own));
}

// g(A): of explicit edges, whose A is read as it arrives.
double spike_scale_meter::gain(std::span<const float> a) const {
  const model& m = brain_.model();
  std::vector<double> at_hubs(m.hubs());
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t k = 0; k < at_hubs.size() && a[j] != 0; ++k)
      at_hubs[k] += to_hubs_[j * at_hubs.size() + k] * static_cast<double>(a[j]);
  double mean = 0, sum = 0;
  for (const double v : at_hubs) mean += v / static_cast<double>(at_hubs.size());
  for (const double v : at_hubs) sum += (v - mean) * (v - mean);
  return 1 / std::sqrt(sum / static_cast<double>(at_hubs.size()) + m.rules().epsilon());
}

void spike_scale_meter::add(layer_id layer, moment at) {
  const model& m = brain_.model();
  if (at == moment::x_ready || at == moment::y_ready) {
    const bool x = at == moment::x_ready;
    brain_.active(x ? variable::x : variable::y, ids_, values_);
    add_all(x ? spike_source::x : spike_source::y, layer, values_);
  }
  if (at == moment::x_ready)
    add_sources(spike_source::w, spike_source::w_sensory, layer, brain_.read(variable::w));
  if (at != moment::a_ready) return;
  std::vector<float> a = brain_.read(variable::a);
  const std::size_t width = a.size() / m.heads();
  for (head_id h = 0; h < m.heads(); ++h) {
    const auto of_head = std::span(a).subspan(h * width, width);
    if (!to_hubs_.empty()) {
      const double g = gain(of_head);
      for (float& v : of_head) v = static_cast<float>(g * static_cast<double>(v));
    }
    add_sources(spike_source::a, spike_source::a_sensory, layer, of_head);
  }
}

spike_scales spike_scale_meter::scales(const spike_percentiles& by) const {
  const model& m = brain_.model();
  spike_scales all;
  for (std::size_t k = 0; k < spike_sources; ++k) {
    const auto s = static_cast<spike_source>(k);
    if (!can_emit(m, s)) continue;
    for (layer_id l = 1; l <= m.layers(); ++l) {
      const auto at = found_.find({s, l});
      const float scale =
          at == found_.end() ? 0 : at->second.percentile(percentile_of(by, m, s, l));
      if (scale == 0 && can_emit(m, s, l) && s != spike_source::a_sensory)
        throw input_error(
            "scales",
            "no value of " + std::string(name(s)) + " above 0 in layer " + std::to_string(l),
            "some", "a longer text, or a model that is active");
      all[s].push_back(scale);
    }
  }
  return all;
}

}  // namespace bdh
