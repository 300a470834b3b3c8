// In place of cuda_device.cu in builds without CUDA.
#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

namespace bdh::gpu {
namespace {

[[noreturn]] void refuse() {
  throw device_error("device cuda", "a build without CUDA", "one with it",
                     "install NVIDIA's driver and the CUDA Toolkit 13, then cmake --preset cuda && "
                     "cmake --build --preset cuda");
}

}  // namespace

bool built_with_cuda() noexcept { return false; }
std::vector<cuda_device_info> cuda_devices() { refuse(); }
std::shared_ptr<device> open_cuda_device(int) { refuse(); }

}  // namespace bdh::gpu
