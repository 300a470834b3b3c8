// What a pickle's instructions work on: the bytes that they are read from, and the stack, the marks
// and the memo of the values made so far. Internal to the reader of pickles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle.hpp"

namespace bdh::pickle {

inline constexpr const char* hint_state =
    "save the state dictionary alone: torch.save(model.state_dict(), FILE)";

class pickle_bytes {
 public:
  pickle_bytes(std::span<const std::byte> bytes, const std::string& place)
      : bytes_(bytes), place_(place) {}

  std::size_t position() const noexcept { return position_; }

  // All of these throw input_error at the end of the bytes.
  std::span<const std::byte> take(std::uint64_t count);
  template <class T>
  T number() {
    T n;
    std::memcpy(&n, take(sizeof n).data(), sizeof n);
    return n;
  }
  std::string text(std::uint64_t size);
  std::string line();  // without its end

 private:
  std::span<const std::byte> bytes_;
  const std::string& place_;
  std::size_t position_ = 0;
};

class pickle_stack {
 public:
  explicit pickle_stack(const std::string& place) : place_(place) {}

  void push(value v);    // a new value
  void refer(handle h);  // one that is there, once more
  handle top() const;
  handle pop();
  std::vector<handle> pop(std::size_t count);

  // Marks divide the stack: nothing below the last one can be popped.
  void mark();
  std::vector<handle> pop_to_mark();
  void discard();  // the value on top, or the mark

  void store(std::uint32_t index);  // the value on top in the memo
  void store() { store(static_cast<std::uint32_t>(memo_.size())); }
  void recall(std::uint32_t index);

  // The value, or nothing where it is of another type; valid until the next push.
  template <class T>
  T* find(handle h) noexcept {
    return std::get_if<T>(&result_.values[h]);
  }
  // The value, of the type that `what` names. Throws input_error.
  template <class T>
  T& expect(handle h, const char* what) {
    T* const found = std::get_if<T>(&result_.values[h]);
    if (found == nullptr) fail("an instruction with the wrong operand", what);
    return *found;
  }

  document take_document() {
    result_.root = pop();
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(place_, found, expected, hint);
  }
  void expect_room(std::size_t count) const;
  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }

  const std::string& place_;
  document result_;
  std::vector<handle> stack_;
  std::vector<std::size_t> marks_;  // stack sizes, ascending
  std::unordered_map<std::uint32_t, handle> memo_;
};

}  // namespace bdh::pickle
