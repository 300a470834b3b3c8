// Arrays of the library from listed values, and comparisons to the last bit.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include <bdh/array.hpp>

namespace tests {

template <class T>
bdh::array<T> array_of(const std::vector<T>& values) {
  bdh::array<T> all(values.size());
  std::copy(values.begin(), values.end(), all.begin());
  return all;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace tests
