// Correlations of neurons with a lag, over the trials of each condition: for bdh correlate and its
// picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/trial_courses.hpp"

namespace bdh::app {

struct correlation_choice {
  trial_choice trials;              // of the first neurons
  std::string with;                 // the others; empty: the same
  std::optional<std::string> what;  // variable of the others; none: that of the first
  std::optional<std::uint64_t> layer;
  std::uint64_t lags = 20;
  bool each = false;  // every pair of a neuron and another, not the means over both choices

  void add_to(command_line& c);          // RUNS, and the options
  void add_options_to(command_line& c);  // the options alone
};

struct lag_correlation {
  std::string condition, a, b;  // condition: empty: there are none; neurons, or "mean of 5"
  std::size_t trials = 0;
  std::vector<double> at;         // (2 lags + 1): of a[t] and b[t + lag]; NaN where one is constant
  std::vector<double> predictor;  // of a in a trial and b in the next one; empty: one trial
  std::size_t peak = 0;           // where what is above or below the predictor is largest

  bool known() const;                       // whether any value is one
  double over_chance(std::size_t k) const;  // at - predictor
};

// By condition, then by the size of the peak. Throws input_error for more than 100,000 pairs, and
// for lags as long as the runs.
std::vector<lag_correlation> correlations(const correlation_choice& o);

std::string correlations_csv(const correlation_choice& o, const std::vector<lag_correlation>& all);
// "X of layer 1, Y of layer 2".
std::string described(const correlation_choice& o);

}  // namespace bdh::app
