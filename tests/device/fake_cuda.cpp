// In place of a GPU, for the program's own tests: what requests CUDA gets the device that is the
// host.
#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

#include "support/fake_device.hpp"

namespace bdh::gpu {

bool built_with_cuda() noexcept { return true; }

std::vector<cuda_device_info> cuda_devices() {
  return {{0, "fake device", "0.0", tests::fake_device().memory(), ""}};
}

std::shared_ptr<device> open_cuda_device(int) { return std::make_shared<tests::fake_device>(); }

}  // namespace bdh::gpu
