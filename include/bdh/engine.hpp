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

// ---- Learning: weights that change while a model reads, by what each token left at both ends of
// an edge (docs/learning.md).

// exact: the error comes back over the edges that the token used; rows: one vector of errors
// reaches all hubs, and a neuron judges itself by its own row; readout: readout and embedding only.
enum class learning_rule { readout, rows, exact };
const char* name(learning_rule r) noexcept;

enum class learned_circuit { gx, gy, e, readout, embedding };  // embedding: sensory nodes -> hubs
inline constexpr std::size_t learned_circuits = 5;
const char* name(learned_circuit c) noexcept;

struct learning {
  double rate = 0;  // eta >= 0
  learning_rule rule = learning_rule::exact;
  double back = 1e-3;  // share of the way to the model's own weights that a changed row goes back
  bool plain = false;  // the change is eta times the gradient, not scaled row by row
  // Those that may change; a rule leaves some of them alone.
  std::array<bool, learned_circuits> circuits = {true, true, true, true, true};

  bool changes(learned_circuit c) const noexcept { return circuits[static_cast<std::size_t>(c)]; }
  friend bool operator==(const learning&, const learning&) = default;
};

}  // namespace bdh
