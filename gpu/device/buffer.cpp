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

void memory_plan::place(device& on, const allocation& in, bool fresh, std::size_t before,
                        std::size_t arrays) const {
  const bool separate = on.separates_arrays();
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    std::byte* const at = separate ? in.block(arrays + i) : in.block(0) + before + offset_[i];
    if (fresh && !separate) on.divide(at, uses_[i].bytes, uses_[i].what);
    place_[i](on, at);
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
  allocation all(on);
  if (!on.separates_arrays()) all.add(bytes, what);
  std::size_t before = 0, arrays = 0;
  for (const memory_plan* p : plans) {
    if (on.separates_arrays())
      for (const memory_use& use : p->uses()) all.add(use.bytes, use.what);
    p->place(on, all, true, before, arrays);
    before += p->bytes();
    arrays += p->uses().size();
  }
  return all;
}

}  // namespace bdh::gpu
