// What one token cost and did: counts that a run prints and records.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

struct step_report {
  std::uint64_t position = 0;  // tokens read before this one
  token_id token = 0;
  std::vector<neuron_id> active_x;  // neurons with X > 0, layer l at [l - 1]
  std::vector<neuron_id> active_y;  // neurons with Y > 0
  std::uint64_t synaptic_events =
      0;  // edges over which a value travelled, synapses and circuits together
  std::uint64_t hebbian_writes = 0;   // synapses reweighted
  std::uint64_t bytes_exchanged = 0;  // between different sites
  std::optional<double> surprisal;    // nats: -ln p(token | those before it); none without logits
                                      // before it, as for the first token
  double seconds = 0;                 // wall time
};

}  // namespace bdh
