// The instructions of PTX that compute, by their full names.
#pragma once

#include <string>

#include "ptx/kernel.hpp"

namespace tests::ptx {

struct known_operation {
  operation compute = nullptr;  // null: not known
  std::size_t operands = 0;     // that are read
};

// mov.b64 between one register and two halves, the lower one first, is known as "mov.b64 {}" and
// "{} mov.b64". Arithmetic is IEEE 754's, rounded to nearest: the host's.
known_operation find_operation(const std::string& name);

}  // namespace tests::ptx
