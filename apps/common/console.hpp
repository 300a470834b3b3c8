// What the program says: results on standard output, which must not get lost unnoticed, everything
// else on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bdh::app {

// The reader of standard output has gone: there is nobody left to tell anything to.
struct broken_pipe {};

bool output_is_terminal();
bool errors_are_terminal();

// Writes to standard output at once. Throws error when that fails, broken_pipe when nobody reads.
void print(std::string_view text);

// One line on standard error, made fit for a terminal. A failure there cannot be told to anybody
// and is ignored.
void note(std::string_view line);

// A text with control characters and bytes that are not UTF-8 escaped as \xNN, so that it cannot
// steer a terminal; takes pieces, and holds back the beginning of a character until its end has
// come.
class terminal_text {
 public:
  std::string add(std::string_view bytes);
  std::string finish();  // what was held back, escaped

 private:
  std::string held_;
};

// Fit for one line of a terminal, whatever a file put into it.
std::string one_line(std::string_view text);

std::string shown_bytes(std::uint64_t bytes);  // "3.28 MB"
std::string shown_count(double count);         // "1.23e+08", or with separators "12,345"
std::string shown_seconds(double seconds);     // "2 min 5 s"

// One line on standard error that is rewritten in place, at most ten times a second; only on a
// terminal.
class progress_line {
 public:
  progress_line(bool wanted, std::optional<std::uint64_t> total);
  ~progress_line() { clear(); }
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  void at(std::uint64_t tokens);
  void clear();

 private:
  bool wanted_;
  bool shown_ = false;
  std::optional<std::uint64_t> total_;
  std::chrono::steady_clock::time_point begin_, last_;
};

}  // namespace bdh::app
