// Reads a part of a file from front to back, little-endian, never beyond its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <bdh/error.hpp>

namespace bdh {

class byte_cursor {
 public:
  // `offset`: where in the file `bytes` start, for messages; `place` (what is read) and `expected`
  // (of the whole file) must outlive it.
  byte_cursor(std::span<const std::byte> bytes, std::uint64_t offset, const std::string& place,
              const char* expected)
      : bytes_(bytes), offset_(offset), place_(&place), expected_(expected) {}

  std::size_t left() const noexcept { return bytes_.size(); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  byte_cursor take(std::size_t size, const char* what) {
    require(size <= left(), what);
    byte_cursor part(bytes_.first(size), offset_, *place_, expected_);
    bytes_ = bytes_.subspan(size);
    offset_ += size;
    return part;
  }
  void skip(std::size_t size, const char* what) { take(size, what); }

  template <std::size_t size>
  std::uint64_t number(const char* what) {
    static_assert(size <= 8);
    const byte_cursor part = take(size, what);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < size; ++i)
      n |= std::to_integer<std::uint64_t>(part.bytes_[i]) << (8 * i);
    return n;
  }
  template <std::size_t size>
  void expect(std::uint64_t value, const char* what) {
    const byte_cursor before = *this;
    before.require(number<size>(what) == value, what);
  }
  void expect(std::string_view text, const char* what) {
    for (char c : text) expect<1>(static_cast<unsigned char>(c), what);
  }

  // `what` is wrong here.
  void require(bool good, const char* what) const {
    if (!good) refuse(what);
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw input_error(*place_, what + ", at byte " + std::to_string(offset_), expected_);
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t offset_;
  const std::string* place_;
  const char* expected_;
};

}  // namespace bdh
