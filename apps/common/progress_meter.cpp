#include "apps/common/progress_meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <utility>

#include "apps/common/console.hpp"

namespace bdh::app {
namespace {

constexpr double least_done = 1, least_total = 4;  // s of work before the first line; of all of it
constexpr std::chrono::milliseconds between_lines{100};

void write_to_errors(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

progress_meter::progress_meter(bool wanted, std::optional<std::uint64_t> total)
    : wanted_(wanted), terminal_(errors_are_terminal()), total_(total) {}

progress_meter::progress_meter(std::string work)
    : wanted_(true), terminal_(errors_are_terminal()), work_(std::move(work)) {}

void progress_meter::at(std::uint64_t tokens) {
  if (!wanted_ || !terminal_ || !is_due()) return;
  const double rate = static_cast<double>(tokens) / seconds_so_far();
  std::string text = fmt::format("{} tokens", shown_count(static_cast<double>(tokens)));
  if (total_) text += fmt::format(" of {}", shown_count(static_cast<double>(*total_)));
  text += fmt::format(", {} tokens/s", shown_count(rate));
  if (total_ && *total_ > tokens)
    text += fmt::format(", {} left",
                        shown_seconds(std::ceil(static_cast<double>(*total_ - tokens) / rate)));
  show(text);
}

void progress_meter::at_share(double share) {
  const std::unique_lock lock(busy_, std::try_to_lock);
  if (!lock || (shown_ && !terminal_) || !is_due()) return;
  const double seconds = seconds_so_far();
  if (seconds < least_done || share <= 0) return;
  const double left = seconds * (1 - share) / share;
  if (!shown_ && seconds + left < least_total) return;
  show(fmt::format("{}: {:.0f} % done, about {} left", work_, 100 * share,
                   shown_seconds(std::ceil(left))));
}

void progress_meter::clear() {
  if (shown_ && terminal_) write_to_errors("\r\x1b[K");
  shown_ = false;
}

bool progress_meter::is_due() {
  const auto now = clock::now();
  if (now - last_ < between_lines) return false;
  last_ = now;
  return true;
}

double progress_meter::seconds_so_far() const {
  return std::chrono::duration<double>(last_ - begin_).count();
}

void progress_meter::show(const std::string& text) {
  shown_ = true;
  if (terminal_)
    write_to_errors("\r\x1b[K" + text);
  else
    note(text);
}

}  // namespace bdh::app
