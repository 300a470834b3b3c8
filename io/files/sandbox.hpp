// Reading an untrusted file in a child process: libhdf5 1.10 reads and frees wild memory on hostile
// structures, and what it does there must not reach this process. Only arrays and numbers come
// back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <bdh/array.hpp>

namespace bdh {

// Values that one process puts and the other takes, in the same order. Errors: input_error where
// fewer are there than taken, std::bad_alloc where there is no room for what is put.
class value_pipe {
 public:
  explicit value_pipe(int descriptor) noexcept : descriptor_(descriptor) {}

  template <class T>
  void put(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    put_value<std::uint64_t>(values.size());
    write(std::as_bytes(values));
  }
  template <class T>
  void put_value(const T& value) {
    write(std::as_bytes(std::span(&value, 1)));
  }

  template <class T>
  T take_value() {
    T value{};
    read(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <class Values>  // std::vector, array, std::string
  Values take() {
    const auto count = take_value<std::uint64_t>();
    expect(count, sizeof(*Values().data()));
    Values values = made<Values>(count);
    read(std::as_writable_bytes(std::span(values.data(), values.size())));
    return values;
  }

 private:
  template <class Values>
  static Values made(std::uint64_t count) {
    if constexpr (requires { Values().resize(count); }) {
      Values values;
      values.resize(count);
      return values;
    } else {
      return Values(count);
    }
  }
  void write(std::span<const std::byte> bytes);
  void read(std::span<std::byte> bytes);
  void expect(std::uint64_t count, std::size_t size) const;  // that so many are there

  int descriptor_;
};

// Calls `put` in a child process, then `take` here. What `put` throws of bdh/error.hpp is
// thrown here; input_error for `file` when the child dies of a signal.
void read_in_child(const std::string& file, const std::function<void(value_pipe&)>& put,
                   const std::function<void(value_pipe&)>& take);

}  // namespace bdh
