// Progress of work that may take long, on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace bdh::app {

// One line that is rewritten in place, at most ten times a second, and erased at the end.
class progress_meter {
 public:
  // Of tokens, with their rate and, where the `total` is known, the time left. On a terminal only,
  // where `wanted`.
  progress_meter(bool wanted, std::optional<std::uint64_t> total);
  // Of `work` ("comparing 16,777,216 synapses"), with the time left; elsewhere than on a terminal
  // one line, once. Work that ends within a few seconds prints nothing.
  explicit progress_meter(std::string work);
  ~progress_meter() { clear(); }
  progress_meter(const progress_meter&) = delete;
  progress_meter& operator=(const progress_meter&) = delete;

  void at(std::uint64_t tokens);
  void at_share(double share);  // of the work, that is done; may be called by several threads
  void clear();

 private:
  using clock = std::chrono::steady_clock;

  bool is_due();                  // and counts as a line written now
  double seconds_so_far() const;  // until the last line that was due
  void show(const std::string& text);

  const bool wanted_, terminal_;
  const std::string work_;
  const std::optional<std::uint64_t> total_;
  std::mutex busy_;
  const clock::time_point begin_ = clock::now();
  clock::time_point last_ = begin_;
  bool shown_ = false;
};

}  // namespace bdh::app
