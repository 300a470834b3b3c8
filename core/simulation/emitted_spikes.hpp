// The spikes of a window, as they follow from what a simulator holds at the moment of its emission:
// for those who look on. Looking draws nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/round_table.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/spiking.hpp"

namespace bdh {

// From which on the values are there that a window is drawn from.
moment moment_of(const spike_time& window) noexcept;

// A particle that has something to emit.
struct emitter {
  neuron_id id;  // neuron, source or hub
  head_id head;  // of A
  float value;
};

// Whose they are: of neurons and sensory nodes, or of hubs.
bool is_of_hubs(const model& m, const spike_time& window) noexcept;

// All of a window, by head and then by id; its train, in words of 64 bins; and how many spikes.
// To be called at moment_of() of the window's layer, for the token that is read.
std::vector<emitter> emitters_of(const simulator& brain, const spike_time& window);
std::vector<std::uint64_t> train_of(const simulator& brain, const spike_time& window,
                                    const emitter& who);

}  // namespace bdh
