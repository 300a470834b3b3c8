// How a list of edges as text is written: its separator, quotes, header and columns, found in its
// first lines.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

struct csv_field {
  std::string_view text;  // without blanks and quotes around it
  bool quoted = false;
};

// One line after another of a text whose lines end with \n, \r\n or \r.
class csv_lines {
 public:
  explicit csv_lines(std::string_view text, std::uint64_t lines_before = 0)
      : at_(text.data()), end_(at_ + text.size()), number_(lines_before) {}

  bool at_end() const noexcept { return at_ == end_; }
  const char* at() const noexcept { return at_; }
  const char* end() const noexcept { return end_; }
  std::uint64_t number() const noexcept { return number_; }  // of the line last read, from 1
  std::string_view next();                                   // without its end
  void skip_to(const char* behind_line) noexcept {
    at_ = behind_line;
    ++number_;
  }

 private:
  const char *at_, *end_;
  std::uint64_t number_;
};

struct csv_dialect {
  static constexpr std::size_t none = ~std::size_t{0};

  char separator = ',';  // ' ': any number of blanks
  char quote = '"';
  bool header = true;
  std::uint64_t first_line = 1;    // of the data
  std::vector<std::string> names;  // of the columns; without a header empty
  std::size_t source = none, target = none, value = none, type = none, sign = none, count = 0;
  bool row_names = false;   // the first column, which the header does not name
  bool ids_quoted = false;  // the names of source and target are in quotes, as texts are
};

// The fields of a line; `room` keeps those whose quotes are doubled. Throws input_error with the
// line's number.
void split_line(std::string_view line, const csv_dialect& how, std::vector<csv_field>& fields,
                std::deque<std::string>& room, const edge_list& of, std::uint64_t number);

// By the first lines of a file. Throws input_error where no columns are found, or two for the same.
csv_dialect find_dialect(std::string_view text, const edge_list& of);

// What of it is not as in "source,target,weight", for a remark; empty: nothing.
std::string described(const csv_dialect& d, edge_values values);

}  // namespace bdh::graph_formats
