// The trials of an experiment (bdh run --trials), to read: which there are, and what neurons did.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <bdh/ids.hpp>

#include "io/recording/recording.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh {

struct trial_run {
  std::string condition;  // empty: the experiment has none
  std::uint64_t number = 0;
  std::filesystem::path folder;
};

// Those of streams.json, in its order; of the folder of a single run, that run. Throws input_error
// where it is neither.
std::vector<trial_run> list_trials(const std::filesystem::path& folder);

// X or Y of neurons in a layer at every token of a run, [neuron](T), from recordings of all tokens:
// events, or values of these neurons. Throws input_error where the run has none, with what to
// record.
std::vector<std::vector<double>> neuron_courses(const run_reader& run, quantity what,
                                                layer_id layer,
                                                const std::vector<neuron_id>& neurons);

}  // namespace bdh
