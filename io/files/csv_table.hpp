// A table of text from a CSV file with a header: for tables that people write, of some megabytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bdh {

struct csv_table {
  struct row {
    std::uint64_t line = 0;           // of the file, from 1
    std::vector<std::string> fields;  // as many as columns; without quotes, and blanks around them
  };
  std::string file;
  std::vector<std::string> columns;
  std::vector<row> rows;  // lines that are empty are none

  // Where a column of this name is; none: there is no such column.
  std::optional<std::size_t> column(std::string_view name) const;
  std::string place(const row& at) const { return file + ":" + std::to_string(at.line); }
};

inline constexpr std::uintmax_t largest_table = std::uintmax_t{64} << 20;  // bytes

// Separated by commas, semicolons or tabs, whichever the header has most of; fields in double
// quotes may hold separators and line ends (RFC 4180); lines that begin with # are comments. Throws
// input_error for a file that cannot be read or is larger, for a header with an empty name or two
// equal ones, and for rows of another length.
csv_table read_csv_table(const std::filesystem::path& file);

// The numbers of one column. Throws input_error where there is no such column, and for a field that
// is no finite number.
std::vector<double> read_csv_column(const std::filesystem::path& file, std::string_view column);

}  // namespace bdh
