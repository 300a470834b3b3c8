#include <fmt/format.h>

#include <cmath>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"

namespace bdh {

// A NaN is shown without its sign.
std::string shown(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

namespace {

// Bytes of the others: a field of a megabyte is not for a terminal.
constexpr std::size_t most_shown = 400;
// What is expected and what to do are the program's own texts, but for names in them: lists of
// formats are longer.
constexpr std::size_t most_advised = 1200;

std::string text_of(const std::string& place, const std::string& found, const std::string& expected,
                    const std::string& hint) {
  std::string text = shortened(place, most_shown) + ": " + shortened(found, most_shown);
  if (!expected.empty()) text += ", expected " + shortened(expected, most_advised);
  if (!hint.empty()) text += "; " + shortened(hint, most_advised);
  // One line, whatever a hostile file put into a name.
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

}  // namespace

error::error(error_kind kind, std::string place, std::string found, std::string expected,
             std::string hint)
    : std::runtime_error(text_of(place, found, expected, hint)),
      kind_(kind),
      place_(std::move(place)),
      found_(std::move(found)),
      expected_(std::move(expected)),
      hint_(std::move(hint)) {}

void throw_error(error_kind kind, std::string place, std::string found, std::string expected,
                 std::string hint) {
  switch (kind) {
    case error_kind::shape:
      throw shape_error(std::move(place), std::move(found), std::move(expected), std::move(hint));
    case error_kind::device:
      throw device_error(std::move(place), std::move(found), std::move(expected), std::move(hint));
    case error_kind::unavailable:
      throw unavailable_error(std::move(place), std::move(found), std::move(expected),
                              std::move(hint));
    case error_kind::input:
      break;
  }
  throw input_error(std::move(place), std::move(found), std::move(expected), std::move(hint));
}

}  // namespace bdh
