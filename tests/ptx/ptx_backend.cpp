// The tests of devices on the PTX that nvcc made: PROGRAM FILE [--all-kernels] [doctest's options].
// Without the file they are skipped: exit code 77. With --all-kernels some are run again with
// launches of one stream as those of the first of two, and a kernel that never ran is a failure.
// What was run is printed at the end.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>
#include <vector>

#include "ptx/ptx_device.hpp"

namespace {

std::shared_ptr<tests::ptx::kernel_set> kernels;
tests::launched_as how = tests::launched_as::one;

}  // namespace

namespace tests {

std::shared_ptr<bdh::gpu::device> fresh_device(item_order order) {
  return fresh_fake_device(order);
}
std::shared_ptr<fake_device> fresh_fake_device(item_order order, std::size_t memory) {
  return std::make_shared<ptx_device>(kernels, order, memory, how);
}
std::string damage(const bdh::gpu::device& device) {
  return dynamic_cast<const fake_device&>(device).damage();
}

}  // namespace tests

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto has = [&](std::string_view what) {
    return std::find(arguments.begin(), arguments.end(), what) != arguments.end();
  };
  const std::string file(arguments.empty() ? "" : arguments[0]);
  std::ifstream in(file);
  if (!in) {
    std::cout << "skipped: no PTX in '" << file
              << "', which the test cuda_compile_device_exact makes where nvcc is\n";
    return 77;
  }
  kernels =
      std::make_shared<tests::ptx::kernel_set>(std::string{std::istreambuf_iterator<char>(in), {}});
  bool failed = doctest::Context(argc, argv).run() != 0;
  if (has("--all-kernels")) {
    how = tests::launched_as::one_of_two;
    doctest::Context again;
    again.setOption("test-case",
                    "probes and interventions,a device chooses*,weights stored as bfloat16");
    failed |= again.run() != 0;
    for (const std::string& name : kernels->never_launched()) {
      std::cout << "never launched: " << name << "\n";
      failed = true;
    }
  }
  std::cout << kernels->summary() << "\n";
  return failed ? 1 : 0;
}
