#include "io/files/text_blocks.hpp"

#include <bdh/error.hpp>

#include "io/files/text_start.hpp"

namespace bdh {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20, longest_line = std::size_t{16} << 20;

std::string_view as_characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_utf8(std::string& to, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
  if (code < 0x10000)
    put(0xe0 | code >> 12);
  else
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f));
  put(0x80 | (code >> 6 & 0x3f));
  put(0x80 | (code & 0x3f));
}

// Behind the last line end; 0: none. A \r at the very end may be half of a \r\n.
std::size_t end_of_lines(std::string_view text) {
  if (const std::size_t line_feed = text.rfind('\n'); line_feed != text.npos) return line_feed + 1;
  if (text.size() < 2) return 0;
  const std::size_t carriage_return = text.rfind('\r', text.size() - 2);
  return carriage_return == text.npos ? 0 : carriage_return + 1;
}

}  // namespace

text_blocks::text_blocks(const std::filesystem::path& file)
    : place_(file.string()), pieces_(file, piece_bytes) {}

void text_blocks::begin(std::string_view bytes) {
  begun_ = true;
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xff\xfe\0\0"sv) || bytes.starts_with("\0\0\xfe\xff"sv))
    throw input_error(place_, "UTF-32", "UTF-8", "save the file as UTF-8");
  if (bytes.starts_with("\xff\xfe")) encoding_ = text_encoding::utf16_little;
  if (bytes.starts_with("\xfe\xff")) encoding_ = text_encoding::utf16_big;
  if (bytes.starts_with(utf8_mark)) bytes.remove_prefix(utf8_mark.size());
  if (encoding_ != text_encoding::utf8) bytes.remove_prefix(2);
  append(bytes);
}

void text_blocks::append(std::string_view bytes) {
  if (encoding_ == text_encoding::utf8)
    held_ += bytes;
  else
    append_utf16(bytes);
}

void text_blocks::append_utf16(std::string_view bytes) {
  std::string joined;
  if (!half_character_.empty()) {
    joined = half_character_ + std::string(bytes);
    bytes = joined;
    half_character_.clear();
  }
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]),
               second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<std::uint32_t>(
        encoding_ == text_encoding::utf16_little ? first | second << 8 : first << 8 | second);
  };
  std::size_t at = 0;
  while (at + 2 <= bytes.size()) {
    const std::uint32_t code = unit(at);
    const bool high = code >= 0xd800 && code < 0xdc00;
    if (high && at + 4 > bytes.size()) break;
    const std::uint32_t low = high ? unit(at + 2) : 0;
    if ((code >= 0xdc00 && code < 0xe000) || (high && (low < 0xdc00 || low >= 0xe000)))
      throw input_error(place_, "UTF-16 with half a character", "whole characters",
                        "save the file as UTF-8");
    append_utf8(held_, high ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code);
    at += high ? 4 : 2;
  }
  half_character_ = bytes.substr(at);
}

std::string_view text_blocks::next() {
  held_.erase(0, given_);
  given_ = 0;
  while (!ended_) {
    const std::string_view bytes = as_characters(pieces_.next());
    if (bytes.empty()) {
      ended_ = true;
      if (!half_character_.empty())
        throw input_error(place_, "UTF-16 with half a character", "whole characters",
                          "is the file cut short?");
      break;
    }
    begun_ ? append(bytes) : begin(bytes);
    given_ = end_of_lines(held_);
    if (given_ != 0) return std::string_view(held_).substr(0, given_);
    if (held_.size() > longest_line)
      throw input_error(place_, "a line of more than " + std::to_string(longest_line) + " bytes",
                        "shorter lines");
  }
  given_ = held_.size();
  return held_;
}

}  // namespace bdh
