// Arrays on a device: planned first, so that what does not fit is refused before anything is allocated; freed with their owner.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpu/device.hpp"

namespace bdh::gpu {

template <class T>
class buffer {
 public:
  buffer() = default;
  buffer(device& on, std::size_t size, const std::string& what)
      : device_(&on), data_(size ? static_cast<T*>(on.allocate(size * sizeof(T), what)) : nullptr), size_(size) {}
  buffer(buffer&& other) noexcept { *this = std::move(other); }
  buffer& operator=(buffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() {
    if (data_) device_->release(data_);
  }

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

struct memory_use {
  std::string what;
  std::size_t bytes;
};

class memory_plan {
 public:
  // `to` gets `size` elements, all zero, by allocate().
  template <class T>
  void add(buffer<T>& to, std::size_t size, std::string what) {
    make_.push_back([&to, size, what](device& on) {
      to = buffer<T>(on, size, what);
      to.clear();
    });
    uses_.push_back({std::move(what), size * sizeof(T)});
  }
  const std::vector<memory_use>& uses() const noexcept { return uses_; }
  std::size_t bytes() const noexcept;
  void allocate(device& on) const;  // throws device_error, also when the device has less memory free

 private:
  std::vector<std::function<void(device&)>> make_;
  std::vector<memory_use> uses_;
};

}  // namespace bdh::gpu
