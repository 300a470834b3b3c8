#include "core/base/utf8.hpp"

namespace bdh {
namespace {

// Bytes of a character by its first byte; 0: none begins so.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

}  // namespace

utf8_character decode_utf8(std::string_view text) noexcept {
  constexpr utf8_character malformed, cut{replacement_character, 0, true};
  if (text.empty()) return cut;
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = length_of(first);
  if (length == 0) return malformed;
  if (length == 1) return {first, 1};
  std::uint32_t code = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return cut;
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return malformed;
    code = code << 6 | (next & 0x3f);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < least[length] || surrogate || code > 0x10ffff) return malformed;
  return {code, length};
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = decode_utf8(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  constexpr std::string_view gap = "...";
  const std::size_t kept = most - gap.size();
  std::size_t start = kept - kept / 2, end = text.size() - kept / 2;
  const auto inside_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  for (int i = 0; i < 3 && inside_character(start); ++i) --start;
  for (int i = 0; i < 3 && end < text.size() && inside_character(end); ++i) ++end;
  return std::string(text.substr(0, start)).append(gap).append(text.substr(end));
}

}  // namespace bdh
