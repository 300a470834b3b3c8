#include "io/graph/sonata_types.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

// Fields between single blanks, some in quotes; a quote in quotes is doubled.
std::vector<std::string> split_at_blanks(std::string_view line, const std::string& place) {
  std::vector<std::string> fields;
  line = line.substr(0, line.find_last_not_of(' ') + 1);
  for (std::size_t i = 0; i <= line.size(); ++i) {
    std::string& field = fields.emplace_back();
    if (i < line.size() && line[i] == '"') {
      for (++i;; ++i) {
        if (i == line.size())
          throw input_error(place, "a quote that does not end", "a quote on one line");
        if (line[i] == '"' && (i + 1 == line.size() || line[i + 1] != '"')) break;
        if (line[i] == '"') ++i;
        field += line[i];
      }
      ++i;
      if (i < line.size() && line[i] != ' ')
        throw input_error(place, "text behind a quote", "a blank");
    } else {
      const std::size_t end = std::min(line.find(' ', i), line.size());
      field = line.substr(i, end - i);
      i = end;
    }
  }
  return fields;
}

}  // namespace

type_table::type_table(std::string_view text, const std::string& file, std::string_view id)
    : file_(file) {
  line_reader lines(text);
  std::size_t id_column = 0;
  for (auto line = lines.next(); line; line = lines.next()) {
    if (line->find_first_not_of(" \t") == line->npos) continue;
    const std::string place = file + ":" + std::to_string(lines.number());
    std::vector<std::string> fields = split_at_blanks(*line, place);
    if (columns_.empty()) {
      columns_ = std::move(fields);
      const auto found = column(id);
      if (!found)
        throw input_error(place, "no column '" + std::string(id) + "'",
                          "a header whose columns are separated by blanks");
      id_column = *found;
      continue;
    }
    if (fields.size() != columns_.size())
      throw input_error(place, std::to_string(fields.size()) + " fields",
                        std::to_string(columns_.size()) + ", as the header has");
    const std::string& word = fields[id_column];
    std::int64_t type = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), type);
    if (failed != std::errc() || end != word.data() + word.size())
      throw input_error(place, shown(word), std::string(id) + ", an integer");
    if (!rows_.try_emplace(type, row{std::move(fields), lines.number()}).second)
      throw input_error(place, "type " + std::to_string(type) + " again", "each type once");
  }
  if (columns_.empty()) throw input_error(file, "no text", "a header with " + std::string(id));
}

std::optional<std::size_t> type_table::column(std::string_view name) const {
  const auto found = std::ranges::find(columns_, name);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

std::optional<std::string_view> type_table::value(std::int64_t type, std::size_t column) const {
  const auto found = rows_.find(type);
  if (found == rows_.end()) return std::nullopt;
  const std::string& text = found->second.fields[column];
  if (text.empty() || text == "NULL") return std::nullopt;
  return text;
}

std::string type_table::place_of(std::int64_t type) const {
  return file_ + ":" + std::to_string(rows_.at(type).line);
}

}  // namespace bdh::graph_formats
