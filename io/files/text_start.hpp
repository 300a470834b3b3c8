// How text files begin: the byte order marks that editors put there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bdh {

inline constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

// How many bytes of a text that begins with `start` (4 bytes, or all where it has fewer) are a byte
// order mark of UTF-8: 3, or 0. Throws input_error at `place` for the marks of UTF-16 and UTF-32.
std::size_t byte_order_mark(std::string_view start, const std::string& place);

// Whether more bytes behind `start` could make it such a mark.
bool may_become_mark(std::string_view start) noexcept;

// A text of lines, names and numbers behind its byte order mark. Throws input_error at `place` for
// UTF-16, marked or not: every second byte is 0; and UTF-32.
std::string_view without_byte_order_mark(std::string_view text, const std::string& place);

}  // namespace bdh
