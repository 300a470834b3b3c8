// The instruction sets that tests compare with each other.
#pragma once

#include <vector>

#include "core/base/instruction_set.hpp"

namespace tests {

// Those that can be used here, plain first. The others are printed on standard output, each once
// and with the reason, in a line for the list of what was skipped.
std::vector<bdh::instruction_set> instruction_sets();

}  // namespace tests
