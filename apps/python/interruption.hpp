// Between the tokens of a reading that lasts: Ctrl-C, and how far it is.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstddef>
#include <utility>

namespace bdh::python {

// A call of Python now and then, between tokens: whether the user pressed Ctrl-C, and progress.
class interruption {
 public:
  explicit interruption(nanobind::object progress) : progress_(std::move(progress)) {}
  void operator()(std::size_t done) {
    const auto now = clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    nanobind::gil_scoped_acquire held;
    if (PyErr_CheckSignals() != 0) throw nanobind::python_error();
    if (!progress_.is_none()) progress_(done);
  }

 private:
  using clock = std::chrono::steady_clock;
  nanobind::object progress_;
  clock::time_point last_ = clock::now();
};

}  // namespace bdh::python
