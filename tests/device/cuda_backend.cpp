// The agreement tests on a GPU. Without one they are skipped: exit code 77.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

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
    std::cout << "skipped: " << e.what() << "\n";
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
