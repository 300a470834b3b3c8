// Arrays on a device: planned first, so that what does not fit is refused before anything is
// allocated; then one allocation holds them all.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpu/device/device.hpp"

namespace bdh::gpu {

// Memory of a device, freed with its owner: one block for all arrays, or one for each.
class allocation {
 public:
  allocation() = default;
  explicit allocation(device& on) : device_(&on) {}
  allocation(allocation&& other) noexcept { *this = std::move(other); }
  allocation& operator=(allocation&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(blocks_, other.blocks_);
    return *this;
  }
  ~allocation() {
    for (void* block : blocks_) device_->release(block);
  }
  void add(std::size_t bytes, const std::string& what) {
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back(device_->allocate(bytes, what));
  }
  std::byte* block(std::size_t number) const { return static_cast<std::byte*>(blocks_[number]); }

 private:
  device* device_ = nullptr;
  std::vector<void*> blocks_;
};

// An array in an allocation.
template <class T>
class buffer {
 public:
  buffer() = default;
  buffer(device& on, void* data, std::size_t size)
      : device_(&on), data_(static_cast<T*>(data)), size_(size) {}

  T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return size_ * sizeof(T); }
  bool empty() const noexcept { return size_ == 0; }

  void upload(std::span<const T> from, std::size_t at = 0) {
    if (!from.empty()) device_->upload(data_ + at, from.data(), from.size_bytes());
  }
  void download(std::span<T> to, std::size_t at = 0) const {
    if (!to.empty()) device_->download(to.data(), data_ + at, to.size_bytes());
  }
  void clear() {
    if (size_) device_->clear(data_, bytes());
  }

 private:
  device* device_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// What an allocation is to hold. Arrays begin at multiples of 256 bytes, with as many unused
// between them: a device that checks finds there what was written past an end.
class memory_plan {
 public:
  static constexpr std::size_t alignment = 256;

  // `to` gets `size` elements of any content, by allocate().
  template <class T>
  void add(buffer<T>& to, std::size_t size, std::string what) {
    add(size * sizeof(T), std::move(what),
        [&to, size](device& on, void* at) { to = buffer<T>(on, at, size); });
  }
  const std::vector<memory_use>& uses() const noexcept { return uses_; }
  std::size_t bytes() const noexcept { return end_; }  // of the allocation
  // Arrays are in the allocation, which was made for this plan behind others of `before` bytes and
  // `arrays` arrays; `fresh`: they are new to the device.
  void place(device& on, const allocation& in, bool fresh, std::size_t before = 0,
             std::size_t arrays = 0) const;

 private:
  using placing = std::function<void(device&, void*)>;
  void add(std::size_t bytes, std::string what, placing place);

  std::vector<memory_use> uses_;
  std::vector<std::size_t> offset_;  // as uses_
  std::vector<placing> place_;
  std::size_t end_ = alignment;
};

// All of the plans in one allocation, one behind the other; one block, or one for each array where
// the device separates them. Throws device_error, also when the
// device has less memory free.
allocation allocate(std::initializer_list<const memory_plan*> plans, device& on,
                    const std::string& what);

}  // namespace bdh::gpu
