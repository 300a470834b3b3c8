// Gathers the rows of recordings from a simulator: X and Y when a layer has computed them,
// synapses, pairs of neurons and logits when the token is read. Reads only; recording changes no
// bit of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <bdh/simulator.hpp>

#include "core/analysis/pair_strengths.hpp"
#include "core/base/executor.hpp"
#include "core/simulation/emitted_spikes.hpp"
#include "core/simulation/spiking.hpp"
#include "io/recording/recording.hpp"

namespace bdh {

class recorder {
 public:
  // Watches `brain`, which must outlive it, and places the probes that `recordings` need, which get
  // the tokens that their probes missed.
  // `threads`: for looks at all pairs of neurons.
  recorder(simulator& brain, std::vector<recording_description>& recordings,
           std::size_t threads = 1);
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;
  ~recorder();

  // Whether what was read before the recorder came must be read again, by catch_up(): strengths of
  // pairs of neurons are known only from what all tokens wrote.
  bool needs_history() const noexcept { return !pairs_.empty() && brain_.tokens() != 0; }
  // `again`: another simulator of the same run, which has read nothing; it reads `tokens`, those
  // that the recorder's has read. `before_token` may throw, to stop.
  void catch_up(simulator& again, std::span<const token_id> tokens,
                const std::function<void()>& before_token = {});

  // After the token at `position`, before the next one: the row of each recording that is due.
  std::span<const recording_row> rows(std::uint64_t position);

 private:
  struct source;  // where the values of a recording come from
  void after_round(layer_id layer, moment at);
  void take_neurons(const recording_description& d, recording_row& row) const;
  void take_events(const recording_description& d, recording_row& row) const;
  void take_chosen(const source& s, recording_row& row);
  void take_strongest(const recording_description& d, recording_row& row);
  void take_pairs(const recording_description& d, recording_row& row);
  void take_spikes(layer_id layer, moment at);
  void end_spikes(recording_row& row) const;
  void take_snapshot(const recording_description& d, recording_row& row);

  simulator& brain_;
  std::vector<source> sources_;
  std::vector<recording_row> rows_;
  std::vector<edge_id> file_position_;      // of every synapse, for snapshots
  std::vector<float> neurons_, strengths_;  // as read
  std::vector<neuron_id> active_;           // neurons, ascending
  std::vector<float> active_values_;        // of them
  std::optional<int> observer_;
  // Of the token that is read: bin, node and variable (recording.hpp), and of which recording.
  struct spike {
    std::uint64_t bin, node;
    float variable;
    friend auto operator<=>(const spike&, const spike&) = default;
  };
  std::vector<spike> spikes_;
  std::vector<spike_time> windows_;   // empty: no trains
  std::vector<neuron_id> trains_of_;  // ascending
  std::unique_ptr<executor> work_;    // of pairs
  // By layer, and whether by Y: those that recordings look at.
  std::map<std::pair<layer_id, bool>, std::unique_ptr<pair_strengths>> pairs_;
};

}  // namespace bdh
