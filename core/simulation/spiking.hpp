// Spikes as the simulation sees them: what can emit in a model, what is refused, which windows a
// token has, and the train of any one particle, which is a function of its value alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>
#include <bdh/model.hpp>

#include "kernels/spikes.hpp"

namespace bdh {

std::string_view name(spike_source s) noexcept;  // "x", ..., "w_sensory"
std::string_view name(spike_code c) noexcept;

// Whether a population is there in a model, and sends something other than to itself.
bool can_emit(const model& m, spike_source s) noexcept;
// Whether it can be active in a layer: W and A of neurons in layer 1 cannot where sensory nodes are
// sources. What an intervention gives them there travels as it is.
bool can_emit(const model& m, spike_source s, layer_id layer) noexcept;

// Throws input_error or unavailable_error, place "spikes", unless the model can run so.
void check(const spiking& how, const model& m);

// The windows of a layer. W has two: it emits anew for what it writes, since X is a function of the
// spikes that drove it.
enum class emission { x, y, w_write, w_drive, a };
int round_of(emission e) noexcept;  // in which it is received first

// What a population has in common in one window. `head`: of A.
kernels::spike_window window_of(const spiking& how, const model& m, std::uint64_t seed,
                                spike_source s, emission e, layer_id layer, head_id head,
                                std::uint64_t token) noexcept;

// The bins in which a particle of this value has a spike, in words of 64 bins: of a neuron, hub or
// source by its number in the model. `paired`: is_signed().
std::vector<std::uint64_t> train_of(const kernels::spike_window& window, bool paired,
                                    std::uint32_t id, float value);

// Of hubs and of A: two particles each.
bool is_signed(const model& m, spike_source s) noexcept;

// A token in time: its windows one after the other, as bins of one spike each. Those of one layer
// that stand for rounds 0 and 1 begin together.
struct spike_time {
  spike_source source;
  emission of;
  layer_id layer;
  std::uint64_t first_bin;
  std::uint32_t bins;
};
std::vector<spike_time> windows_of(const spiking& how, const model& m);
std::uint64_t bins_of_token(const std::vector<spike_time>& windows) noexcept;

}  // namespace bdh
