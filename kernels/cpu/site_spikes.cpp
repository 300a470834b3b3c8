#include "kernels/cpu/site_spikes.hpp"

#include <algorithm>
#include <utility>

namespace bdh {

site_spikes::site_spikes(const model& m, std::shared_ptr<const spiking> how, id_range neurons,
                         const kernels::cpu_kernels& bodies, spike_counts& counts)
    : model_(m),
      how_(std::move(how)),
      neurons_(neurons),
      bodies_(bodies),
      counts_(counts),
      x_(neurons.size()),
      y_(neurons.size()),
      x_values_(neurons.size()),
      x_mask_(gated() ? std::size_t{neurons.size()} * words(spike_source::x) : 0) {
  const std::size_t most = std::max({neurons.size(), m.hubs(), m.sources() - m.neurons()});
  estimate_ = array<float>(most);
  some_ = array<float>(most);
  ids_ = array<neuron_id>(most);
  spikes_ = array<kernels::index>(most);
  counts_.spiking_x.resize(m.layers());
  counts_.spiking_y.resize(m.layers());
  const spiking::population& x = how_->of(spike_source::x);
  for (layer_id l = 1; gated() && l <= m.layers(); ++l) {
    amounts_.emplace_back();
    for (kernels::index c = 0; c <= x.bins; ++c)
      amounts_.back().push_back(kernels::spike_amount(x.scales[l - 1], x.bins, c));
  }
}

void site_spikes::present(std::uint64_t token) noexcept {
  token_ = token;
  counts_.spikes = {};
  counts_.coincidences = counts_.clipped = 0;
  std::fill(counts_.spiking_x.begin(), counts_.spiking_x.end(), 0);
  std::fill(counts_.spiking_y.begin(), counts_.spiking_y.end(), 0);
  x_.count = y_.count = 0;
  std::fill(x_values_.begin(), x_values_.end(), 0.0f);
}

void site_spikes::emit(spike_source s, emission e, layer_id layer, head_id head,
                       const particles& of, bool counted) noexcept {
  const bool sensory = s == spike_source::w_sensory || s == spike_source::a_sensory;
  const kernels::spike_window window = window_of(*how_, model_, seed_, s, e, layer, head, token_);
  bodies_.emit_spikes({.window = window,
                       .value = of.value,
                       .id = of.id,
                       .number = sensory || how_->numbers.empty() ? nullptr : how_->numbers.data(),
                       .first = of.first,
                       .paired = is_signed(model_, s),
                       .estimate = of.estimate,
                       .spikes = spikes_.data(),
                       .mask = of.mask},
                      of.count);
  for (neuron_id k = 0; k < of.count && counted; ++k) {
    counts_.spikes[static_cast<std::size_t>(s)] += spikes_[k];
    const float size = of.value[k] < 0 ? -of.value[k] : of.value[k];
    if (kernels::spike_rate(size, window.scale) >> 32 != 0) counts_.clipped += window.bins;
  }
}

void site_spikes::emit_sparse(spike_source s, emission e, layer_id layer, head_id head,
                              const float* value, id_range ids, float* estimate,
                              std::uint64_t* mask, bool counted) noexcept {
  neuron_id count = 0;
  for (neuron_id k = 0; k < ids.size(); ++k) {
    if (value[k] == 0.0f) continue;
    ids_[count] = ids.begin + k;
    some_[count++] = value[k];
  }
  std::fill_n(estimate, ids.size(), 0.0f);
  if (mask) std::fill_n(mask, std::size_t{ids.size()} * words(s), 0);
  if (count == 0) return;
  emit(s, e, layer, head,
       {.id = ids_.data(),
        .value = some_.data(),
        .count = count,
        .first = ids.begin,
        .estimate = estimate_.data(),
        .mask = mask},
       counted);
  for (neuron_id k = 0; k < count; ++k) estimate[ids_[k] - ids.begin] = estimate_[k];
}

void site_spikes::emit_x(layer_id layer, const activity& active) noexcept {
  std::fill(x_mask_.begin(), x_mask_.end(), 0);
  emit(spike_source::x, emission::x, layer, 0,
       {.id = active.id.data(),
        .value = active.value.data(),
        .count = active.count,
        .first = neurons_.begin,
        .estimate = estimate_.data(),
        .mask = gated() ? x_mask_.data() : nullptr},
       true);
  std::fill(x_values_.begin(), x_values_.end(), 0.0f);
  x_.count = 0;
  for (neuron_id k = 0; k < active.count; ++k) {
    x_values_[active.id[k] - neurons_.begin] = estimate_[k];
    x_.add_unless_zero(active.id[k], estimate_[k]);
  }
  counts_.spiking_x[layer - 1] = x_.count;
}

void site_spikes::emit_y(layer_id layer, const activity& active) noexcept {
  emit(spike_source::y, emission::y, layer, 0,
       {.id = active.id.data(),
        .value = active.value.data(),
        .count = active.count,
        .first = neurons_.begin,
        .estimate = estimate_.data(),
        .mask = nullptr},
       true);
  y_.count = 0;
  for (neuron_id k = 0; k < active.count; ++k) y_.add_unless_zero(active.id[k], estimate_[k]);
  counts_.spiking_y[layer - 1] = y_.count;
}

std::uint64_t site_spikes::spikes_of(spike_source s, layer_id layer,
                                     float estimate) const noexcept {
  const spiking::population& p = how_->of(s);
  if (estimate == 0.0f) return 0;
  if (p.scales[layer - 1] == 0) return 1;  // as it is
  const double share = static_cast<double>(estimate < 0 ? -estimate : estimate) /
                       static_cast<double>(p.scales[layer - 1]);
  return static_cast<std::uint64_t>(share * p.bins + 0.5);
}

std::uint64_t site_spikes::spikes_of(spike_source s, layer_id layer,
                                     std::span<const float> estimates) const noexcept {
  std::uint64_t all = 0;
  for (const float e : estimates) all += spikes_of(s, layer, e);
  return all;
}

void site_spikes::count_coincidences(std::span<const float> found) noexcept {
  for (const float pairs : found) counts_.coincidences += static_cast<std::uint64_t>(pairs);
}

std::size_t site_spikes::bytes() const noexcept {
  std::size_t bytes = x_mask_.bytes() + ids_.bytes() + spikes_.bytes();
  for (const array<float>* a : {&x_values_, &estimate_, &some_}) bytes += a->bytes();
  for (const activity* a : {&x_, &y_}) bytes += a->id.bytes() + a->value.bytes();
  return bytes;
}

}  // namespace bdh
