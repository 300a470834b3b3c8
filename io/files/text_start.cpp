#include "io/files/text_start.hpp"

#include <array>

#include <bdh/error.hpp>

namespace bdh {
namespace {

using namespace std::string_view_literals;

constexpr std::array utf16_marks = {"\xff\xfe"sv, "\xfe\xff"sv},
                     utf32_marks = {"\xff\xfe\0\0"sv, "\0\0\xfe\xff"sv};

[[noreturn]] void refuse(const char* encoding, const std::string& place) {
  throw input_error(place, std::string("text in ") + encoding, "UTF-8",
                    std::string("iconv -f ") + encoding + " -t UTF-8 FILE > NEW converts it");
}

// Whether the first two characters are ASCII, or one is, in UTF-16 with the zeros at `zero`.
bool zeros_alternate(std::string_view text, std::size_t zero) {
  return text.size() >= 4 && text[zero] == '\0' && text[zero + 2] == '\0' &&
         text[1 - zero] != '\0' && text[3 - zero] != '\0';
}

}  // namespace

std::size_t byte_order_mark(std::string_view start, const std::string& place) {
  if (start.starts_with(utf8_mark)) return utf8_mark.size();
  for (const std::string_view mark : utf32_marks)
    if (start.starts_with(mark)) refuse("UTF-32", place);
  for (const std::string_view mark : utf16_marks)
    if (start.starts_with(mark)) refuse("UTF-16", place);
  return 0;
}

bool may_become_mark(std::string_view start) noexcept {
  for (const std::string_view mark :
       {utf8_mark, utf16_marks[0], utf16_marks[1], utf32_marks[0], utf32_marks[1]})
    if (mark.starts_with(start) && mark != start) return true;
  return false;
}

std::string_view without_byte_order_mark(std::string_view text, const std::string& place) {
  text.remove_prefix(byte_order_mark(text, place));
  if (zeros_alternate(text, 1)) refuse("UTF-16LE", place);
  if (zeros_alternate(text, 0)) refuse("UTF-16BE", place);
  return text;
}

}  // namespace bdh
