#include "core/analysis/event_statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <bdh/error.hpp>

#include "core/analysis/rank_statistics.hpp"
#include "core/base/random.hpp"

namespace bdh {
namespace {

constexpr double confidence = 0.95;
constexpr std::size_t most_exact_pairs = 14;  // 2^14 ways to swap labels
constexpr double most_exact_permutations = 20'000;
// Sums of the same values in another order are the same statistic.
constexpr double rounding = 1e-12;

double mean_of(std::span<const double> v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

double deviation_of(std::span<const double> v) {
  const double mean = mean_of(v);
  double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return std::sqrt(sum / static_cast<double>(v.size() - 1));
}

// Of `count` values, how many are as far from 0 as `observed` or farther.
class tail_count {
 public:
  tail_count(double observed, double scale) : least_(std::abs(observed) - rounding * scale) {}
  void add(double statistic) noexcept {
    ++all_;
    extreme_ += std::abs(statistic) >= least_ ? 1 : 0;
  }
  std::uint64_t all() const noexcept { return all_; }
  double share() const noexcept {
    return static_cast<double>(extreme_) / static_cast<double>(all_);
  }

 private:
  double least_;
  std::uint64_t all_ = 0, extreme_ = 0;
};

double largest(std::span<const double> a, std::span<const double> b) {
  double most = 0;
  for (const auto& all : {a, b})
    for (const double v : all) most = std::max(most, std::abs(v));
  return most;
}

void swap_pairs(std::span<const double> d, bool exact, std::uint64_t seed,
                std::uint64_t permutations, tail_count& count) {
  const double n = static_cast<double>(d.size());
  const auto statistic = [&](auto swapped) {
    double sum = 0;
    for (std::size_t k = 0; k < d.size(); ++k) sum += swapped(k) ? -d[k] : d[k];
    return sum / n;
  };
  if (exact) {
    for (std::uint64_t bits = 0; bits < std::uint64_t{1} << d.size(); ++bits)
      count.add(statistic([&](std::size_t k) { return (bits >> k & 1) != 0; }));
    return;
  }
  count.add(mean_of(d));
  for (std::uint64_t draw = 1; draw < permutations; ++draw) {
    random_stream random(seed, purpose::permutation, draw);
    count.add(statistic([&](std::size_t) { return (random() & 1) != 0; }));
  }
}

// Every choice of `m` of the values, or `permutations` of them at random.
void share_out(std::vector<double> all, std::size_t m, bool exact, std::uint64_t seed,
               std::uint64_t permutations, tail_count& count) {
  const double total = std::accumulate(all.begin(), all.end(), 0.0), of_a = static_cast<double>(m),
               of_b = static_cast<double>(all.size() - m);
  const auto difference = [&](double sum) { return sum / of_a - (total - sum) / of_b; };
  if (exact) {
    std::vector<bool> chosen(all.size());
    std::fill(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(m), true);
    do {
      double sum = 0;
      for (std::size_t k = 0; k < all.size(); ++k) sum += chosen[k] ? all[k] : 0;
      count.add(difference(sum));
    } while (std::prev_permutation(chosen.begin(), chosen.end()));
    return;
  }
  const auto first = [&] {
    return std::accumulate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(m), 0.0);
  };
  count.add(difference(first()));
  for (std::uint64_t draw = 1; draw < permutations; ++draw) {
    random_stream random(seed, purpose::permutation, draw);
    for (std::size_t k = 0; k < m; ++k)
      std::swap(all[k], all[k + random.below(static_cast<std::uint32_t>(all.size() - k))]);
    count.add(difference(first()));
  }
}

double ways_to_choose(std::size_t n, std::size_t m) {
  double ways = 1;
  for (std::size_t k = 1; k <= m; ++k)
    ways *= static_cast<double>(n - m + k) / static_cast<double>(k);
  return ways;
}

}  // namespace

confidence_band mean_over_trials(std::span<const double> of_trials) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (of_trials.empty()) return {none, none, none};
  const double mean = mean_of(of_trials), n = static_cast<double>(of_trials.size());
  if (of_trials.size() < 2) return {mean, none, none};
  // Not in long double, whose constants valgrind cannot make.
  using in_double = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
  const boost::math::students_t_distribution<double, in_double> t(n - 1);
  const double half =
      boost::math::quantile(t, 0.5 + confidence / 2) * deviation_of(of_trials) / std::sqrt(n);
  return {mean, mean - half, mean + half};
}

