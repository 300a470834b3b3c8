// Differences of neurons between two conditions, by permutation tests over trials: for bdh compare
// and its picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/trial_courses.hpp"
#include "core/analysis/event_statistics.hpp"

namespace bdh::app {

struct comparison_choice {
  trial_choice trials;
  std::string conditions;                 // "pulse,control"
  std::optional<std::uint64_t> from, to;  // distances from the events; none: whole trials
  std::uint64_t permutations = 10'000, seed = 0;
  bool unpaired = false;

  void add_to(command_line& c);          // RUNS, and the options
  void add_options_to(command_line& c);  // the options alone
  void check();  // takes the conditions apart; throws usage_error, input_error
};

struct compared_neuron {
  std::string neuron;  // empty: the mean over all
  double mean_a = 0, mean_b = 0;
  std::vector<double> trials_a = {}, trials_b = {};  // the mean of each trial
  permutation_test_result test;
  double p_holm = 1;
};

struct comparison_result {
  std::string a, b;
  std::size_t trials_a = 0, trials_b = 0;
  bool paired = false;
  compared_neuron population;
  std::vector<compared_neuron> neurons;
};

// Throws input_error for fewer than two trials of a condition, and where no token is in a window.
comparison_result compare_conditions(const comparison_choice& o, const trial_data& data);

}  // namespace bdh::app
