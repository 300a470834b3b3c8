// Comma-separated text files, written line by line.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace bdh {

// A field in quotes, each `"` in it doubled (RFC 4180).
std::string csv_quoted(std::string_view text);
// The same where the text needs it: has a comma, a quote or a line end.
std::string csv_quoted_if_needed(std::string_view text);
// Any bytes as one quoted field on one line: backslash, controls and what is not UTF-8 as \\, \n,
// \t, \xNN.
std::string csv_field(std::string_view bytes);

class csv_file {
 public:
  // Creates; throws device_error, also when it exists.
  explicit csv_file(std::filesystem::path path);
  // Goes on behind the header and the first `lines` lines of an existing file, which loses the
  // others. Throws input_error when it has fewer, device_error.
  csv_file(std::filesystem::path path, std::uint64_t lines);
  csv_file(const csv_file&) = delete;
  csv_file& operator=(const csv_file&) = delete;
  ~csv_file();

  // `text` ends with a line end. All of these throw device_error.
  void write(std::string_view text);
  void flush();  // to the operating system
  void sync();   // to the disk
  void close();

 private:
  csv_file(std::filesystem::path path, const char* mode);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  std::FILE* file_ = nullptr;
};

}  // namespace bdh
