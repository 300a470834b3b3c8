// Rank statistics of two samples: whether the values of one tend to be larger than those of the
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bdh {

// Mann and Whitney's U of two samples a (m values) and b (n values).
struct rank_test {
  // Pairs (a, b) with a > b; a pair of equal values counts a half, which is what midranks give.
  double u = 0;
  double rank_biserial =
      0;         // 2 U / (m n) - 1: 1 where every a is above every b, -1 where every a is below
  double p = 1;  // two-sided: 2 P(U as far from m n / 2 or farther), at most 1
  // P of the exact distribution; else of the normal one, corrected for ties and continuity.
  bool exact = false;
};

// Exact where no two values are equal and neither sample is larger than `largest_exact`. Values are
// finite. An empty sample: p = 1.
rank_test mann_whitney(std::span<const float> a, std::span<const float> b);
inline constexpr std::size_t largest_exact = 25;

// The smallest p that samples of these sizes can have: 2 / C(m + n, m), of samples that do not
// overlap.
double least_p(std::size_t m, std::size_t n) noexcept;

// Holm's correction: each p times the number of hypotheses that are not yet rejected when its turn
// comes, in ascending order; at most 1. With it, the probability that any true null hypothesis is
// below the level is at most the level, however they depend on each other.
std::vector<double> holm(std::span<const double> p);

// Correlations of pairs (a[k], b[k]); NaN where either does not vary. Spearman's is Pearson's of
// the midranks.
double pearson(std::span<const double> a, std::span<const double> b) noexcept;
double spearman(std::span<const double> a, std::span<const double> b);

}  // namespace bdh
