// What does the work of a simulator: a CPU (bdh/cpu_engine.hpp), a GPU (bdh/gpu_engine.hpp). A
// program makes an engine and hands it to a simulator; what an engine can do is the simulator's
// affair.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

class engine;
class model;

}  // namespace bdh

// So that programs can own engines, of which they have no more than the name.
template <>
struct std::default_delete<bdh::engine> {
  constexpr default_delete() noexcept = default;
  template <class Derived>
  default_delete(const default_delete<Derived>&) noexcept {}
  void operator()(bdh::engine* e) const noexcept;
};

namespace bdh {

// Makes an engine for a model, which outlives it: for algorithms that run models and leave it open
// on what.
using engine_factory = std::function<std::unique_ptr<engine>(const model&)>;

// The sites of one process: [begin, end).
struct site_range {
  site_id begin = 0, end = 0;
  constexpr site_id size() const noexcept { return end - begin; }
  constexpr bool contains(site_id s) const noexcept { return begin <= s && s < end; }
  friend bool operator==(const site_range&, const site_range&) = default;
};

// ---- Spikes: activity that travels as trains of all-or-none signals (docs/spiking.md). In a
// window of K bins a particle of value v has c spikes, which stand for s c / K at whom they reach:
// for v, on average, up to the scale s.

// bernoulli: a bin has a spike with probability v / s. integrate: spikes v / s of the bins apart,
// beginning at a random phase.
enum class spike_code { bernoulli, integrate };

// What of W(j) and X(i) writes a synapse: spikes of the same bin, or each with each of the window.
enum class spike_pairing { coincident, all };

// What can emit; w and a are those of hubs in circuits through hubs, else of neurons, and then
// w_sensory and a_sensory are those of the sensory nodes.
enum class spike_source { x, y, w, a, w_sensory, a_sensory };
inline constexpr std::size_t spike_sources = 6;

struct spiking {
  spike_code code = spike_code::bernoulli;
  bool half_phase = false;  // of integrate: every membrane begins half-way, nothing is drawn
  spike_pairing pairing = spike_pairing::coincident;
  struct population {
    std::uint32_t bins = 0;     // K, 1 to 1024; 0: its values travel as they are
    std::vector<float> scales;  // layer l at [l - 1]; 0: nothing of it is active there
  };
  std::array<population, spike_sources> populations;
  // Numbers of the neurons, by which they draw; empty: as they stand in the model.
  std::vector<neuron_id> numbers;

  population& of(spike_source s) noexcept { return populations[static_cast<std::size_t>(s)]; }
  const population& of(spike_source s) const noexcept {
    return populations[static_cast<std::size_t>(s)];
  }
  bool emits(spike_source s) const noexcept { return of(s).bins != 0; }
  // Whether synapses are written by an AND gate of spikes.
  bool gated() const noexcept {
    return pairing == spike_pairing::coincident && emits(spike_source::x) && emits(spike_source::w);
  }
};

}  // namespace bdh
