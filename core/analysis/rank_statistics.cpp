#include "core/analysis/rank_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>

namespace bdh {
namespace {

// Two-sided p of U: the number of ways to choose m of the ranks 1 .. m + n whose sum is R is the
// number of samples with U = R - m (m + 1) / 2.
double exact_p(double u, std::size_t m, std::size_t n) {
  const std::size_t most = m * n;
  // [size of the subset][its U so far].
  std::vector<std::vector<double>> ways(m + 1, std::vector<double>(most + 1));
  ways[0][0] = 1;
  // A rank r that joins a subset of k - 1 smaller ones has r - k elements of the other sample below
  // it.
  for (std::size_t r = 1; r <= m + n; ++r)
    for (std::size_t k = std::min(m, r); k >= 1; --k) {
      const std::size_t below = r - k;
      if (below > n) break;
      for (std::size_t s = most + 1; s-- > below;) ways[k][s] += ways[k - 1][s - below];
    }
  const auto larger = static_cast<std::size_t>(std::max(u, static_cast<double>(most) - u));
  const auto& all = ways[m];
  const double tail =
      std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(larger), all.end(), 0.0);
  return std::min(1.0, 2 * tail / std::accumulate(all.begin(), all.end(), 0.0));
}

// `ties`: the sum of t^3 - t over groups of t equal values.
double normal_p(double u, double m, double n, double ties) {
  const double all = m + n, variance = m * n / 12 * (all + 1 - ties / (all * (all - 1)));
  if (!(variance > 0)) return 1;
  const double z = (std::max(u, m * n - u) - m * n / 2 - 0.5) / std::sqrt(variance);
  return std::min(1.0, std::erfc(z / std::numbers::sqrt2));
}

std::vector<double> midranks(std::span<const double> values) {
  std::vector<std::size_t> by(values.size());
  std::iota(by.begin(), by.end(), std::size_t{0});
  std::sort(by.begin(), by.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t first = 0, last = 0; first < by.size(); first = last) {
    while (last < by.size() && values[by[last]] == values[by[first]]) ++last;
    for (std::size_t k = first; k < last; ++k)
      rank[by[k]] = static_cast<double>(first + last - 1) / 2;
  }
  return rank;
}

}  // namespace

rank_test mann_whitney(std::span<const float> a, std::span<const float> b) {
  rank_test r;
  if (a.empty() || b.empty()) return r;
  struct value {
    float v;
    bool of_a;
  };
  std::vector<value> all;
  for (float v : a) all.push_back({v, true});
  for (float v : b) all.push_back({v, false});
  std::sort(all.begin(), all.end(), [](const value& x, const value& y) { return x.v < y.v; });
  const auto m = static_cast<double>(a.size()), n = static_cast<double>(b.size());
  double ties = 0, b_below = 0;
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    double of_a = 0, of_b = 0;
    for (; last < all.size() && all[last].v == all[first].v; ++last)
      (all[last].of_a ? of_a : of_b) += 1;
    r.u += of_a * (b_below + of_b / 2);
    b_below += of_b;
    const double t = of_a + of_b;
    ties += t * t * t - t;
  }
  r.rank_biserial = 2 * r.u / (m * n) - 1;
  r.exact = ties == 0 && std::max(a.size(), b.size()) <= largest_exact;
  r.p = r.exact ? exact_p(r.u, a.size(), b.size()) : normal_p(r.u, m, n, ties);
  return r;
}

double least_p(std::size_t m, std::size_t n) noexcept {
  if (m == 0 || n == 0) return 1;
  double p = 2;
  for (std::size_t k = 1; k <= m; ++k) p *= static_cast<double>(k) / static_cast<double>(n + k);
  return std::min(1.0, p);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> by(p.size());
  std::iota(by.begin(), by.end(), std::size_t{0});
  std::stable_sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> corrected(p.size());
  double largest = 0;
  for (std::size_t k = 0; k < by.size(); ++k) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - k) * p[by[k]]));
    corrected[by[k]] = largest;
  }
  return corrected;
}

double pearson(std::span<const double> a, std::span<const double> b) noexcept {
  const auto varies = [](std::span<const double> v) {
    return std::adjacent_find(v.begin(), v.end(), std::not_equal_to<>()) != v.end();
  };
  if (!varies(a) || !varies(b)) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    ab += (a[k] - mean_a) * (b[k] - mean_b);
    aa += (a[k] - mean_a) * (a[k] - mean_a);
    bb += (b[k] - mean_b) * (b[k] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

double spearman(std::span<const double> a, std::span<const double> b) {
  return pearson(midranks(a), midranks(b));
}

}  // namespace bdh
