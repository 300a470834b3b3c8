// A fixed-size block of memory for weights and state: zeroed, aligned to 64 bytes, freed with its
// owner. Large blocks come straight from the operating system, so that untouched pages cost
// nothing. Or the pages of a file themselves, which are read when they are first touched: such a
// block must not be written to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace bdh {

// count > 0 objects of `size` bytes; 64-byte aligned, all zero. Throws device_error when there is
// no memory.
void* allocate_zeroed(std::size_t count, std::size_t size);
void free_zeroed(void* memory, std::size_t bytes) noexcept;

// `bytes` > 0 of an open file from `offset` on, read-only; the descriptor may be closed afterwards.
// Throws device_error when the system refuses. The caller makes sure that they lie in the file.
const void* map_file(int descriptor, std::uint64_t offset, std::size_t bytes);
void unmap_file(const void* memory, std::size_t bytes) noexcept;
// Gives up pages of a mapped file that are not in use for now: they leave this program's memory,
// and are read again when they are next touched.
void give_back_pages(const void* memory, std::size_t bytes) noexcept;

template <class T>
class array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  array() = default;
  explicit array(std::size_t size)
      : data_(size ? static_cast<T*>(allocate_zeroed(size, sizeof(T))) : nullptr, release{size}),
        size_(size) {}
  // The pages of an open file: `size` objects from `offset` on, which must be aligned for T. See
  // map_file.
  static array of_file(int descriptor, std::uint64_t offset, std::size_t size) {
    array a;
    if (size == 0) return a;
    // Never written to: all that is made of it has it const.
    T* const pages =
        static_cast<T*>(const_cast<void*>(map_file(descriptor, offset, size * sizeof(T))));
    a.data_ = {pages, release{size, true}};
    a.size_ = size;
    return a;
  }
  array(array&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  array& operator=(array&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  T* data() noexcept { return data_.get(); }
  const T* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return size_ * sizeof(T); }
  bool empty() const noexcept { return size_ == 0; }
  bool is_mapped() const noexcept { return data_.get_deleter().mapped; }
  // Of the pages of a file: the values [first, last) have been looked at, and take no memory until
  // they are read again.
  void give_back(std::size_t first, std::size_t last) const noexcept {
    if (is_mapped() && first < last) give_back_pages(data() + first, (last - first) * sizeof(T));
  }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  operator std::span<T>() noexcept { return {data(), size_}; }
  operator std::span<const T>() const noexcept { return {data(), size_}; }

 private:
  struct release {
    std::size_t size = 0;
    bool mapped = false;
    void operator()(T* memory) const noexcept {
      mapped ? unmap_file(memory, size * sizeof(T)) : free_zeroed(memory, size * sizeof(T));
    }
  };
  std::unique_ptr<T[], release> data_;
  std::size_t size_ = 0;
};

}  // namespace bdh
