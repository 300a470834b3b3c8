#include "apps/common/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "core/base/utf8.hpp"
#include "io/files/errno_error.hpp"

namespace bdh::app {
namespace {

bool harmless(unsigned char c) { return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f); }

std::string escaped(unsigned char c) { return fmt::format("\\x{:02x}", c); }

// Appends the character at the front of `bytes` and returns its length; 0 when its end is still
// missing.
std::size_t show_character(std::string_view bytes, std::string& text) {
  const utf8_character c = decode_utf8(bytes);
  if (c.incomplete) return 0;
  const bool control = c.code < 0x80
                           ? !harmless(static_cast<unsigned char>(c.code))
                           : c.code < 0xa0;  // U+0080 to U+009f are control characters too
  if (c.length != 0 && !control) {
    text += bytes.substr(0, c.length);
    return c.length;
  }
  text += escaped(static_cast<unsigned char>(bytes[0]));
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

}  // namespace bdh::app
