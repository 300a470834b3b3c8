// Statistics of spike trains: intervals between spikes, variation of counts over tokens and over
// trials, correlations between neurons.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bdh {

// Of the intervals between the ascending times of one train: nothing where there are too few.
struct interval_statistics {
  std::optional<double> mean;  // 2 spikes or more
  std::optional<double> cv;    // standard deviation over mean; 3 spikes or more
  // Mean of 2 |I - J| / (I + J) over intervals I, J that follow each other (Holt et al. 1996): not
  // changed by a slow course of the rate.
  std::optional<double> cv2;
};
interval_statistics intervals_of(std::span<const double> times);

// Variance (of a sample) over mean of counts; nothing for fewer than two, or for none at all.
std::optional<double> fano_factor(std::span<const double> counts);

// Counts of neurons in windows of one kind, a token each, and in trials of the same tokens:
// count[trial][neuron][window].
using trial_counts = std::vector<std::vector<std::vector<double>>>;

struct trial_statistics {
  // Variance over trials, over the mean; of both the sums over neurons and windows.
  std::optional<double> fano;
  // Means over pairs of neurons: of correlations over the trials of a window, where both vary (and
  // over windows); and of correlations over windows of mean counts.
  std::optional<double> noise_correlation, signal_correlation;
  std::uint64_t noise_pairs = 0, signal_pairs = 0;
};
// Nothing of fewer than two trials. `least`: noise correlations are of neurons whose mean count in
// the window is not below: those of neurons that hardly spike there are next to nothing, and nearly
// all pairs are theirs.
trial_statistics over_trials(const trial_counts& counts, double least = 0);

}  // namespace bdh
