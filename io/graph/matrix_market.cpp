// Matrix Market: coordinates and arrays, general, symmetric and skew-symmetric.
#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/decimal.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::string_view blanks = " \t";

// Takes the next word from the front; empty at the end.
std::string_view take_word(std::string_view& line) {
  const std::size_t first = std::min(line.find_first_not_of(blanks), line.size());
  line.remove_prefix(first);
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(blanks) == std::string_view::npos;
}

// The next line that is neither blank nor a comment.
std::optional<std::string_view> next_entry(line_reader& lines) {
  for (auto line = lines.next(); line; line = lines.next())
    if (!is_blank(*line) && !line->starts_with('%')) return line;
  return std::nullopt;
}

enum class symmetry { general, symmetric, skew };

struct banner {
  bool array = false, has_values = true;
  symmetry stored = symmetry::general;
};

banner read_banner(std::string_view line, const std::string& place) {
  std::array<std::string, 5> words;
  for (std::string& word : words) word = lower(take_word(line));
  const auto& [start, object, format, field, stored] = words;
  if (object != "matrix" || (format != "coordinate" && format != "array"))
    throw unavailable_error(place, shown(object + " " + format),
                            "matrix coordinate or matrix array");
  banner b;
  b.array = format == "array";
  b.has_values = field != "pattern";
  if (field != "real" && field != "integer" && field != "unsigned-integer" && field != "pattern")
    throw unavailable_error(place, shown(field) + " entries",
                            "real, integer, unsigned-integer or pattern");
  if (stored == "symmetric") b.stored = symmetry::symmetric;
  if (stored == "skew-symmetric") b.stored = symmetry::skew;
  if (b.stored == symmetry::general && stored != "general")
    throw unavailable_error(place, shown(stored) + " storage",
                            "general, symmetric or skew-symmetric",
                            "scipy.io.mmwrite(file, matrix, symmetry=\"general\") writes every "
                            "edge");
  if (!b.has_values && (b.array || b.stored == symmetry::skew))
    throw input_error(place, "a pattern with " + (b.array ? "format array" : stored + " storage"),
                      "values");
  return b;
}

struct matrix_size {
  neuron_id rows = 0, columns = 0;
  std::uint64_t entries = 0;
};

// An entry takes two digits, a blank and a line end; a value of an array a digit and a line end.
matrix_size read_size(std::string_view line, const banner& b, std::uint64_t bytes,
                      const std::string& place) {
  std::array<std::uint64_t, 3> size{};
  for (std::size_t i = 0; i < (b.array ? 2 : 3); ++i) {
    const std::string_view word = take_word(line);
    const auto value = whole_number(word);
    if (!value)
      throw input_error(place, shown(word),
                        b.array ? "rows and columns" : "rows, columns and entries");
    size[i] = *value;
  }
  for (std::uint64_t n : {size[0], size[1]})
    if (n == 0 || n > most_nodes(bytes))
      throw input_error(place, std::to_string(n) + " rows or columns",
                        "1 to " + std::to_string(most_nodes(bytes)));
  const bool triangle = b.stored != symmetry::general;
  if (triangle && size[0] != size[1])
    throw shape_error(place, std::to_string(size[0]) + " x " + std::to_string(size[1]),
                      "as many rows as columns in a symmetric matrix");
  if (b.array) {  // n (n + 1) / 2 of a symmetric one, n less of a skew one
    size[2] = triangle ? size[0] * (size[0] + 1) / 2 : size[0] * size[1];
    if (b.stored == symmetry::skew) size[2] -= size[0];
  }
  if (size[2] > bytes / (b.array ? 2 : 4))
    throw input_error(place, std::to_string(size[2]) + " entries",
                      "no more than the file has room for");
  return {static_cast<neuron_id>(size[0]), static_cast<neuron_id>(size[1]), size[2]};
}

neuron_id read_index(std::string_view word, neuron_id size, const char* what,
                     const std::string& place) {
  const auto value = whole_number(word);
  if (!value || *value < 1 || *value > size)
    throw input_error(place, std::string(what) + " " + shown(word), "1 to " + std::to_string(size));
  return static_cast<neuron_id>(*value - 1);
}

// An entry as programs write it: two indices and a number, single blanks between them; and how many
// bytes it takes. 0: something else, or out of range, which the careful reader judges. Most of a
// file's time is spent here.
struct plain_entry {
  std::size_t bytes = 0;
  neuron_id row = 0, column = 0;
  double value = 1;
  std::string_view written = "1";

  plain_entry(std::string_view text, const matrix_size& size, bool has_values) {
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto is = [&](char c) { return at != end && *at == c && (++at, true); };
    const auto has_read = [&](std::from_chars_result result) {
      at = result.ptr;
      return result.ec == std::errc();
    };
    const auto read = [&](std::uint64_t& number) {
      return has_read(std::from_chars(at, end, number));
    };
    std::uint64_t r = 0, c = 0;
    if (!read(r) || !is(' ') || !read(c)) return;
    if (r < 1 || r > size.rows || c < 1 || c > size.columns) return;
    const char* const first = at + 1;
    if (has_values && (!is(' ') || !has_read(decimal_from_chars(at, end, value)))) return;
    if (has_values) written = {first, static_cast<std::size_t>(at - first)};
    is('\r');
    if (at != end && !is('\n')) return;
    row = static_cast<neuron_id>(r - 1);
    column = static_cast<neuron_id>(c - 1);
    bytes = static_cast<std::size_t>(at - text.data());
  }
};

