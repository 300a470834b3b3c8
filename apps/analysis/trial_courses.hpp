// Neurons in the trials of an experiment: their courses, and the events that the interventions of
// its conditions are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "apps/common/command_line.hpp"
#include "io/recording/trials.hpp"

namespace bdh::app {

struct trial_choice {
  std::string folder, what = "y";
  std::optional<std::string> neurons, at;
  std::optional<std::uint64_t> every;
  std::uint64_t layer = 1;
  std::vector<std::string> conditions;  // only these; empty: all

  void add_options_to(command_line& c);  // the options alone
  quantity variable() const { return what == "x" ? quantity::x : quantity::y; }
};

struct trial_courses {
  std::string condition;                                 // empty: there are none
  std::vector<std::uint64_t> numbers;                    // of its trials
  std::vector<std::vector<std::vector<double>>> values;  // [neuron][trial](T)
  std::vector<std::vector<std::uint64_t>> events;        // [trial]: tokens of it

  // The mean over neurons, [trial](T).
  std::vector<std::vector<double>> population() const;
};

struct trial_data {
  model subject;
  std::vector<neuron_id> neurons;
  std::vector<trial_courses> conditions;
  std::vector<std::uint64_t> onsets;  // positions of the events, of all conditions

  const trial_courses& condition(const std::string& name) const;  // one of those that were read
};

// Events are where the choice says; else where interventions of any condition begin (noise apart):
// those of the others are events of a control too. Throws input_error for runs that differ in the
// model, for trials that were not run to their end, and for conditions that there are none of.
trial_data read_trials(const trial_choice& choice);

}  // namespace bdh::app
