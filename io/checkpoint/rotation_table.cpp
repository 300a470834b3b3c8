#include "io/checkpoint/rotation_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <bdh/dynamics.hpp>

namespace bdh {
namespace {

// Numbers that were float32 and no less have at least so many, in a table of any size.
constexpr int float_bits = 22;
// Powers of two have one; with so few nearly every number is another one, rounded.
constexpr int fewest_bits = 4;

// The base that a geometric table has by its first frequency and the last that float16 has with all
// its bits; 0: none.
double estimated_theta(std::span<const double> table) {
  std::size_t last = table.empty() ? 0 : table.size() - 1;
  while (last > 0 && table[last] < 0x1p-14) --last;
  if (last == 0 || !(table.front() > table[last])) return 0;
  return std::exp(std::log(table.front() / table[last]) * static_cast<double>(table.size()) /
                  static_cast<double>(last));
}

}  // namespace

int significant_bits(std::span<const double> values) noexcept {
  int most = 0;
  for (const double v : values) {
    if (v == 0 || !std::isfinite(v)) continue;
    int exponent = 0;
    const auto digits =
        static_cast<std::uint64_t>(std::ldexp(std::abs(std::frexp(v, &exponent)), 53));
    most = std::max(most, 53 - std::countr_zero(digits));
  }
  return most;
}

table_fit fit_of(std::span<const double> table, std::span<const double> exact) noexcept {
  const int bits = significant_bits(table);
  // Of float16, numbers below 2^-14 have a spacing of 2^-24, whatever their size.
  const double spacing = bits <= 11 ? 0x1p-24 : 0;
  bool equal = bits >= float_bits,
       rounded = table.size() == exact.size() && bits >= fewest_bits && bits < float_bits;
  for (std::size_t m = 0; m < std::min(table.size(), exact.size()); ++m) {
    const double difference = std::abs(table[m] - exact[m]);
    equal = equal && difference <= exact[m] * 0x1p-18;
    rounded = rounded && difference <= std::max(std::ldexp(exact[m], 1 - bits), spacing);
  }
  if (equal && table.size() == exact.size()) return table_fit::equal;
  return rounded ? table_fit::rounded : table_fit::other;
}

int rounding_bits(std::span<const double> table, std::span<const double> exact) noexcept {
  const int bits = significant_bits(table);
  for (const int format : {8, 11}) {
    bool fits = bits <= format;
    for (std::size_t m = 0; fits && m < std::min(table.size(), exact.size()); ++m) {
      int exponent = 0;
      std::frexp(exact[m], &exponent);
      const double half_unit = std::ldexp(1.001, exponent - format - 1);
      fits = std::abs(table[m] - exact[m]) <= std::max(half_unit, format == 11 ? 0x1p-25 : 0.0);
    }
    if (fits) return format;
  }
  return bits;
}

double phase_error(std::span<const double> table, std::span<const double> exact,
                   std::uint64_t tokens) noexcept {
  double largest = 0;
  for (std::size_t m = 0; m < std::min(table.size(), exact.size()); ++m)
    largest = std::max(largest, std::abs(table[m] - exact[m]));
  return largest * static_cast<double>(tokens);
}

std::optional<double> theta_of(std::span<const double> table, std::span<const double> stated) {
  std::vector<double> candidates(stated.begin(), stated.end());
  candidates.insert(candidates.end(), {65536, 10000, 500000, 1000000, 100000, 1000});
  if (const double near = estimated_theta(table); near > 1 && near < 1e12) {
    candidates.push_back(std::exp2(std::round(std::log2(near))));
    for (const int digits : {1, 2, 3}) {
      const double unit = std::pow(10, std::floor(std::log10(near)) - digits + 1);
      candidates.push_back(std::round(near / unit) * unit);
    }
  }
  return first_fit(table, candidates);
}

std::optional<double> first_fit(std::span<const double> table, std::span<const double> thetas) {
  for (const double theta : thetas)
    if (theta > 0 &&
        fit_of(table, rotation::geometric(theta, 2 * table.size()).frequency()) != table_fit::other)
      return theta;
  return std::nullopt;
}

}  // namespace bdh
