// Small plots of characters.
#pragma once

#include <span>
#include <string>

namespace bdh::app {

// One character a value: the height between least and most in eighths.
std::string bars(std::span<const double> values, double least, double most);

// One character a value: a dot for 0, then four shades up to the largest.
std::string shades(std::span<const double> values, double most);

}  // namespace bdh::app
