// What the program prints: results on standard output, whose failures are errors, everything else
// on standard error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bdh::app {

// The reader of standard output has gone: no message can be of use.
struct broken_pipe {};

bool output_is_terminal();
bool errors_are_terminal();

// Writes to standard output at once. Throws error when that fails, broken_pipe when no process
// reads.
void print(std::string_view text);

// One line on standard error, made fit for a terminal. A failure there is ignored.
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

}  // namespace bdh::app
