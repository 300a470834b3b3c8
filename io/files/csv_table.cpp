#include "io/files/csv_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <bdh/error.hpp>

#include "io/files/text_start.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

std::string trimmed_field(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text;
}

// Takes a text apart, row after row.
class table_reader {
 public:
  table_reader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
    skip_comments();
    const std::string_view header = text_.substr(at_, text_.find_first_of("\r\n", at_) - at_);
    for (const char c : {';', '\t'})
      if (std::ranges::count(header, c) > std::ranges::count(header, separator_)) separator_ = c;
  }

  // False at the end.
  bool next(csv_table::row& row) {
    skip_comments();
    row = {line_, {}};
    if (at_ == text_.size()) return false;
    for (;;) {
      row.fields.push_back(field());
      if (at_ == text_.size()) return true;
      if (text_[at_] == separator_) {
        ++at_;
        continue;
      }
      end_line();
      return true;
    }
  }

 private:
  void skip_comments() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
      const std::string_view line = text_.substr(at_, end - at_);
      if (!line.starts_with('#') && line.find_first_not_of(" \t") != line.npos) return;
      at_ = end;
      if (at_ < text_.size()) end_line();
    }
  }

  void end_line() {
    at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
    ++line_;
  }

  std::string field() {
    const std::size_t quote = text_.find_first_not_of(" ", at_);
    if (quote == text_.npos || text_[quote] != '"') {
      const char ends[] = {separator_, '\r', '\n', 0};
      const std::size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
      return trimmed_field(std::string(text_.substr(std::exchange(at_, end), end - at_)));
    }
    std::string value;
    const std::uint64_t begin = line_;
    for (at_ = quote + 1;; ++at_) {
      if (at_ == text_.size())
        throw input_error(file_ + ":" + std::to_string(begin), "a quote that is not closed",
                          "a second one");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        value += text_[at_];
      } else if (text_.substr(at_).starts_with("\"\"")) {
        value += text_[at_++];
      } else {
        break;
      }
    }
    at_ = std::min(text_.find_first_not_of(" ", at_ + 1), text_.size());
    if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\r' && text_[at_] != '\n')
      throw input_error(file_ + ":" + std::to_string(begin),
                        "'" + std::string(text_.substr(at_, 1)) + "' behind a quote",
                        "a separator or the end of the line");
    return value;
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
  char separator_ = ',';
};

}  // namespace

std::optional<std::size_t> csv_table::column(std::string_view name) const {
  const auto found = std::ranges::find(columns, name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

csv_table read_csv_table(const std::filesystem::path& file) {
  csv_table table;
  table.file = file.string();
  const std::string bytes = read_whole_file(file, largest_table, "a CSV file with a header");
  table_reader reader(without_byte_order_mark(bytes, table.file), table.file);
  csv_table::row row;
  if (!reader.next(row)) throw input_error(table.file, "no lines", "a header and rows");
  table.columns = row.fields;
  for (const std::string& name : table.columns)
    if (name.empty() || std::ranges::count(table.columns, name) != 1)
      throw input_error(table.place(row), "column '" + name + "'",
                        "columns with names, all of them different");
  while (reader.next(row)) {
    if (row.fields.size() != table.columns.size())
      throw input_error(table.place(row), std::to_string(row.fields.size()) + " fields",
                        std::to_string(table.columns.size()) + ", as the header has");
    table.rows.push_back(row);
  }
  return table;
}

std::vector<double> read_csv_column(const std::filesystem::path& file, std::string_view column) {
  const csv_table table = read_csv_table(file);
  const auto at = table.column(column);
  if (!at) {
    std::string all;
    for (const std::string& name : table.columns) all += (all.empty() ? "" : ", ") + name;
    throw input_error(table.file, "no column '" + std::string(column) + "'", "one of: " + all);
  }
  std::vector<double> values;
  for (const csv_table::row& row : table.rows) {
    const std::string& text = row.fields[*at];
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      throw input_error(table.place(row), "'" + text + "'", "a number");
    values.push_back(value);
  }
  if (values.empty()) throw input_error(table.file, "no rows", "numbers");
  return values;
}

}  // namespace bdh
