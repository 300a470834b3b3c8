// Probes: the synapse i -> j of a pair of neurons chosen by the user, in any layer, accumulated by
// the Hebb rule while the model runs, without acting on it (core/simulation/probe_store.hpp). So
// the strength of any pair of neurons can be read from a model through hubs, which stores none of
// them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <bdh/ids.hpp>

namespace bdh {

enum class probe_factor { w, y };

struct probe_spec {
  neuron_pair pair;  // neuron -> source
  layer_id layer = 1;
  probe_factor factor = probe_factor::w;
  friend auto operator<=>(const probe_spec&, const probe_spec&) = default;
};

// What a probe carries from token to token.
struct probe_record {
  probe_spec what;
  std::uint64_t since = 0;  // tokens read before it was placed: it has seen nothing of them
  double strength = 0, partner = 0;  // of i -> j and of i's rotation partner -> j
};

class engine;
class model;
class probe_store;
struct stream_position;

// The probes of a simulator, and the strengths of pairs of neurons that are known by them.
//
//     brain.probes().add({{17, 23}, 2});           // from now on, the synapse 17 -> 23 of layer 2
//     brain.probes().strength(2, {17, 23});
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
  // Throws unavailable_error where this run can have no probes.
  void expect_possible() const;
  std::optional<std::size_t> find(const probe_spec& what) const;
  std::size_t size() const noexcept;
  const probe_spec& what(std::size_t number) const noexcept;
  // Tokens read before it was added: it has seen nothing of them.
  std::uint64_t since(std::size_t number) const noexcept;
  // What the next token will read, of what was written since.
  double strength(std::size_t number) const noexcept;

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
