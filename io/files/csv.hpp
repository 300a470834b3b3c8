// Comma-separated text files, written line by line.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace bdh {

// Any bytes as one quoted field on one line: `"` doubled; backslash, controls and what is not UTF-8
// as \\, \n, \t, \xNN.
std::string csv_field(std::string_view bytes);

bool is_utf8(std::string_view bytes) noexcept;  // RFC 3629

class csv_file {
 public:
  explicit csv_file(
      std::filesystem::path path);  // creates; throws device_error, also when it exists
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
