// What neurons do around events, averaged over trials: for bdh psth and its picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/trial_courses.hpp"
#include "core/analysis/event_statistics.hpp"

namespace bdh::app {

struct peri_event_choice {
  trial_choice trials;
  event_window window;
  bool each = false;  // every neuron, beside the mean over all

  void add_to(command_line& c);          // RUNS, and the options
  void add_options_to(command_line& c);  // the options alone
};

struct peri_event_result {
  std::string condition, neuron;  // neuron: empty: the mean over all that were chosen
  std::size_t trials = 0;
  peri_event_average average;
  std::optional<std::uint64_t> latency;  // tokens
};

// By condition, the mean over the neurons first. Throws input_error where there are no events.
std::vector<peri_event_result> peri_events(const peri_event_choice& o, const trial_data& data);

// From the event: the distance of an average's value, in tokens.
std::int64_t distance_of(const peri_event_choice& o, std::size_t index);
// Rounds from the moment at which the event's token is presented to the end of that round in which
// the variable responds.
std::uint64_t latency_in_rounds(const peri_event_choice& o, const trial_data& data,
                                std::uint64_t tokens);

std::string peri_events_csv(const peri_event_choice& o, const trial_data& data,
                            const std::vector<peri_event_result>& all);

}  // namespace bdh::app
