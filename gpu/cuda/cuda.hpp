// NVIDIA GPUs as devices. Also declared in builds without CUDA, where asking for one tells what is
// missing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gpu/device/device.hpp"

namespace bdh::gpu {

struct cuda_device_info {
  int number = 0;
  std::string name;
  std::string capability;  // "9.0"
  memory_info memory;
};

bool built_with_cuda() noexcept;

// Those there are. Throws device_error with CUDA's own text where there is no driver or no GPU, or
// telling that this build has no CUDA.
std::vector<cuda_device_info> cuda_devices();

// Throws device_error as above, or when there is no such number.
std::shared_ptr<device> open_cuda_device(int number = 0);

}  // namespace bdh::gpu
