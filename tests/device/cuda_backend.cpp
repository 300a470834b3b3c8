// The agreement tests on a GPU. Without one, or in a build without CUDA, they are skipped: exit
// code
// 77. Every other failure of a device fails, and those too where BDH_CUDA_EXPECTED is set.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

#include "device/backend.hpp"

namespace tests {

std::shared_ptr<bdh::gpu::device> fresh_device(item_order) { return bdh::gpu::open_cuda_device(); }
std::string damage(const bdh::gpu::device&) { return {}; }

}  // namespace tests

int main(int argc, char** argv) {
  try {
    const std::string name = tests::fresh_device(tests::item_order::ascending)->name();
    std::cout << "on " << name << "\n";
  } catch (const bdh::device_error& e) {
    const bool none = !bdh::gpu::built_with_cuda() ||
                      dynamic_cast<const bdh::gpu::no_cuda_device*>(&e) != nullptr;
    const bool skipped = none && std::getenv("BDH_CUDA_EXPECTED") == nullptr;
    std::cout << (skipped ? "skipped: " : "failed: ") << e.what() << "\n";
    return skipped ? 77 : 1;
  }
  return doctest::Context(argc, argv).run();
}
