// Work that may take long, told on standard error: on a terminal as a line that is rewritten in place, elsewhere as one line with an
// estimate. What ends within a few seconds says nothing.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace bdh::app {

class told_work {
 public:
  explicit told_work(std::string what);  // "comparing 16,777,216 synapses"
  ~told_work();
  told_work(const told_work&) = delete;
  told_work& operator=(const told_work&) = delete;

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
