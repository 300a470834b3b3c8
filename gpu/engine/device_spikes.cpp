// Activity that travels as spikes, on a device: windows of X and Y, and what was sent.
#include "core/simulation/spiking.hpp"
#include "gpu/engine/device_site.hpp"

namespace bdh::gpu {

void spike_arrays::plan(memory_plan& memory, const model& m) {
  if (!how) return;
  const std::size_t n = m.neurons();
  memory.add(x, n, "X as it travels");
  memory.add(y, n, "Y as it travels");
  memory.add(list_x, n, "X with a spike");
  memory.add(list_y, n, "Y with a spike");
  memory.add(spikes, n, "spikes");
  memory.add(numbers, how->numbers.size(), "numbers of neurons");
  memory.add(tallies, std::size_t{kinds} * items_for(n), "counts of spikes");
  memory.add(total, std::size_t{kinds} * items_for(items_for(n)), "sums of counts of spikes");
}

void device_site::tally_spikes_over(const device_projection& p, index width) {
  launch(tally_spikes{.spikes = spikes_.spikes.data(),
                      .n = n_,
                      .indptr = p.indptr.empty() ? nullptr : p.indptr.data(),
                      .width = width,
                      .counted = spikes_.tallies.data() +
                                 std::size_t{spike_arrays::travelled} * items_for(n_)},
         {items_for(n_)});
}

// Neurons that have a spike, and what their spikes stand for.
void device_site::emit(spike_arrays::kind of, layer_id layer) {
  const bool x = of == spike_arrays::of_x;
  const spike_source s = x ? spike_source::x : spike_source::y;
  buffer<float>& to = x ? spikes_.x : spikes_.y;
  const auto tally_of = [&](spike_arrays::kind k) {
    return spikes_.tallies.data() + std::size_t{k} * items_for(n_);
  };
  launch(emit_window{.from = {own_.token.data() + 1 + model_.layers(), own_.token.data() + 1},
                     .window = window_of(*spikes_.how, model_, 0, s, x ? emission::x : emission::y,
                                         layer, 0, 0),
                     .value = (x ? own_.x : own_.y).data(),
                     .n = n_,
                     .number = spikes_.numbers.empty() ? nullptr : spikes_.numbers.data(),
                     .estimate = to.data(),
                     .spikes = spikes_.spikes.data(),
                     .counted = tally_of(of),
                     .clipped = tally_of(spike_arrays::clipped)},
         {items_for(n_)});
  compact(to, 1, x ? spikes_.list_x : spikes_.list_y,
          result<index>(x ? layout_.sent_x : layout_.sent_y) + layer);
}

// From the results that are here.
void device_site::fetch_spikes() {
  const auto* const sent =
      reinterpret_cast<const std::uint64_t*>(host_results_.data() + layout_.spikes);
  const auto by_layer = [&](std::size_t at) {
    const auto* const first = reinterpret_cast<const index*>(host_results_.data() + at) + 1;
    return std::vector<neuron_id>(first, first + layout_.layers);
  };
  spike_counts& c = counts_.spikes;
  c = {};
  c.spikes[static_cast<std::size_t>(spike_source::x)] = sent[spike_arrays::of_x];
  c.spikes[static_cast<std::size_t>(spike_source::y)] = sent[spike_arrays::of_y];
  c.clipped = sent[spike_arrays::clipped];
  c.spiking_x = by_layer(layout_.sent_x);
  c.spiking_y = by_layer(layout_.sent_y);
  counts_.synaptic_events += sent[spike_arrays::travelled];
}

}  // namespace bdh::gpu
