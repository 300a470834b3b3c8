// Probes: the synapse i -> j of a pair of neurons chosen by the user, in any layer, accumulated by
// the Hebb rule while the model runs, without acting on it (core/simulation/probe_store.hpp). So
// the strength of any pair of neurons can be read from a model through hubs, which stores none of
// them.
#pragma once

#include <compare>
#include <cstdint>

#include <bdh/ids.hpp>
#include <bdh/selection.hpp>

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

}  // namespace bdh
