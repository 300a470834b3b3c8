#include "io/text/unicode.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uset.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <vector>

#include <bdh/error.hpp>

namespace bdh::text {
namespace {

// Whether a character was assigned in a version of Unicode.
bool is_of(char32_t c, int version) noexcept {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] != 0 && age[0] <= version;
}

bool has_category(char32_t c, std::uint32_t mask) noexcept {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & mask) != 0;
}

void expect_success(UErrorCode status) {
  if (U_FAILURE(status) != 0)
    throw unavailable_error("ICU", u_errorName(status), "the tables of Unicode");
}

// The normal forms of Unicode 11, which leave later characters as they are.
const UNormalizer2* instance(normal_form form) {
  struct forms {
    const UNormalizer2* of[4] = {};
    forms() {
      UErrorCode status = U_ZERO_ERROR;
      const UNormalizer2* const all[] = {
          unorm2_getNFCInstance(&status), unorm2_getNFDInstance(&status),
          unorm2_getNFKCInstance(&status), unorm2_getNFKDInstance(&status)};
      static constexpr char16_t pattern[] = u"[:age=11.0:]";
      USet* const known = uset_openPattern(pattern, std::size(pattern) - 1, &status);
      expect_success(status);
      uset_freeze(known);
      for (std::size_t k = 0; k < std::size(of); ++k)
        of[k] = unorm2_openFiltered(all[k], known, &status);
      expect_success(status);
    }
  };
  static const forms made;
  return made.of[static_cast<std::size_t>(form)];
}

std::u16string utf16(std::string_view utf8) {
  std::u16string wide(utf8.size(), u'\0');
  std::int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8(wide.data(), static_cast<std::int32_t>(wide.size()), &length, utf8.data(),
                static_cast<std::int32_t>(utf8.size()), &status);
  expect_success(status);
  wide.resize(static_cast<std::size_t>(length));
  return wide;
}

std::string utf8_of(const std::u16string& wide) {
  std::string text(wide.size() * 3, '\0');
  std::int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strToUTF8(text.data(), static_cast<std::int32_t>(text.size()), &length, wide.data(),
              static_cast<std::int32_t>(wide.size()), &status);
  if (status != U_STRING_NOT_TERMINATED_WARNING) expect_success(status);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

}  // namespace

void append_utf8(char32_t c, std::string& to) {
  const auto byte = [&](char32_t value) { to += static_cast<char>(value); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      byte(0xe0 | c >> 12);
    } else {
      byte(0xf0 | c >> 18);
      byte(0x80 | (c >> 12 & 0x3f));
    }
    byte(0x80 | (c >> 6 & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

std::size_t characters_in(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool is_white_space(char32_t c) noexcept { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

bool is_numeric(char32_t c) noexcept { return has_category(c, U_GC_N_MASK); }

bool is_word_character(char32_t c) noexcept {
  return has_category(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
         u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_JOIN_CONTROL) != 0;
}

bool is_punctuation(char32_t c) noexcept {
  if (c < 0x80) return c > 0x20 && c != 0x7f && has_category(c, U_GC_P_MASK | U_GC_S_MASK);
  if (c == 0x166d || c == 0x111c9) return true;  // other classes in later versions
  return has_category(c, U_GC_P_MASK) && is_of(c, 8);
}

bool is_nonspacing_mark(char32_t c) noexcept {
  if (c == 0x1734) return true;  // another class in later versions; those below had another before
  if (c == 0x1885 || c == 0x1886 || c == 0xa9bd || c == 0x111c9) return false;
  return has_category(c, U_GC_MN_MASK) && is_of(c, 8);
}

bool is_combining_mark(char32_t c) noexcept {
  if (c == 0x1cf2 || c == 0x1cf3) return true;  // the same
  return c != 0x111c9 && has_category(c, U_GC_M_MASK) && is_of(c, 9);
}

bool is_control_or_other(char32_t c) noexcept {
  return has_category(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) && is_of(c, 8);
}

bool is_chinese(char32_t c) noexcept {
  struct range {
    char32_t first, last;
  };
  static constexpr range ranges[] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df},
                                     {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf},
                                     {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const range& r) { return c >= r.first && c <= r.last; });
}

std::string normalized(std::string_view utf8, normal_form form) {
  if (is_ascii(utf8)) return std::string(utf8);
  const std::u16string from = utf16(utf8);
  const auto length = static_cast<std::int32_t>(from.size());
  std::u16string to(from.size() + from.size() / 2 + 16, u'\0');
  for (;;) {
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t wanted = unorm2_normalize(instance(form), from.data(), length, to.data(),
                                                 static_cast<std::int32_t>(to.size()), &status);
    if (status != U_BUFFER_OVERFLOW_ERROR) {
      if (status != U_STRING_NOT_TERMINATED_WARNING) expect_success(status);
      to.resize(static_cast<std::size_t>(wanted));
      return utf8_of(to);
    }
    to.resize(static_cast<std::size_t>(wanted));
  }
}

std::string lower_case(std::string_view utf8) {
  std::string lower;
  lower.reserve(utf8.size());
  for_each_character(utf8, [&](char32_t c, std::string_view) {
    if (c == 0x130)  // the one that becomes two
      lower += "i\xcc\x87";
    else
      append_utf8(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))), lower);
  });
  return lower;
}

std::string shown_character(std::string_view utf8) {
  const std::uint32_t code = decode_utf8(utf8).code;
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string number;
  for (int shift = code > 0xffff ? 20 : 12; shift >= 0; shift -= 4) {
    const char digit = digits[code >> shift & 15];
    if (!number.empty() || digit != '0' || shift <= 12) number += digit;
  }
  const bool visible = u_isgraph(static_cast<UChar32>(code)) != 0;
  return visible ? "'" + std::string(utf8) + "' (U+" + number + ")" : "U+" + number;
}

}  // namespace bdh::text
