// A device that is the host and contracts a*b+c, as GPUs do where that is not forbidden. Compiled
// for AVX2 and FMA, so the program as a whole needs them: it is started by needs_instructions.
#include <doctest/doctest.h>

#include "device/backend.hpp"
#include "support/fake_device.hpp"

namespace {

// A type of this file: what is compiled here for it is not mixed up with what other files compile
// for the host's group.
struct contracting_group : bdh::kernels::host_group<8> {};

template <class Program>
void run_item(const std::byte* arguments, bdh::gpu::index item) {
  (*reinterpret_cast<const Program*>(arguments))(contracting_group{}, item);
}
template <class... Programs>
void run_item(bdh::gpu::program_set<Programs...>, std::size_t program, const std::byte* arguments,
              bdh::gpu::index item) {
  static constexpr void (*runners[])(const std::byte*, bdh::gpu::index) = {run_item<Programs>...};
  runners[program](arguments, item);
}
void run_contracted(std::size_t program, const std::byte* arguments, bdh::gpu::index item) {
  run_item(bdh::gpu::programs{}, program, arguments, item);
}

}  // namespace

namespace tests {

std::shared_ptr<bdh::gpu::device> fresh_device(item_order order) {
  return std::make_shared<fake_device>(std::size_t{1} << 32, order, run_contracted, false);
}
std::string damage(const bdh::gpu::device& device) {
  return dynamic_cast<const fake_device&>(device).damage();
}

}  // namespace tests

TEST_CASE("this device contracts") {
  // sigma u + W X = (1 - 2^-12)(1 + 2^-12) - 1 = -2^-24; a product that is rounded by itself is 1.
  float row[] = {1 - 0x1p-12f};
  const float kept[] = {1 + 0x1p-12f}, x[] = {1}, w[] = {-1};
  const bdh::gpu::index source[] = {0};
  bdh::kernels::reweight{row, 1, 0, source, x, kept, w}(contracting_group{}, 0);
  CHECK(row[0] == -0x1p-24f);
}
