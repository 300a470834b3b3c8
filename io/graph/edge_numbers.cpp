#include "io/graph/edge_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include <bdh/error.hpp>

#include "core/base/decimal.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_examples = 3;

std::string exact(float value) { return fmt::format("{:.0f}", static_cast<double>(value)); }

// The digits of what is written as an integer, 17 or -17.00; empty for others.
std::string integer_digits(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  const std::string_view behind = point == text.npos ? "" : text.substr(point + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (whole.empty() || !std::ranges::all_of(whole, is_digit) ||
      behind.find_first_not_of('0') != behind.npos)
    return {};
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size() - 1));
  return (negative ? "-" : "") + std::string(whole);
}

}  // namespace

const char* name(edge_values v) noexcept {
  constexpr const char* names[] = {"weight", "rate", "retention"};
  return names[static_cast<int>(v)];
}

void edge_numbers::notes::add(const std::string& example) {
  if (count < most_examples)
    examples += (count == 0 ? "" : ", ") + example;
  else if (count == most_examples)
    examples += ", ...";
  ++count;
}

float edge_numbers::read(std::string_view text, std::uint64_t line) {
  std::string_view digits = text;
  std::string fortran;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  if (const std::size_t d = digits.find_first_of("dD"); d != digits.npos && d > 0) {
    fortran = digits;
    fortran[d] = 'e';
    digits = fortran;
  }
  double value = 0;
  const auto [end, failed] =
      decimal_from_chars(digits.data(), digits.data() + digits.size(), value);
  // Out of the range of double: 0 or infinite, by the sign of the exponent.
  if (failed == std::errc::result_out_of_range && end == digits.data() + digits.size()) {
    const std::size_t e = digits.find_first_of("eE");
    const bool small = e == digits.npos ? digits.find_first_of("123456789") > digits.find('.')
                                        : digits.substr(e + 1).starts_with('-');
    value = small ? std::numeric_limits<double>::denorm_min() : HUGE_VAL;
    if (digits.starts_with('-')) value = -value;
  } else if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size()) {
    value = NAN;
  }
  return take(value, text, line);
}

float edge_numbers::check(double value, float number, std::string_view text, std::uint64_t line) {
  const std::string place = of_.place(line);
  if (!std::isfinite(number))
    throw input_error(place, shown(text), std::string("a finite ") + name(of_.how.values));
  if (number == 0) {
    if (value != 0) vanished_.add(std::string(text.substr(0, 40)) + " (" + place + ")");
    return number;
  }
  constexpr double exact_double = 9007199254740992.0;  // 2^53
  const std::string digits = integer_digits(text);
  const bool is_count =
      !digits.empty() || (std::trunc(value) == value && std::abs(value) < exact_double);
  const bool as_written =
      digits.empty() ? static_cast<double>(number) == value : exact(number) == digits;
  if (is_count && !as_written)
    rounded_.add(std::string(text.substr(0, 40)) + " -> " + exact(number) + " (" + place + ")");
  return number;
}

float edge_numbers::take(std::int64_t value, std::uint64_t line) {
  const auto number = static_cast<float>(value);
  if (std::abs(number) < exact_up_to) return number;
  return check(static_cast<double>(value), number, std::to_string(value), line);
}

float edge_numbers::take(std::uint64_t value, std::uint64_t line) {
  const auto number = static_cast<float>(value);
  if (number < exact_up_to) return number;
  return check(static_cast<double>(value), number, std::to_string(value), line);
}

void edge_numbers::finish(edge_list& to) const {
  const auto remark = [&](const notes& n, const char* one, const char* many) {
    if (n.count == 0) return;
    to.remarks.push_back(fmt::format("{}: {} {}{} {}: {}", to.file, n.count, name(to.how.values),
                                     n.count == 1 ? "" : "s", n.count == 1 ? one : many,
                                     n.examples));
  };
  remark(rounded_, "is rounded to float32", "are rounded to float32");
  remark(vanished_, "is too small for float32 and becomes 0",
         "are too small for float32 and become 0");
}

}  // namespace bdh::graph_formats
