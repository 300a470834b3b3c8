#include "core/rotation.hpp"

#include <cmath>
#include <numbers>
#include <string>

#include "core/base/error.hpp"

namespace bdh {

rotation::rotation(std::vector<double> frequency) : frequency_(std::move(frequency)) {
  for (std::size_t m = 0; m < frequency_.size(); ++m)
    if (!std::isfinite(frequency_[m]) || std::abs(frequency_[m]) > 1e6)
      throw input_error("rotation/frequency[" + std::to_string(m) + "]", shown(frequency_[m]), "turns per token, at most 1e6");
}

rotation rotation::geometric(double theta, std::size_t neurons_per_head) {
  if (!(theta > 0) || !std::isfinite(theta)) throw input_error("rotation/theta", shown(theta), "a number > 0");
  if (neurons_per_head % 2 != 0)
    throw shape_error("rotation", std::to_string(neurons_per_head) + " neurons per head", "an even number, for pairs");
  std::vector<double> frequency(neurons_per_head / 2);
  for (std::size_t m = 0; m < frequency.size(); ++m)
    frequency[m] = std::pow(theta, -2.0 * static_cast<double>(m) / static_cast<double>(neurons_per_head)) / (2.0 * std::numbers::pi);
  return rotation(std::move(frequency));
}

}  // namespace bdh
