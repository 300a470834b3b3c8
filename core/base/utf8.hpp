// The decoder of UTF-8 (RFC 3629): nothing overlong, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bdh {

inline constexpr std::uint32_t replacement_character = 0xfffd;

struct utf8_character {
  std::uint32_t code = replacement_character;
  std::size_t length = 0;   // bytes; 0: the text does not begin with a well-formed character
  bool incomplete = false;  // length is 0, and more bytes could make it a character
};

// The character that `text` begins with.
utf8_character decode_utf8(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

// `text`, or where it has more than `most` bytes (at least 16) its start and its end with "..."
// between them, that many bytes at most; no character is cut.
std::string shortened(std::string_view text, std::size_t most);

}  // namespace bdh
