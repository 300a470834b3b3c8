// Statistics of trains by hand.
#include "core/analysis/spike_statistics.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("intervals between spikes") {
  const std::vector<double> times = {1, 2, 4, 5};  // intervals 1, 2, 1
  const bdh::interval_statistics s = bdh::intervals_of(times);
  CHECK(*s.mean == doctest::Approx(4.0 / 3));
  CHECK(*s.cv == doctest::Approx(0.353553));  // sqrt(2/9) / (4/3)
  CHECK(*s.cv2 == doctest::Approx(2.0 / 3));
  CHECK(!bdh::intervals_of(std::vector<double>{3}).mean);
  CHECK(!bdh::intervals_of(std::vector<double>{3, 5}).cv);
  const std::vector<double> regular = {2, 4, 6, 8};
  CHECK(*bdh::intervals_of(regular).cv == doctest::Approx(0));
}

TEST_CASE("variation of counts") {
  CHECK(*bdh::fano_factor(std::vector<double>{1, 3}) == doctest::Approx(1));  // 2 / 2
  CHECK(*bdh::fano_factor(std::vector<double>{2, 2, 2}) == doctest::Approx(0));
  CHECK(!bdh::fano_factor(std::vector<double>{5}));
  CHECK(!bdh::fano_factor(std::vector<double>{0, 0}));
}

TEST_CASE("trials: two neurons that share their noise, and one that has the opposite signal") {
  // Two trials, two windows. Neurons 0 and 1 go up together from trial to trial; the means of 0
  // and 1 rise from window to window, those of 2, which has no noise, fall.
  const bdh::trial_counts counts = {{{1, 3}, {2, 5}, {4, 2}}, {{3, 5}, {4, 7}, {4, 2}}};
  const bdh::trial_statistics s = bdh::over_trials(counts);
  CHECK(*s.noise_correlation == doctest::Approx(1));
  CHECK(s.noise_pairs == 2);  // in each of two windows one
  // 0 and 1: 1; 0 and 2, 1 and 2: -1.
  CHECK(*s.signal_correlation == doctest::Approx(-1.0 / 3));
  CHECK(s.signal_pairs == 3);
  // Four variances of 2; means 2, 4, 3, 6, 4, 2.
  CHECK(*s.fano == doctest::Approx(8.0 / 21));
  CHECK(!bdh::over_trials({counts[0]}).fano);
  // Means of the first window 2, 3 and 4, of the second 4, 6 and 2: a pair in the second alone.
  CHECK(bdh::over_trials(counts, 2.5).noise_pairs == 1);
  CHECK(bdh::over_trials(counts, 4).noise_pairs == 1);
  CHECK(!bdh::over_trials(counts, 5).noise_correlation);
}
