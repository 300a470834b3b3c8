#include "apps/common/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "io/files/errno_error.hpp"

namespace bdh::app {
namespace {

// Length of the UTF-8 character that starts with `first`, by its first byte; 0 when none does.
std::size_t utf8_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

bool harmless(unsigned char c) { return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f); }

std::string escaped(unsigned char c) { return fmt::format("\\x{:02x}", c); }

// Appends the character at the front of `bytes` and returns its length; 0 when its end is still
// missing.
std::size_t show_character(std::string_view bytes, std::string& text) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const std::size_t length = utf8_length(first);
  std::size_t valid = 1;
  while (valid < length && valid < bytes.size() &&
         (static_cast<unsigned char>(bytes[valid]) & 0xc0) == 0x80)
    ++valid;
  if (length > 1 && valid < length && valid == bytes.size()) return 0;
  // U+0080 to U+009f are control characters too.
  const bool control =
      length == 1 ? !harmless(first) : first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
  if (valid == length && !control) {
    text += bytes.substr(0, length);
    return length;
  }
  text += escaped(first);
  return 1;
}

}  // namespace

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool errors_are_terminal() { return isatty(STDERR_FILENO) == 1; }

void print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      throw broken_pipe();
    } else if (errno != EINTR) {
      throw_errno("standard output", errno);
    }
  }
}

void note(std::string_view line) {
  terminal_text shown;
  const std::string text = shown.add(line) + shown.finish() + "\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string terminal_text::add(std::string_view bytes) {
  held_ += bytes;
  std::string text;
  std::size_t done = 0;
  while (done < held_.size()) {
    const std::size_t length = show_character(std::string_view(held_).substr(done), text);
    if (length == 0) break;
    done += length;
  }
  held_.erase(0, done);
  return text;
}

std::string terminal_text::finish() {
  std::string text;
  for (char c : held_) text += escaped(static_cast<unsigned char>(c));
  held_.clear();
  return text;
}

std::string one_line(std::string_view text) {
  terminal_text shown;
  std::string line, safe = shown.add(text) + shown.finish();
  for (char c : safe)
    line += c == '\n' || c == '\t' ? escaped(static_cast<unsigned char>(c)) : std::string(1, c);
  return line;
}

std::string shown_bytes(std::uint64_t bytes) {
  static constexpr const char* units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.5; ++unit) value /= 1000;
  return fmt::format("{:.3g} {}", value, units[unit]);
}

std::string shown_count(double count) {
  if (count >= 1e7) return fmt::format("{:.3g}", count);
  std::string digits = fmt::format("{:.0f}", count);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string shown_seconds(double seconds) {
  if (seconds < 60) return fmt::format("{:.3g} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

progress_line::progress_line(bool wanted, std::optional<std::uint64_t> total)
    : wanted_(wanted && errors_are_terminal()),
      total_(total),
      begin_(std::chrono::steady_clock::now()),
      last_(begin_) {}

void progress_line::at(std::uint64_t tokens) {
  if (!wanted_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const double rate =
      static_cast<double>(tokens) / std::chrono::duration<double>(now - begin_).count();
  std::string line = fmt::format("\r\x1b[K{} tokens", shown_count(static_cast<double>(tokens)));
  if (total_) line += fmt::format(" of {}", shown_count(static_cast<double>(*total_)));
  line += fmt::format(", {} tokens/s", shown_count(rate));
  if (total_ && *total_ > tokens)
    line += fmt::format(", {} left",
                        shown_seconds(std::ceil(static_cast<double>(*total_ - tokens) / rate)));
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
  shown_ = true;
}

void progress_line::clear() {
  if (!shown_) return;
  static constexpr std::string_view erase = "\r\x1b[K";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, erase.data(), erase.size());
  shown_ = false;
}

}  // namespace bdh::app
