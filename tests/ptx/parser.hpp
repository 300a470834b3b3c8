// Reads the text that nvcc makes of kernels, as far as an interpreter knows it: what it does not
// know is refused by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ptx/kernel.hpp"

namespace tests::ptx {

// The kernels of the text whose names are wanted, in its order. Throws fault: line, what was found.
std::vector<kernel> parse(std::string_view text,
                          const std::function<bool(const std::string&)>& wanted);

}  // namespace tests::ptx
