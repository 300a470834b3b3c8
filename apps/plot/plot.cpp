#include "apps/plot/plot.hpp"

#include <algorithm>
#include <cmath>

namespace bdh::app {

std::string bars(std::span<const double> values, double least, double most) {
  static constexpr const char* heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string text;
  for (double v : values) {
    const double share = most > least ? (v - least) / (most - least) : 0;
    text += heights[std::clamp(static_cast<int>(share * 8), 0, 7)];
  }
  return text;
}

std::string shades(std::span<const double> values, double most) {
  static constexpr const char* dark[] = {"░", "▒", "▓", "█"};
  std::string text;
  for (double v : values)
    text += v == 0 ? "·" : dark[std::clamp(static_cast<int>(std::abs(v) / most * 4), 0, 3)];
  return text;
}

}  // namespace bdh::app
