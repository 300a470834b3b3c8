#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <bdh/dynamics.hpp>
#include <bdh/error.hpp>

#include "core/base/rounded.hpp"

namespace bdh {

namespace {

constexpr double fastest = 1e6;

}  // namespace

rotation rotation::keeping(array<double> frequency) {
  bool good = true;
  for (const double f : frequency) good &= std::abs(f) <= fastest;  // no NaN is
  for (std::size_t m = 0; !good && m < frequency.size(); ++m)
    if (!(std::abs(frequency[m]) <= fastest))
      throw input_error("rotation/frequency[" + std::to_string(m) + "]", shown(frequency[m]),
                        "turns per token, at most 1e6");
  rotation all;
  if (!frequency.empty())
    all.frequency_ = std::make_shared<const array<double>>(std::move(frequency));
  return all;
}

rotation::rotation(const std::vector<double>& frequency) {
  array<double> copy(frequency.size());
  std::copy(frequency.begin(), frequency.end(), copy.begin());
  *this = keeping(std::move(copy));
}

rotation rotation::geometric(double theta, std::size_t neurons_per_head) {
  if (!(theta > 0) || !std::isfinite(theta))
    throw input_error("rotation/theta", shown(theta), "a number > 0");
  if (neurons_per_head % 2 != 0)
    throw shape_error("rotation", std::to_string(neurons_per_head) + " neurons per head",
                      "an even number, for pairs");
  array<double> frequency(neurons_per_head / 2);
  for (std::size_t m = 0; m < frequency.size(); ++m)
    frequency[m] =
        rounded::pow(theta, -2.0 * static_cast<double>(m) / static_cast<double>(neurons_per_head)) /
        (2.0 * std::numbers::pi);
  return keeping(std::move(frequency));
}

}  // namespace bdh
