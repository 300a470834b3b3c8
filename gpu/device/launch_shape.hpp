// How many threads a block of a program has, and how many blocks a launch: up to one for each item,
// of as many as run at once.
#pragma once

#include <algorithm>

#include "kernels/group.hpp"

namespace bdh::gpu {

inline constexpr kernels::index block_threads = 256;
// A processor runs so many at once, or more: registers are given out accordingly.
inline constexpr kernels::index least_blocks = 3;

constexpr kernels::index blocks_alone(kernels::index items, kernels::index most_blocks) {
  return std::min(items, most_blocks);
}

// Of several streams: as many blocks for each. items: the most of a stream.
constexpr kernels::index blocks_together(kernels::index items, kernels::index streams,
                                         kernels::index most_blocks) {
  return std::max(1u, std::min(items, most_blocks / streams)) * streams;
}

}  // namespace bdh::gpu
