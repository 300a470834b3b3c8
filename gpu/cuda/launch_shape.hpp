// How many blocks a launch of a program has: up to one for each item, of as many as run at once.
#pragma once

#include <algorithm>

#include "kernels/group.hpp"

namespace bdh::gpu {

constexpr kernels::index blocks_alone(kernels::index items, kernels::index most_blocks) {
  return std::min(items, most_blocks);
}

// Of several streams: as many blocks for each. items: the most of a stream.
constexpr kernels::index blocks_together(kernels::index items, kernels::index streams,
                                         kernels::index most_blocks) {
  return std::max(1u, std::min(items, most_blocks / streams)) * streams;
}

}  // namespace bdh::gpu