peri_event_average average_around(std::span<const std::vector<double>> trials,
                                  std::span<const std::vector<std::uint64_t>> events,
                                  const event_window& window) {
  peri_event_average made;
  for (std::size_t k = 0; k < trials.size(); ++k) {
    std::vector<double> sum(window.size());
    std::size_t whole = 0;
    for (const std::uint64_t event : events[k]) {
      if (event < window.before || event + window.after >= trials[k].size()) {
        ++made.cut;
        continue;
      }
      ++whole;
      for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += trials[k][event - window.before + d];
    }
    made.events += whole;
    if (whole == 0) continue;
    for (double& v : sum) v /= static_cast<double>(whole);
    made.of_trial.push_back(std::move(sum));
  }
  if (made.events == 0)
    throw input_error("events",
                      std::to_string(made.cut) + ", none of them with a whole window of " +
                          std::to_string(window.before) + " tokens before it and " +
                          std::to_string(window.after) + " after it",
                      "one or more", "--before and --after make the window smaller");
  for (std::size_t d = 0; d < window.size(); ++d) {
    std::vector<double> values;
    for (const auto& trial : made.of_trial) values.push_back(trial[d]);
    made.at.push_back(mean_over_trials(values));
  }
  return made;
}

std::optional<std::uint64_t> response_latency(std::span<const confidence_band> average,
                                              std::uint64_t before, double deviations) {
  if (before < 2) return std::nullopt;
  std::vector<double> baseline;
  for (std::uint64_t d = 0; d < before; ++d) baseline.push_back(average[d].mean);
  const double mean = mean_of(baseline), far = deviations * deviation_of(baseline);
  for (std::size_t d = before; d < average.size(); ++d)
    if (std::abs(average[d].mean - mean) > far) return d - before;
  return std::nullopt;
}

permutation_test_result permutation_test(std::span<const double> a, std::span<const double> b,
                                         bool paired, std::uint64_t seed,
                                         std::uint64_t permutations) {
  if (paired && a.size() != b.size())
    throw shape_error("pairs", std::to_string(a.size()) + " and " + std::to_string(b.size()),
                      "as many of one condition as of the other");
  permutation_test_result r;
  if (a.empty() || b.empty()) return r;
  r.difference = mean_of(a) - mean_of(b);
  r.exact = paired ? a.size() <= most_exact_pairs
                   : ways_to_choose(a.size() + b.size(), a.size()) <= most_exact_permutations;
  tail_count count(r.difference, largest(a, b));
  if (paired) {
    std::vector<double> d(a.begin(), a.end());
    for (std::size_t k = 0; k < d.size(); ++k) d[k] -= b[k];
    swap_pairs(d, r.exact, seed, permutations, count);
  } else {
    std::vector<double> all(a.begin(), a.end());
    all.insert(all.end(), b.begin(), b.end());
    share_out(std::move(all), a.size(), r.exact, seed, permutations, count);
  }
  r.p = count.share();
  r.permutations = count.all();
  return r;
}

std::vector<double> cross_correlation(std::span<const std::vector<double>> a,
                                      std::span<const std::vector<double>> b, std::uint64_t most,
                                      bool shifted) {
  std::vector<double> all;
  const auto last = static_cast<std::int64_t>(most);
  for (std::int64_t lag = -last; lag <= last; ++lag) {
    std::vector<double> of_a, of_b;
    for (std::size_t k = 0; k < a.size(); ++k) {
      const std::vector<double>& other = b[shifted ? (k + 1) % b.size() : k];
      for (std::int64_t t = 0; t < static_cast<std::int64_t>(a[k].size()); ++t) {
        if (t + lag < 0 || t + lag >= static_cast<std::int64_t>(other.size())) continue;
        of_a.push_back(a[k][static_cast<std::size_t>(t)]);
        of_b.push_back(other[static_cast<std::size_t>(t + lag)]);
      }
    }
    all.push_back(of_a.size() < 2 ? std::numeric_limits<double>::quiet_NaN() : pearson(of_a, of_b));
  }
  return all;
}

}  // namespace bdh
