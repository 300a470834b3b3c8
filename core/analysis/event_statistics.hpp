// What happens around events, over trials: averages with confidence bands, latencies, differences
// between conditions, correlations with a lag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bdh {

struct event_window {
  std::uint64_t before = 10, after = 30;  // tokens
  std::size_t size() const noexcept { return before + 1 + after; }
};

// A mean over trials, and its 95 % confidence interval: Student's t over trials; NaN of fewer than
// two.
struct confidence_band {
  double mean = 0, low = 0, high = 0;
};
confidence_band mean_over_trials(std::span<const double> of_trials);

struct peri_event_average {
  std::vector<confidence_band> at;            // (window): by distance from the event
  std::vector<std::vector<double>> of_trial;  // [trial](window): means over the events of each
  std::size_t events = 0;                     // of all trials
  std::size_t cut = 0;  // events left out: their window is not whole, in its trial
};

// trials[k][t]: a value of each token of trial k; events[k]: tokens of it. A trial without events
// is left out. Throws input_error where no event is left.
peri_event_average average_around(std::span<const std::vector<double>> trials,
                                  std::span<const std::vector<std::uint64_t>> events,
                                  const event_window& window);

// The first distance >= 0 at which the mean is farther than `deviations` standard deviations from
// the mean before the event, both taken over the distances before it, of which there are two or
// more; nothing: it never is.
std::optional<std::uint64_t> response_latency(std::span<const confidence_band> average,
                                              std::uint64_t before, double deviations = 3);

struct permutation_test_result {
  double difference = 0;  // mean of a - mean of b
  double p = 1;           // two-sided
  bool exact = false;     // over all permutations; else over so many at random, itself included
  std::uint64_t permutations = 0;
};

// Whether values of trials differ in the mean between two conditions, by permuting their labels;
// `paired`: a[k] and b[k] belong together, and labels are swapped within pairs. Throws shape_error
// where paired samples differ in size.
permutation_test_result permutation_test(std::span<const double> a, std::span<const double> b,
                                         bool paired, std::uint64_t seed = 0,
                                         std::uint64_t permutations = 10'000);

// Pearson's correlation of a[t] and b[t + lag], for lags -most to most, over the trials together;
// NaN where either does not vary. What both owe to the stimulus is the same in every trial: with
// `shifted`, b is that of the next trial, which leaves this part alone (the shift predictor).
std::vector<double> cross_correlation(std::span<const std::vector<double>> a,
                                      std::span<const std::vector<double>> b, std::uint64_t most,
                                      bool shifted = false);

}  // namespace bdh
