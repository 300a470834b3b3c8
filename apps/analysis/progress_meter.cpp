#include "apps/analysis/progress_meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <utility>

#include "apps/common/console.hpp"

namespace bdh::app {
namespace {

constexpr double first_look = 1, worth_telling = 4;  // seconds of work behind it; of all of it
constexpr std::chrono::milliseconds between{100};

void write_to_errors(const std::string& text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

progress_meter::progress_meter(std::string what)
    : what_(std::move(what)), terminal_(errors_are_terminal()) {}

progress_meter::~progress_meter() {
  if (told_ && terminal_) write_to_errors("\r\x1b[K");
}

void progress_meter::at(double share) {
  const std::unique_lock lock(busy_, std::try_to_lock);
  if (!lock || (told_ && !terminal_)) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < between) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  if (seconds < first_look || share <= 0) return;
  const double left = seconds * (1 - share) / share;
  if (!told_ && seconds + left < worth_telling) return;
  const std::string text = fmt::format("{}: {:.0f} % done, about {} left", what_, 100 * share,
                                       shown_seconds(std::ceil(left)));
  told_ = true;
  if (terminal_)
    write_to_errors("\r\x1b[K" + text);
  else
    note(text);
}

}  // namespace bdh::app
