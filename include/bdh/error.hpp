// What the library throws. One grammar for every message: "place: found, expected[; hint]", and the
// same four values as members; in the message a value has at most 400 bytes, its start and its end.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace bdh {

std::string shown(double value);  // the shortest digits that mean this number

enum class error_kind {
  input,        // a file, an option or a value that cannot be used
  shape,        // two things whose sizes or conventions do not fit each other
  device,       // a device or the operating system failed: no memory, no space, a failed write
  unavailable,  // well-formed, but more than this build or this model can do
};

class error : public std::runtime_error {
 public:
  error(error_kind kind, std::string place, std::string found, std::string expected = {},
        std::string hint = {});

  error_kind kind() const noexcept { return kind_; }
  // The file, dataset, option or particle at fault.
  const std::string& place() const noexcept { return place_; }
  // What is there.
  const std::string& found() const noexcept { return found_; }
  // What would have been right; may be empty.
  const std::string& expected() const noexcept { return expected_; }
  // What to do about it; may be empty.
  const std::string& hint() const noexcept { return hint_; }

 private:
  error_kind kind_;
  std::string place_, found_, expected_, hint_;
};

// An error of one kind: a type, so that it can be caught by itself.
template <error_kind Kind>
class error_of_kind : public error {
 public:
  error_of_kind(std::string place, std::string found, std::string expected = {},
                std::string hint = {})
      : error(Kind, std::move(place), std::move(found), std::move(expected), std::move(hint)) {}
};
using input_error = error_of_kind<error_kind::input>;
using shape_error = error_of_kind<error_kind::shape>;
using device_error = error_of_kind<error_kind::device>;
using unavailable_error = error_of_kind<error_kind::unavailable>;

// Throws the error_of_kind of that kind, whose kind is known only now.
[[noreturn]] void throw_error(error_kind kind, std::string place, std::string found,
                              std::string expected = {}, std::string hint = {});

}  // namespace bdh
