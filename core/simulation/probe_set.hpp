// The probes of a simulator (core/simulation/probe.hpp), and the strengths of pairs of neurons that
// are known by them.
//
//     brain.probes().add({{17, 23}, 2});           // from now on, the synapse 17 -> 23 of layer 2
//     brain.probes().strength(2, {17, 23});
#pragma once

#include <optional>

#include "core/simulation/engine.hpp"
#include "core/simulation/probe_store.hpp"
#include "core/simulation/stream_position.hpp"

namespace bdh {

class probe_set {
 public:
  // All outlive the set. `published`: the run is that of the published round table.
  probe_set(const model& m, const engine& work, probe_store& kept, const stream_position& position,
            bool published) noexcept
      : model_(m), engine_(work), kept_(kept), position_(position), published_(published) {}

  // Probes a pair of neurons from the next token on; its number. The same spec again gives the same
  // number. Probing changes no bit. Throws input_error out of range or while a token is read,
  // unavailable_error with a changed round table.
  std::size_t add(const probe_spec& what);
  std::optional<std::size_t> find(const probe_spec& what) const { return kept_.find(what); }
  std::size_t size() const noexcept { return kept_.size(); }
  const probe_spec& what(std::size_t number) const noexcept { return kept_.what(number); }
  // Tokens read before it was added: it has seen nothing of them.
  std::uint64_t since(std::size_t number) const noexcept { return kept_.since(number); }
  // What the next token will read, of what was written since.
  double strength(std::size_t number) const noexcept { return kept_.strength(number); }

  // The strength of a pair where it is known: an edge of gs, or probed since the synapses were
  // zero. Throws input_error for a layer or neuron out of range.
  std::optional<double> strength(const probe_spec& what) const;
  std::optional<double> strength(layer_id layer, const neuron_pair& pair) const {
    return strength({pair, layer, probe_factor::w});
  }

 private:
  const model& model_;
  const engine& engine_;
  probe_store& kept_;
  const stream_position& position_;
  const bool published_;
};

}  // namespace bdh
