// Values as bytes, between processes of one program on machines of one kind: written in order, read
// in the same order. Reading throws length_error where bytes are missing.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace bdh {

using byte_list = std::vector<std::byte>;

class byte_writer {
 public:
  explicit byte_writer(byte_list& to) noexcept : to_(to) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { put_all(std::span(&value, 1)); }
  template <class T>
  void put_all(std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    to_.insert(to_.end(), bytes.begin(), bytes.end());
  }
  // With its size in front.
  template <class T>
  void put_list(std::span<const T> values) {
    put(static_cast<std::uint64_t>(values.size()));
    put_all(values);
  }
  void put_text(const std::string& text) { put_list(std::span<const char>(text)); }

 private:
  byte_list& to_;
};

class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> from) noexcept : left_(from) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T get() {
    T value;
    get_all(std::span(&value, 1));
    return value;
  }
  template <class T>
  void get_all(std::span<T> values) {
    if (values.size_bytes() > left_.size()) throw std::length_error("a message is too short");
    if (!values.empty()) std::memcpy(values.data(), left_.data(), values.size_bytes());
    left_ = left_.subspan(values.size_bytes());
  }
  template <class T>
  std::vector<T> get_list() {
    const auto size = get<std::uint64_t>();
    if (size > left_.size() / sizeof(T)) throw std::length_error("a message is too short");
    std::vector<T> values(size);
    get_all(std::span(values));
    return values;
  }
  std::string get_text() {
    const auto text = get_list<char>();
    return {text.begin(), text.end()};
  }
  std::span<const std::byte> rest() const noexcept { return left_; }

 private:
  std::span<const std::byte> left_;
};

}  // namespace bdh
