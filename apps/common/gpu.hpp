// The GPU that commands run models on.
#pragma once

#include <cstdlib>
#include <memory>

#include <bdh/cuda.hpp>

#include "gpu/device/device.hpp"

namespace bdh::app {

// With BDH_SEPARATE_ARRAYS in the environment every array is an allocation of its own, for
// compute-sanitizer.
inline std::shared_ptr<gpu::device> open_gpu() {
  auto on = gpu::open_cuda_device();
  if (std::getenv("BDH_SEPARATE_ARRAYS") != nullptr) on->separate_arrays();
  return on;
}

}  // namespace bdh::app
