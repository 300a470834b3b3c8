// What the library throws. One grammar for every message: "place: found, expected[; hint]", and the
// same four values as members.
#pragma once

#include <stdexcept>
#include <string>

namespace bdh {

std::string shown(double value);  // the shortest digits that mean this number

class error : public std::runtime_error {
 public:
  error(std::string place, std::string found, std::string expected = {}, std::string hint = {});

  const std::string& place() const noexcept {
    return place_;
  }  // file, dataset, option or particle at fault
  const std::string& found() const noexcept { return found_; }  // what is there
  const std::string& expected() const noexcept {
    return expected_;
  }  // what would have been right; may be empty
  const std::string& hint() const noexcept { return hint_; }  // what to do about it; may be empty

 private:
  std::string place_, found_, expected_, hint_;
};

// A file, an option or a value that cannot be used.
class input_error : public error {
  using error::error;
};

// Two things whose sizes or conventions do not fit each other.
class shape_error : public error {
  using error::error;
};

// A device or the operating system failed: no memory, no space, a failed write.
class device_error : public error {
  using error::error;
};

// Something that is well-formed but that this build or this model cannot do.
class unavailable_error : public error {
  using error::error;
};

}  // namespace bdh
