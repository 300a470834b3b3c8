// NVIDIA GPUs as devices. Also declared in builds without CUDA, where opening one fails and the
// error names what is missing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <bdh/error.hpp>

namespace bdh::gpu {

class device;

struct memory_info {
  std::size_t free = 0, total = 0;
};

// A part of the memory that an engine allocates on a device.
struct memory_use {
  std::string what;
  std::size_t bytes;
};

struct cuda_device_info {
  int number = 0;
  std::string name;
  std::string capability;  // "9.0"
  memory_info memory;
  std::string unusable;  // why; empty: it can be used
};

// No GPU, or no driver for one: a device_error of its own, since that is a state of the machine and
// no failure.
class no_cuda_device : public device_error {
 public:
  explicit no_cuda_device(const std::string& found) : device_error("cuda: devices", found) {}
};

bool built_with_cuda() noexcept;

// Those there are. Throws no_cuda_device with CUDA's own text where there is no driver or no GPU,
// and device_error where this build has no CUDA.
std::vector<cuda_device_info> cuda_devices();

// Throws device_error as above, or when there is no such number.
std::shared_ptr<device> open_cuda_device(int number = 0);

}  // namespace bdh::gpu
