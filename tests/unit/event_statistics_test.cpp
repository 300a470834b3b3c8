// Statistics around events and over trials, by hand and against closed forms.
#include "core/analysis/event_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/random.hpp"

namespace {

using values = std::vector<double>;
using events = std::vector<std::vector<std::uint64_t>>;

double drawn(std::uint64_t item, std::uint64_t step) {
  return bdh::normal(3, bdh::purpose::test_weights, item, step);
}

}  // namespace

TEST_CASE("a mean and its confidence interval") {
  // t with 3 degrees of freedom: 3.182446305 at 97.5 %. Deviation of 1, 2, 3, 6: sqrt(14 / 3).
  const auto band = bdh::mean_over_trials(values{1, 2, 3, 6});
  const double half = 3.182446305284263 * std::sqrt(14.0 / 3) / 2;
  CHECK(band.mean == 3);
  CHECK(band.low == doctest::Approx(3 - half).epsilon(1e-12));
  CHECK(band.high == doctest::Approx(3 + half).epsilon(1e-12));
  CHECK(std::isnan(bdh::mean_over_trials(values{5}).low));
  CHECK(bdh::mean_over_trials(values{5}).mean == 5);
}

TEST_CASE("averages around events") {
  const std::vector<values> trials{{0, 1, 2, 3, 4, 5, 6}, {0, 0, 10, 0, 0, 20, 0}};
  const auto r = bdh::average_around(trials, events{{2, 4}, {2, 5, 6}}, {.before = 1, .after = 1});
  CHECK(r.events == 4);
  CHECK(r.cut == 1);  // 6: no token after it
  REQUIRE(r.of_trial.size() == 2);
  CHECK(r.of_trial[0] == values{2, 3, 4});   // (1 2 3 + 3 4 5) / 2
  CHECK(r.of_trial[1] == values{0, 15, 0});  // (0 10 0 + 0 20 0) / 2
  CHECK(r.at[1].mean == 9);
  CHECK_THROWS_AS(bdh::average_around(trials, events{{0}, {6}}, {.before = 1, .after = 1}),
                  bdh::input_error);
}

TEST_CASE("the latency of a response") {
  std::vector<bdh::confidence_band> average;
  for (const double v : {1.0, 1.1, 0.9, 1.0, 1.05, 1.2, 5.0, 5.0}) average.push_back({v, v, v});
  CHECK(bdh::response_latency(average, 4) == std::optional<std::uint64_t>(2));
  CHECK(bdh::response_latency(average, 4, 100) == std::nullopt);
  CHECK(bdh::response_latency(average, 1) == std::nullopt);
}

TEST_CASE("exact permutation tests") {
  // Of C(6, 3) = 20 ways to label, the observed one and its mirror image are as far apart.
  const auto apart = bdh::permutation_test(values{4, 5, 6}, values{1, 2, 3}, false);
  CHECK(apart.exact);
  CHECK(apart.permutations == 20);
  CHECK(apart.difference == 3);
  CHECK(apart.p == doctest::Approx(2.0 / 20));
  // Of 2^4 signs, two.
  const auto pairs = bdh::permutation_test(values{1, 2, 3, 4}, values{0, 1, 1, 1}, true);
  CHECK(pairs.exact);
  CHECK(pairs.permutations == 16);
  CHECK(pairs.difference == 1.75);
  CHECK(pairs.p == doctest::Approx(2.0 / 16));
  CHECK(bdh::permutation_test(values{1, 1}, values{1, 1}, false).p == 1);
  CHECK_THROWS_AS(bdh::permutation_test(values{1}, values{1, 2}, true), bdh::shape_error);
}

TEST_CASE("error rates of permutation tests at random") {
  for (const bool paired : {false, true}) {
    CAPTURE(paired);
    int false_alarms = 0, found = 0;
    constexpr int repetitions = 200;
    for (int k = 0; k < repetitions; ++k) {
      values a, b, shifted;
      for (std::uint64_t trial = 0; trial < 20; ++trial) {
        const auto step = static_cast<std::uint64_t>(k);
        const double shared = paired ? 5 * drawn(trial + 100, step) : 0;
        a.push_back(shared + drawn(trial, step));
        b.push_back(shared + drawn(trial + 50, step));
        shifted.push_back(b.back() + 1.5);
      }
      const auto seed = static_cast<std::uint64_t>(k);
      const auto null = bdh::permutation_test(a, b, paired, seed, 400);
      CHECK_FALSE(null.exact);
      CHECK(null.permutations == 400);
      false_alarms += null.p <= 0.05 ? 1 : 0;
      found += bdh::permutation_test(a, shifted, paired, seed, 400).p <= 0.05 ? 1 : 0;
    }
    CHECK(false_alarms <= 20);  // 10 expected; more than 20: p < 0.002
    CHECK(found >= 190);
  }
}

TEST_CASE("cross-correlation finds a lag, and what trials share") {
  std::vector<values> a(6, values(200)), b = a;
  for (std::uint64_t trial = 0; trial < a.size(); ++trial)
    for (std::uint64_t t = 0; t < 200; ++t) {
      a[trial][t] = drawn(t, trial);
      if (t >= 3) b[trial][t] = a[trial][t - 3];  // b follows a by 3 tokens
    }
  const auto r = bdh::cross_correlation(a, b, 5);
  REQUIRE(r.size() == 11);
  CHECK(r[5 + 3] > 0.95);
  for (std::size_t k = 0; k < r.size(); ++k)
    if (k != 8) CHECK(std::abs(r[k]) < 0.15);
  // Nothing is shared between trials, so nothing is left of it.
  for (const double v : bdh::cross_correlation(a, b, 5, true)) CHECK(std::abs(v) < 0.15);
  const auto flat =
      bdh::cross_correlation(std::vector<values>{{1, 1, 1}}, std::vector<values>{{1, 2, 3}}, 0);
  CHECK(std::isnan(flat[0]));
}
