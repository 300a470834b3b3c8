#include "gpu/buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/base/error.hpp"

namespace bdh::gpu {

std::size_t memory_plan::bytes() const noexcept {
  return std::accumulate(uses_.begin(), uses_.end(), std::size_t{0}, [](std::size_t sum, const memory_use& u) { return sum + u.bytes; });
}

void memory_plan::allocate(device& on) const {
  const std::size_t free = on.memory().free;
  if (bytes() > free) {
    const auto largest = std::max_element(uses_.begin(), uses_.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    throw device_error("memory of " + on.name(), fmt::format("{} bytes free", free), fmt::format("{} bytes for this model", bytes()),
                       fmt::format("most of it: {}, {} bytes", largest->what, largest->bytes));
  }
  for (const auto& make : make_) make(on);
}

}  // namespace bdh::gpu
