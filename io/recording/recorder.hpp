// Gathers the rows of recordings from a simulator: X and Y when a layer has computed them, synapses
// and logits when the token is read. Reads only; recording changes no bit of a run.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <bdh/simulator.hpp>

#include "io/recording/recording.hpp"

namespace bdh {

class recorder {
 public:
  // Watches `brain`, which must outlive it, and places the probes that `recordings` need, which get
  // the tokens that their probes missed.
  recorder(simulator& brain, std::vector<recording_description>& recordings);
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;
  ~recorder();

  // After the token at `position`, before the next one: the row of each recording that is due.
  std::span<const recording_row> rows(std::uint64_t position);

 private:
  struct source;  // where the values of a recording come from
  void after_round(layer_id layer, moment at);
  void take_neurons(const recording_description& d, recording_row& row) const;
  void take_events(const recording_description& d, recording_row& row) const;
  void take_chosen(const source& s, recording_row& row);
  void take_strongest(const recording_description& d, recording_row& row);
  void take_snapshot(const recording_description& d, recording_row& row);

  simulator& brain_;
  std::vector<source> sources_;
  std::vector<recording_row> rows_;
  std::vector<edge_id> file_position_;      // of every synapse, for snapshots
  std::vector<float> neurons_, strengths_;  // as read
  std::vector<neuron_id> active_;           // neurons, ascending
  std::vector<float> active_values_;        // of them
  std::optional<int> observer_;
};

}  // namespace bdh
