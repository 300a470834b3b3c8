#include "io/files/csv.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/error.hpp"
#include "io/files/errno_error.hpp"

namespace bdh {
namespace {

// Bytes of the well-formed UTF-8 character that `text` starts with; 0: none. No surrogates, nothing
// overlong (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0), second = byte(1);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

}  // namespace

std::string csv_field(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string field = "\"";
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    const auto c = static_cast<unsigned char>(bytes[0]);
    if (length == 0 || c < 0x20 || c == 0x7f) {
      if (c == '\n')
        field += "\\n";
      else if (c == '\r')
        field += "\\r";
      else if (c == '\t')
        field += "\\t";
      else
        field += {'\\', 'x', digits[c >> 4], digits[c & 15]};
    } else if (c == '\\') {
      field += "\\\\";
    } else if (c == '"') {
      field += "\"\"";
    } else {
      field += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return field + "\"";
}

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
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
