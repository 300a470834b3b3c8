// Work that may take long, told on standard error: on a terminal as a line that is rewritten in
// place, elsewhere as one line with an estimate. What ends within a few seconds says nothing.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace bdh::app {

class progress_meter {
 public:
  explicit progress_meter(std::string what);  // "comparing 16,777,216 synapses"
  ~progress_meter();
  progress_meter(const progress_meter&) = delete;
  progress_meter& operator=(const progress_meter&) = delete;

  void at(double share);  // that is done; may be called by several threads

 private:
  const std::string what_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::mutex busy_;
  std::chrono::steady_clock::time_point last_ = begin_;
  bool told_ = false;
};

}  // namespace bdh::app
