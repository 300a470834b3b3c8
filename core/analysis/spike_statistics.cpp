#include "core/analysis/spike_statistics.hpp"

#include <cmath>
#include <cstddef>

namespace bdh {
namespace {

struct average {
  double sum = 0;
  std::uint64_t count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  std::optional<double> value() const {
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
  }
};

// The mean of the correlations of all pairs of rows: of rows z with mean 0 and length 1, the square
// of their sum is their number and twice the sum over pairs. Rows that do not vary are left out.
class pair_correlation {
 public:
  explicit pair_correlation(std::size_t width) : sum_(width) {}
  void add(std::vector<double> row) {
    double mean = 0, squares = 0;
    for (const double v : row) mean += v / static_cast<double>(row.size());
    for (double& v : row) {
      v -= mean;
      squares += v * v;
    }
    if (!(squares > 1e-12)) return;
    for (std::size_t k = 0; k < row.size(); ++k) sum_[k] += row[k] / std::sqrt(squares);
    ++rows_;
  }
  std::uint64_t pairs() const { return rows_ < 2 ? 0 : rows_ * (rows_ - 1) / 2; }
  std::optional<double> mean() const {
    if (rows_ < 2) return std::nullopt;
    double square = 0;
    for (const double v : sum_) square += v * v;
    const auto n = static_cast<double>(rows_);
    return (square - n) / (n * (n - 1));
  }

 private:
  std::vector<double> sum_;
  std::uint64_t rows_ = 0;
};

}  // namespace

interval_statistics intervals_of(std::span<const double> times) {
  interval_statistics s;
  if (times.size() < 2) return s;
  const auto n = static_cast<double>(times.size() - 1);
  s.mean = (times.back() - times.front()) / n;
  if (times.size() < 3) return s;
  double squares = 0;
  average local;
  for (std::size_t k = 1; k < times.size(); ++k) {
    const double interval = times[k] - times[k - 1];
    squares += (interval - *s.mean) * (interval - *s.mean);
    if (k == 1) continue;
    const double before = times[k - 1] - times[k - 2];
    local.add(2 * std::abs(interval - before) / (interval + before));
  }
  s.cv = std::sqrt(squares / n) / *s.mean;
  s.cv2 = local.value();
  return s;
}

std::optional<double> fano_factor(std::span<const double> counts) {
  if (counts.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(counts.size());
  double mean = 0, squares = 0;
  for (const double c : counts) mean += c / n;
  for (const double c : counts) squares += (c - mean) * (c - mean);
  if (mean == 0) return std::nullopt;
  return squares / (n - 1) / mean;
}

trial_statistics over_trials(const trial_counts& counts, double least) {
  trial_statistics s;
  if (counts.size() < 2 || counts[0].empty()) return s;
  const std::size_t trials = counts.size(), neurons = counts[0].size(),
                    windows = counts[0][0].size();
  double variances = 0, all_means = 0, noise = 0;
  std::vector<std::vector<double>> means(neurons, std::vector<double>(windows));
  std::vector<double> of_window(trials);
  for (std::size_t w = 0; w < windows; ++w) {
    pair_correlation together(trials);
    for (std::size_t i = 0; i < neurons; ++i) {
      double mean = 0;
      for (std::size_t t = 0; t < trials; ++t) {
        of_window[t] = counts[t][i][w];
        mean += of_window[t] / static_cast<double>(trials);
      }
      means[i][w] = mean;
      all_means += mean;
      variances += fano_factor(of_window).value_or(0) * mean;
      if (mean >= least) together.add(of_window);
    }
    noise += together.mean().value_or(0) * static_cast<double>(together.pairs());
    s.noise_pairs += together.pairs();
  }
  pair_correlation signal(windows);
  for (std::vector<double>& row : means) signal.add(std::move(row));
  if (all_means > 0) s.fano = variances / all_means;
  if (s.noise_pairs != 0) s.noise_correlation = noise / static_cast<double>(s.noise_pairs);
  s.signal_correlation = signal.mean();
  s.signal_pairs = signal.pairs();
  return s;
}

}  // namespace bdh
