#include "io/files/csv.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/errno_error.hpp"

namespace bdh {
std::string csv_quoted(std::string_view text) {
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += c;
    field += c;
  }
  return field + "\"";
}

std::string csv_quoted_if_needed(std::string_view text) {
  return text.find_first_of(",\"\r\n") == text.npos ? std::string(text) : csv_quoted(text);
}

std::string csv_field(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = decode_utf8(bytes).length;
    const auto c = static_cast<unsigned char>(bytes[0]);
    if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (c == '\t')
      text += "\\t";
    else if (c == '\\')
      text += "\\\\";
    else if (length == 0 || c < 0x20 || c == 0x7f)
      text += {'\\', 'x', digits[c >> 4], digits[c & 15]};
    else
      text += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return csv_quoted(text);
}

csv_file::csv_file(std::filesystem::path path, const char* mode)
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), mode)) {
  if (file_ == nullptr) fail();
}

csv_file::csv_file(std::filesystem::path path) : csv_file(std::move(path), "wxe") {}

csv_file::csv_file(std::filesystem::path path, std::uint64_t lines)
    : csv_file(std::move(path), "r+e") {
  std::uint64_t found = 0;
  for (int c; found <= lines && (c = std::fgetc(file_)) != EOF;) found += c == '\n';
  if (found <= lines)
    throw input_error(path_.string(), std::to_string(found == 0 ? 0 : found - 1) + " whole lines",
                      "at least " + std::to_string(lines));
  const long end = std::ftell(file_);
  if (end < 0 || ::ftruncate(::fileno(file_), end) != 0 || std::fseek(file_, end, SEEK_SET) != 0)
    fail();
}

csv_file::~csv_file() {
  if (file_ != nullptr) std::fclose(file_);
}

void csv_file::fail() const { throw_errno(path_, errno); }

void csv_file::write(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) fail();
}

void csv_file::flush() {
  errno = 0;
  if (std::fflush(file_) != 0) fail();
}

void csv_file::sync() {
  errno = 0;
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) fail();
}

void csv_file::close() {
  sync();
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
}

}  // namespace bdh
