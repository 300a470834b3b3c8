// The numbers of edges: text and wider numbers as float32, and remarks on what float32 cannot hold.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/error.hpp>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

// "weight", "rate", "retention".
const char* name(edge_values v) noexcept;

class edge_numbers {
 public:
  explicit edge_numbers(const edge_list& of) : of_(of) {}

  // A decimal number; an exponent may be written with E or, as in Fortran, D. Throws input_error
  // for what is no finite number of float32.
  float read(std::string_view text, std::uint64_t line);
  // The float32 nearest to `value`, which was written as `text`. Throws as read does.
  float take(double value, std::string_view text, std::uint64_t line) {
    const auto number = static_cast<float>(value);
    // Fractions are rounded in any case; counts above 2^24 and what becomes 0 or infinite are
    // looked at.
    if (std::abs(number) < exact_up_to && number != 0) return number;
    return check(value, number, text, line);
  }
  float take(double value, std::uint64_t line) {
    const auto number = static_cast<float>(value);
    if (std::abs(number) < exact_up_to && (number != 0 || value == 0)) return number;
    return check(value, number, shown(value), line);
  }
  // An integer, of any width.
  float take(std::int64_t value, std::uint64_t line);
  float take(std::uint64_t value, std::uint64_t line);
  // Remarks on what was rounded, or became 0; on the list of `of`.
  void finish(edge_list& to) const;

 private:
  static constexpr float exact_up_to = 16777216;  // 2^24
  struct notes {
    std::uint64_t count = 0;
    std::string examples = {};
    void add(const std::string& example);
  };
  float check(double value, float number, std::string_view text, std::uint64_t line);

  const edge_list& of_;
  notes rounded_, vanished_;
};

}  // namespace bdh::graph_formats
