// Synapses of a device: read and written between tokens, saved.
#include <algorithm>

#include "gpu/engine/device_site.hpp"

namespace bdh::gpu {

synapse_rows device_site::rows(layer_id layer) const noexcept {
  return {.stored = own_.stored[layer - 1].data(),
          .indptr = synapse_indptr(),
          .neurons = n_,
          .width = d_,
          .per_head = model_.neurons_per_head(),
          .frequency = rotates_ ? shared_.frequency.data() : nullptr,
          .last = own_.last_used[layer - 1].data(),
          .clock = books_.clock[layer - 1],
          .retention = retention_,
          .own_retention = own_retention()};
}

void device_site::read_synapses(layer_id layer, edge_id first, std::span<float> out) {
  for (std::size_t at = 0; at < out.size(); at += own_.which.size()) {
    const std::span<float> now = out.subspan(at, std::min(own_.which.size(), out.size() - at));
    const auto count = static_cast<index>(now.size());
    gpu::launch(*on_,
                read_strengths{.synapses = rows(layer),
                               .which = nullptr,
                               .first = first + at,
                               .count = count,
                               .out = own_.strengths.data()},
                {items_for(count)});
    own_.strengths.download(now);
  }
}

void device_site::read_synapses(layer_id layer, std::span<const edge_id> which,
                                std::span<float> out) {
  for (std::size_t at = 0; at < out.size(); at += own_.which.size()) {
    const std::span<float> now = out.subspan(at, std::min(own_.which.size(), out.size() - at));
    const auto count = static_cast<index>(now.size());
    own_.which.upload(which.subspan(at, now.size()));
    gpu::launch(*on_,
                read_strengths{.synapses = rows(layer),
                               .which = own_.which.data(),
                               .first = 0,
                               .count = count,
                               .out = own_.strengths.data()},
                {items_for(count)});
    own_.strengths.download(now);
  }
}

void device_site::write_synapses(layer_id layer, std::span<const edge_id> which,
                                 std::span<const float> values) {
  for (std::size_t at = 0; at < which.size(); at += own_.which.size()) {
    const std::size_t count = std::min(own_.which.size(), which.size() - at);
    own_.which.upload(which.subspan(at, count));
    own_.strengths.upload(values.subspan(at, count));
    gpu::launch(*on_,
                write_strengths{.synapses = rows(layer),
                                .which = own_.which.data(),
                                .values = own_.strengths.data(),
                                .count = static_cast<index>(count)},
                {1});
  }
}

state_arrays device_site::save(layer_id layer) const {
  state_arrays all(variables_, layer != 0);
  if (layer == 0) return all;
  all.clock() = books_.clock[layer - 1];
  own_.stored[layer - 1].download(all.strengths());
  own_.last_used[layer - 1].download(all.last_used());
  return all;
}

void device_site::restore(layer_id layer, const state_arrays& from) {
  if (layer == 0) return;
  own_.stored[layer - 1].upload(from.strengths());
  own_.last_used[layer - 1].upload(from.last_used());
  books_.clock[layer - 1] = from.clock();
}

void device_site::clear_synapses() {
  for (auto& layer : own_.stored) layer.clear();
  for (auto& layer : own_.last_used) layer.clear();
  std::fill(books_.clock.begin(), books_.clock.end(), 0);
}

}  // namespace bdh::gpu
