#include "apps/plot/figure/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/utf8.hpp"
#include "io/files/xml_text.hpp"

namespace bdh::figure {
namespace {

// Advance widths of U+0020 to U+007E in DejaVu Sans, in thousandths of the size.
constexpr std::array<std::uint16_t, 95> ascii_widths = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
constexpr double bold_factor = 1.14;

constexpr const char* shown_for_none = "\xef\xbf\xbd";  // U+FFFD

// The first character of a text that is not empty; one byte that is no UTF-8 counts as U+FFFD.
utf8_character first_of(std::string_view text) {
  utf8_character c = decode_utf8(text);
  if (c.length == 0) c.length = 1;
  return c;
}

bool turns_direction(std::uint32_t code) {
  return code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool forbidden(std::uint32_t code) {
  return (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0) ||
         (code & 0xfffe) == 0xfffe || turns_direction(code);
}

double thousandths(std::uint32_t code) {
  if (code >= 0x20 && code < 0x7f) return ascii_widths[code - 0x20];
  if (code == 0xb2 || code == 0xb3 || code == 0xb9 || code == 0x2070 ||
      (code >= 0x2074 && code <= 0x2079))
    return 401;
  if (code == 0xb7) return 318;
  if (code == 0x207b || code == 0x2013) return 528;
  if (code >= 0x300 && code < 0x370) return 0;      // combining
  if (code == 0x2423) return 636;                   // open box, for a blank
  if (code >= 0x2190 && code < 0x2200) return 838;  // arrows
  if (code < 0x250) return 700;
  if (code < 0x2000) return 800;
  return 1030;
}

}  // namespace

std::string without_controls(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const utf8_character c = first_of(text);
    if (c.code == replacement_character || forbidden(c.code))
      safe += shown_for_none;
    else
      safe += text.substr(0, c.length);
    text.remove_prefix(c.length);
  }
  return safe;
}

std::string escaped(std::string_view text) { return xml_escaped(without_controls(text)); }

double text_width(std::string_view text, double size, bool bold) {
  double width = 0;
  while (!text.empty()) {
    const utf8_character c = first_of(text);
    width += thousandths(c.code);
    text.remove_prefix(c.length);
  }
  return width / 1000 * size * (bold ? bold_factor : 1);
}

std::string cut(std::string_view text, double width, double size, bool bold) {
  if (text_width(text, size, bold) <= width) return std::string(text);
  static constexpr const char* ellipsis = "…";
  double left = width - text_width(ellipsis, size, bold);
  std::size_t kept = 0;
  while (kept < text.size()) {
    const utf8_character c = first_of(text.substr(kept));
    left -= text_width(text.substr(kept, c.length), size, bold);
    if (left < 0) break;
    kept += c.length;
  }
  return std::string(text.substr(0, kept)) + ellipsis;
}

std::string cut_inside(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  static constexpr const char* ellipsis = "…";
  std::vector<std::string_view> all;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(all.back().size()))
    all.push_back(rest.substr(0, first_of(rest).length));
  double left = width - text_width(ellipsis, size);
  std::size_t first = 0, last = all.size();
  std::string begin, end;
  for (bool from_end = false; first < last; from_end = !from_end) {
    const std::string_view next = from_end ? all[last - 1] : all[first];
    left -= text_width(next, size);
    if (left < 0) break;
    if (from_end)
      end.insert(0, next), --last;
    else
      begin += next, ++first;
  }
  return begin + ellipsis + end;
}

std::vector<std::string> wrapped(std::string_view text, double width, double size) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word = cut(text.substr(0, end), width, size);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && text_width(line + " " + word, size) > width) {
      lines.push_back(line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

std::string number(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != text.npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string power_of_ten(int exponent) {
  static constexpr const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = "10";
  for (char c : std::to_string(exponent)) text += c == '-' ? "⁻" : digits[c - '0'];
  return text;
}

}  // namespace bdh::figure
