// What one token cost and did: counts that a run prints and records.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

// Of a token that travelled as spikes.
struct spike_counts {
  // By spike_source: x, y, w, a, w_sensory, a_sensory.
  std::array<std::uint64_t, 6> spikes{};
  std::uint64_t coincidences = 0;               // pairs of spikes in one bin that wrote a synapse
  std::uint64_t clipped = 0;                    // spikes of particles that had one in every bin
  std::vector<neuron_id> spiking_x, spiking_y;  // neurons with a spike, layer l at [l - 1]
};

// What a token taught, before it was read, by the error of the prediction that it ended.
struct learned_counts {
  double error = 0;                // norm of the error at the hubs, dl/dv after the last layer
  std::uint64_t rows_changed = 0;  // rows of weights
  double weight_change = 0;        // norm of all changes of the token
};

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
  std::optional<spike_counts> spikes = std::nullopt;     // nothing: activity travelled as it was
  std::optional<learned_counts> learned = std::nullopt;  // nothing: it taught nothing
};

}  // namespace bdh
