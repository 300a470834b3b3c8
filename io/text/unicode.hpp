// Characters and their classes, for tokenizers: UTF-8, normal forms, lower case. ICU has the
// tables; where the reference library (Python's tokenizers) knows an older version of Unicode, the
// characters that came later count as unassigned here too.
#pragma once

#include <string>
#include <string_view>

#include "core/base/utf8.hpp"

namespace bdh::text {

// Calls `use` with each character of a text that is known to be UTF-8, and its bytes.
template <class F>
void for_each_character(std::string_view text, F use) {
  while (!text.empty()) {
    const utf8_character c = decode_utf8(text);
    const std::size_t length = c.length == 0 ? 1 : c.length;
    use(static_cast<char32_t>(c.code), text.substr(0, length));
    text.remove_prefix(length);
  }
}

void append_utf8(char32_t c, std::string& to);
std::size_t characters_in(std::string_view utf8) noexcept;

bool is_white_space(char32_t c) noexcept;
bool is_numeric(char32_t c) noexcept;           // Nd, Nl, No
bool is_word_character(char32_t c) noexcept;    // \w of Unicode's report 18
bool is_punctuation(char32_t c) noexcept;       // ASCII's, and P of Unicode 8
bool is_nonspacing_mark(char32_t c) noexcept;   // Mn of Unicode 8
bool is_combining_mark(char32_t c) noexcept;    // M of Unicode 9
bool is_control_or_other(char32_t c) noexcept;  // Cc, Cf, Co of Unicode 8
bool is_chinese(char32_t c) noexcept;           // of the ranges that BERT surrounds by spaces

enum class normal_form { nfc, nfd, nfkc, nfkd };
std::string normalized(std::string_view utf8, normal_form form);
std::string lower_case(std::string_view utf8);  // character by character

// U+0041 'A', for messages.
std::string shown_character(std::string_view utf8);

}  // namespace bdh::text
