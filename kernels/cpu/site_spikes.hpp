// What the particles of one site emit: spikes drawn from their values, and what these stand for at
// whom they reach. Not there where activity travels as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/engine.hpp>
#include <bdh/model.hpp>
#include <bdh/step_report.hpp>

#include "core/simulation/partition.hpp"
#include "core/simulation/spiking.hpp"
#include "kernels/cpu/activity.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh {

class site_spikes {
 public:
  site_spikes(const model& m, std::shared_ptr<const spiking> how, id_range neurons,
              const kernels::cpu_kernels& bodies, spike_counts& counts);

  const spiking& how() const noexcept { return *how_; }
  bool emits(spike_source s) const noexcept { return how_->emits(s); }
  bool gated() const noexcept { return how_->gated(); }
  void seed(std::uint64_t seed) noexcept { seed_ = seed; }
  void present(std::uint64_t token) noexcept;  // tokens read before it

  // One window of some particles: their ids, or first, first + 1, ...; `estimate` (count) is what
  // arrives, `mask` (by id from `first` on) has the bins, unless it is null.
  struct particles {
    const neuron_id* id;
    const float* value;
    neuron_id count, first;
    float* estimate;
    std::uint64_t* mask;
  };
  // `counted`: no other site emits the same.
  void emit(spike_source s, emission e, layer_id layer, head_id head, const particles& of,
            bool counted) noexcept;
  // The same of values that stand one behind the other, where most are 0: those get 0. `estimate`
  // may be `value`.
  void emit_sparse(spike_source s, emission e, layer_id layer, head_id head, const float* value,
                   id_range ids, float* estimate, std::uint64_t* mask,
                   bool counted = true) noexcept;

  // X and Y of the own neurons, from what is active.
  void emit_x(layer_id layer, const activity& active) noexcept;
  void emit_y(layer_id layer, const activity& active) noexcept;

  // How many spikes an estimate stands for.
  std::uint64_t spikes_of(spike_source s, layer_id layer, float estimate) const noexcept;
  std::uint64_t spikes_of(spike_source s, layer_id layer,
                          std::span<const float> estimates) const noexcept;
  // (bins + 1): what so many spikes of X in a layer stand for.
  const float* amounts(layer_id layer) const noexcept { return amounts_[layer - 1].data(); }
  std::uint32_t words(spike_source s) const noexcept { return (how_->of(s).bins + 63) / 64; }
  const std::uint64_t* x_masks() const noexcept { return x_mask_.data(); }  // by own neuron
  void count_coincidences(std::span<const float> found) noexcept;

  // Those that have a spike, with estimates; X of all own neurons.
  const activity& x() const noexcept { return x_; }
  const activity& y() const noexcept { return y_; }
  const float* x_values() const noexcept { return x_values_.data(); }
  std::size_t bytes() const noexcept;

 private:
  const model& model_;
  const std::shared_ptr<const spiking> how_;
  const id_range neurons_;
  const kernels::cpu_kernels& bodies_;
  spike_counts& counts_;
  std::uint64_t seed_ = 0, token_ = 0;
  activity x_, y_;
  array<float> x_values_;
  array<std::uint64_t> x_mask_;  // where synapses are gated
  std::vector<std::vector<float>> amounts_;
  // Scratch of one window.
  array<float> estimate_, some_;
  array<neuron_id> ids_;
  array<kernels::index> spikes_;
};

}  // namespace bdh
