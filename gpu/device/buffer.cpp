#include "gpu/device/buffer.hpp"

#include <fmt/format.h>

#include <bdh/error.hpp>

namespace bdh::gpu {

void memory_plan::add(std::size_t bytes, std::string what, placing place) {
  if (bytes == 0) return;
  offset_.push_back(end_);
  end_ = (end_ + bytes + 2 * alignment - 1) / alignment * alignment;
  uses_.push_back({std::move(what), bytes});
  place_.push_back(std::move(place));
}

void memory_plan::place(device& on, std::byte* allocated, bool fresh) const {
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    if (fresh) on.divide(allocated + offset_[i], uses_[i].bytes, uses_[i].what);
    place_[i](on, allocated + offset_[i]);
  }
}

allocation allocate(std::initializer_list<const memory_plan*> plans, device& on,
                    const std::string& what) {
  std::size_t bytes = 0;
  const memory_use* largest = nullptr;
  for (const memory_plan* p : plans) {
    bytes += p->bytes();
    for (const memory_use& use : p->uses())
      if (!largest || use.bytes > largest->bytes) largest = &use;
  }
  if (const std::size_t free = on.memory().free; bytes > free)
    throw device_error("memory of " + on.name(), fmt::format("{} bytes free", free),
                       fmt::format("{} bytes for {}", bytes, what),
                       fmt::format("most of it: {}, {} bytes", largest->what, largest->bytes));
  allocation all(on, bytes, what);
  std::size_t at = 0;
  for (const memory_plan* p : plans) {
    p->place(on, all.data() + at, true);
    at += p->bytes();
  }
  return all;
}

}  // namespace bdh::gpu
