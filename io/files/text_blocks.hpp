// A text file from front to back in whole lines, as UTF-8: any size in bounded memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "io/files/file_pieces.hpp"

namespace bdh {

// By its byte order mark.
enum class text_encoding { utf8, utf16_little, utf16_big };

class text_blocks {
 public:
  // Throws input_error: as file_pieces, and for UTF-32.
  explicit text_blocks(const std::filesystem::path& file);

  text_encoding encoding() const noexcept { return encoding_; }
  std::uint64_t file_bytes() const noexcept { return pieces_.size(); }
  // The next lines, each with its end (\n, \r\n or \r), but for the last of a file; empty at the
  // end. Without the byte order mark. Valid until the next call. Throws input_error where a line is
  // longer than 16 MiB, and for UTF-16 that is none.
  std::string_view next();

 private:
  void begin(std::string_view bytes);
  void append(std::string_view bytes);
  void append_utf16(std::string_view bytes);

  std::string place_;
  file_pieces pieces_;
  text_encoding encoding_ = text_encoding::utf8;
  std::string held_;            // UTF-8
  std::size_t given_ = 0;       // of held_, by the last next()
  std::string half_character_;  // of UTF-16
  bool begun_ = false, ended_ = false;
};

}  // namespace bdh
