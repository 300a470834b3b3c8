#include "gpu/buffer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"

namespace bdh::gpu {

void memory_plan::add(std::size_t bytes, std::string what, placing place) {
  if (bytes == 0) return;
  offset_.push_back(end_);
  end_ = (end_ + bytes + 2 * alignment - 1) / alignment * alignment;
  uses_.push_back({std::move(what), bytes});
  place_.push_back(std::move(place));
}

allocation memory_plan::allocate(device& on, const std::string& what) const {
  const std::size_t free = on.memory().free;
  if (bytes() > free) {
    const auto largest = std::max_element(uses_.begin(), uses_.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    throw device_error("memory of " + on.name(), fmt::format("{} bytes free", free), fmt::format("{} bytes for {}", bytes(), what),
                       fmt::format("most of it: {}, {} bytes", largest->what, largest->bytes));
  }
  allocation all(on, bytes(), what);
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    on.divide(all.data() + offset_[i], uses_[i].bytes, uses_[i].what);
    place_[i](on, all.data() + offset_[i]);
  }
  return all;
}

}  // namespace bdh::gpu
