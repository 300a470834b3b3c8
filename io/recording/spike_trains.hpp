// Trains of spikes that a run recorded: spikes.h5, with the windows that run.json lists.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/recording/run_reader.hpp"

namespace bdh {

// In a token, of a population in a layer.
struct recorded_window {
  std::string variable;  // x, y, w or a
  std::uint32_t layer = 0, round = 0;
  std::uint64_t first_bin = 0;
  std::uint32_t bins = 0;
};

struct recorded_spike {
  std::uint64_t bin;       // of the run
  std::uint32_t node;      // neuron
  std::uint32_t variable;  // position in spike_variables

  friend bool operator==(const recorded_spike&, const recorded_spike&) = default;
};
inline constexpr const char* spike_variables[] = {"x", "y", "w", "a"};

struct spike_trains {
  double bin_ms = 1;
  std::uint64_t token_bins = 0, seed = 0;
  std::vector<recorded_window> windows;
  std::map<std::string, std::vector<double>> scales;  // by variable; layer l at [l - 1]
  std::vector<std::uint32_t> neurons;                 // that were recorded, ascending
  std::uint64_t first_token = 0, tokens = 0;          // positions that were recorded
  std::vector<recorded_spike> spikes;                 // of neurons, by bin, then node
  // Of hubs, or of A of the neurons over explicit edges (io/recording/recording.hpp).
  std::vector<recorded_spike> hubs;
};

// Throws input_error for a run without spikes, or whose spikes were not recorded, and for files
// that contradict each other.
spike_trains read_spike_trains(const run_reader& run);

}  // namespace bdh