class matrix_reader {
 public:
  matrix_reader(std::string_view text, edge_list& to)
      : bytes_(text.size()), lines_(text), to_(to), numbers_(to) {}

  void read() {
    banner_ = read_banner(*lines_.next(), to_.place(1));
    const auto line = next_entry(lines_);
    if (!line)
      throw input_error(to_.file, "no line with the size of the matrix",
                        "rows, columns and entries");
    size_ = read_size(*line, banner_, bytes_, to_.place(lines_.number()));
    if (to_.one_population && size_.rows != size_.columns)
      throw shape_error(to_.place(lines_.number()),
                        std::to_string(size_.rows) + " x " + std::to_string(size_.columns),
                        "as many rows as columns: both are neurons");
    (to_.one_population ? to_.source : to_.target).size = size_.rows;
    to_.source.size = size_.columns;
    banner_.array ? read_array() : read_coordinates();
    if (read_ != size_.entries)
      throw input_error(to_.file, std::to_string(read_) + " entries",
                        std::to_string(size_.entries) + ", as the file says", "is it cut short?");
    remark();
    numbers_.finish(to_);
  }

 private:
  void read_coordinates() {
    to_.edges.reserve(size_.entries * (banner_.stored == symmetry::general ? 1 : 2));
    while (true) {
      const bool plain = read_ != size_.entries && lines_.next_by([&](std::string_view rest) {
        const plain_entry e(rest, size_, banner_.has_values);
        if (e.bytes != 0)
          add(e.row, e.column, numbers_.take(e.value, e.written, lines_.number() + 1),
              lines_.number() + 1);
        return e.bytes;
      });
      if (plain) continue;
      auto line = next_entry(lines_);
      if (!line) return;
      const std::string place = to_.place(lines_.number());
      expect_more(place);
      const neuron_id row = read_index(take_word(*line), size_.rows, "row", place),
                      column = read_index(take_word(*line), size_.columns, "column", place);
      const float weight =
          banner_.has_values ? numbers_.read(take_word(*line), lines_.number()) : 1.0f;
      expect_end(*line, place);
      add(row, column, weight, lines_.number());
    }
  }

  // Column by column; of a symmetric matrix from the diagonal down, of a skew one from below it.
  void read_array() {
    std::uint64_t row = first_row(0), column = 0;
    while (auto line = next_entry(lines_)) {
      const std::string place = to_.place(lines_.number());
      expect_more(place);
      while (row >= size_.rows) row = first_row(++column);
      const float weight = numbers_.read(take_word(*line), lines_.number());
      expect_end(*line, place);
      if (weight == 0)
        ++read_;
      else
        add(static_cast<neuron_id>(row), static_cast<neuron_id>(column), weight, lines_.number());
      ++row;
    }
  }

  std::uint64_t first_row(std::uint64_t column) const {
    if (banner_.stored == symmetry::general) return 0;
    return column + (banner_.stored == symmetry::skew ? 1 : 0);
  }

  void expect_more(const std::string& place) const {
    if (read_ == size_.entries)
      throw input_error(place, "more entries",
                        std::to_string(size_.entries) + ", as the file says");
  }

  static void expect_end(std::string_view line, const std::string& place) {
    if (!is_blank(line))
      throw input_error(place, shown(take_word(line)) + " behind the entry", "the end of the line");
  }

  void add(neuron_id row, neuron_id column, float weight, std::uint64_t line) {
    ++read_;
    if (line > most_lines)
      throw unavailable_error(to_.place(line), "more than " + std::to_string(most_lines) + " lines",
                              "fewer");
    const auto at = static_cast<std::uint32_t>(line);
    to_.edges.push_back({column, row, weight, at});
    if (banner_.stored == symmetry::general) return;
    if (row != column)
      to_.edges.push_back({row, column, banner_.stored == symmetry::skew ? -weight : weight, at});
    else if (banner_.stored == symmetry::skew)
      throw input_error(to_.place(line), "an entry on the diagonal",
                        "none in a skew-symmetric matrix");
  }

  void remark() {
    const std::string edges = std::to_string(to_.edges.size()) + " edges";
    if (banner_.stored != symmetry::general)
      to_.remarks.push_back(
          to_.file + (banner_.stored == symmetry::skew ? ": skew-symmetric" : ": symmetric") +
          " storage: " + std::to_string(read_) + " entries are " + edges);
    else if (banner_.array)
      to_.remarks.push_back(to_.file + ": an array: " + std::to_string(read_) +
                            " values, of which those that are not 0 are " + edges);
    if (banner_.has_values) return;
    to_.has_values = false;
    if (to_.how.values != edge_values::weights)
      throw input_error(to_.file, "a pattern, which has no numbers",
                        "a " + std::string(name(to_.how.values)) + " for each edge");
    to_.remarks.push_back(to_.file + ": a pattern, which has no numbers: all " + edges +
                          " have weight 1");
  }

  std::uint64_t bytes_;
  line_reader lines_;
  edge_list& to_;
  edge_numbers numbers_;
  banner banner_;
  matrix_size size_;
  std::uint64_t read_ = 0;
};

}  // namespace

void read_matrix_market(std::string_view text, edge_list& to) { matrix_reader(text, to).read(); }

}  // namespace bdh::graph_formats
