// Matrix Market and CSV.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

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

// Whether entries have a value.
bool read_banner(std::string_view line, const std::string& place) {
  std::array<std::string, 5> words;
  for (std::string& word : words) word = lower(take_word(line));
  const auto& [banner, object, format, field, symmetry] = words;
  if (object != "matrix" || format != "coordinate")
    throw unavailable_error(place, shown(object + " " + format), "matrix coordinate",
                            "convert it to coordinates");
  if (field != "real" && field != "integer" && field != "pattern")
    throw unavailable_error(place, shown(field) + " entries", "real, integer or pattern");
  if (symmetry != "general")
    throw unavailable_error(place, shown(symmetry) + " storage", "general",
                            "write every edge, in both directions where both exist");
  return field != "pattern";
}

struct matrix_size {
  neuron_id rows, columns;
  std::uint64_t entries;
};

matrix_size read_size(std::string_view line, std::uint64_t bytes, const std::string& place) {
  std::array<std::uint64_t, 3> size{};
  for (std::uint64_t& n : size) {
    const std::string_view word = take_word(line);
    const auto value = whole_number(word);
    if (!value) throw input_error(place, shown(word), "rows, columns and entries");
    n = *value;
  }
  for (std::uint64_t n : {size[0], size[1]})
    if (n == 0 || n > most_nodes(bytes))
      throw input_error(place, std::to_string(n) + " rows or columns",
                        "1 to " + std::to_string(most_nodes(bytes)));
  if (size[2] > bytes / 4)  // an entry takes two digits, a blank and a line end
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

// The bytes of an entry as programs write it: two indices and a number, single blanks between them.
// 0: something else, or out of range, which the careful reader below judges. Most of a file's time
// is spent here.
std::size_t plain_entry(std::string_view text, const matrix_size& size, bool has_values,
                        graph_edge& e) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto is = [&](char c) { return at != end && *at == c && (++at, true); };
  const auto read = [&](auto& number) {
    const auto [next, failed] = std::from_chars(at, end, number);
    at = next;
    return failed == std::errc();
  };
  std::uint64_t row = 0, column = 0;
  double weight = 1;
  if (!read(row) || !is(' ') || !read(column)) return 0;
  if (row < 1 || row > size.rows || column < 1 || column > size.columns) return 0;
  if (has_values && (!is(' ') || !read(weight))) return 0;
  is('\r');
  if (at != end && !is('\n')) return 0;
  e.target = static_cast<neuron_id>(row - 1);
  e.source = static_cast<neuron_id>(column - 1);
  e.weight = static_cast<float>(weight);
  return std::isfinite(e.weight) ? static_cast<std::size_t>(at - text.data()) : 0;
}

}  // namespace

void read_matrix_market(std::string_view text, edge_list& to) {
  line_reader lines(text);
  const bool has_values = read_banner(*lines.next(), to.place(1));
  auto line = next_entry(lines);
  if (!line)
    throw input_error(to.file, "no line with the size of the matrix", "rows, columns and entries");
  const matrix_size size = read_size(*line, text.size(), to.place(lines.number()));
  if (to.one_population && size.rows != size.columns)
    throw shape_error(to.place(lines.number()),
                      std::to_string(size.rows) + " x " + std::to_string(size.columns),
                      "as many rows as columns: both are neurons");
  (to.one_population ? to.source : to.target).size = size.rows;
  to.source.size = size.columns;
  to.edges.reserve(size.entries);
  const auto plain = [&](graph_edge& e) {
    return to.edges.size() != size.entries && lines.next_by([&](std::string_view rest) {
      return plain_entry(rest, size, has_values, e);
    });
  };
  while (true) {
    graph_edge e;
    if (plain(e)) {
      e.line = lines.number();
      to.edges.push_back(e);
      continue;
    }
    if (!(line = next_entry(lines))) break;
    const std::string place = to.place(lines.number());
    if (to.edges.size() == size.entries)
      throw input_error(place, "more entries", std::to_string(size.entries) + ", as the file says");
    e.target = read_index(take_word(*line), size.rows, "row", place);
    e.source = read_index(take_word(*line), size.columns, "column", place);
    e.weight = has_values ? weight_of(take_word(*line), place) : 1.0f;
    e.line = lines.number();
    if (!is_blank(*line))
      throw input_error(place, shown(take_word(*line)) + " behind the entry",
                        "the end of the line");
    to.edges.push_back(e);
  }
  if (to.edges.size() != size.entries)
    throw input_error(to.file, std::to_string(to.edges.size()) + " entries",
                      std::to_string(size.entries) + ", as the file says", "is it cut short?");
}

namespace {

// The fields of a line, quotes removed. A line end in quotes is not allowed: no name has one.
void split(std::string_view line, std::vector<std::string>& fields, const std::string& place) {
  fields.clear();
  for (std::size_t i = 0;;) {
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
      if (i < line.size() && line[i] != ',')
        throw input_error(place, "text behind a quote", "a comma");
    } else {
      const std::size_t end = std::min(line.find(',', i), line.size());
      std::string_view plain = line.substr(i, end - i);
      plain.remove_prefix(std::min(plain.find_first_not_of(blanks), plain.size()));
      plain = plain.substr(0, plain.find_last_not_of(blanks) + 1);
      field = plain;
      i = end;
    }
    if (i == line.size()) return;
    ++i;
  }
}

struct columns {
  static constexpr std::size_t none = ~std::size_t{0};
  std::size_t source = none, target = none, weight = none, type = none, count = 0;
};

columns read_header(const std::vector<std::string>& fields, const std::string& place) {
  columns c;
  c.count = fields.size();
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (const auto& [name, at] : {std::pair{"source", &c.source},
                                   {"target", &c.target},
                                   {"weight", &c.weight},
                                   {"type", &c.type}})
      if (lower(fields[i]) == name) {
        if (*at != columns::none)
          throw input_error(place, "two columns called " + std::string(name), "one");
        *at = i;
      }
  if (c.source == columns::none || c.target == columns::none)
    throw input_error(place, shown(fields[0]) + " and no columns source and target",
                      "a header: source,target,weight",
                      "Matrix Market, GraphML and HDF5 are known by their first bytes");
  return c;
}

// "FILE:5: 'x12' is no number, so that the ids of all 300 nodes are names, '7' as well", where some
// are numbers and some are not.
std::string mixed_names(const std::vector<std::string>& names, const edge_list& list,
                        neuron_id graph_edge::*first, neuron_id graph_edge::*second) {
  const auto is_number = [](const std::string& name) { return whole_number(name).has_value(); };
  const auto number = std::find_if(names.begin(), names.end(), is_number),
             word = std::find_if_not(names.begin(), names.end(), is_number);
  if (number == names.end() || word == names.end()) return {};
  const auto of = static_cast<neuron_id>(word - names.begin());
  const auto edge = std::find_if(list.edges.begin(), list.edges.end(), [&](const graph_edge& e) {
    return e.*first == of || (second != nullptr && e.*second == of);
  });
  return list.place(edge->line) + ": " + shown(*word) + " is no number, so that the ids of all " +
         std::to_string(names.size()) + " nodes are names, " + shown(*number) + " as well";
}

// Where all names are numbers, they are the numbers of the nodes.
void take_nodes(name_table& names, graph_nodes& to, edge_list& list, neuron_id graph_edge::*first,
                neuron_id graph_edge::*second, std::uint64_t most) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names.names()) {
    const auto number = whole_number(name);
    if (!number) {
      if (std::string remark = mixed_names(names.names(), list, first, second); !remark.empty())
        list.remarks.push_back(std::move(remark));
      to.names = std::move(names.names());
      return;
    }
    numbers.push_back(*number);
  }
  for (graph_edge& e : list.edges)
    for (neuron_id graph_edge::*end : {first, second}) {
      if (end == nullptr) continue;
      const std::uint64_t number = numbers[e.*end];
      if (number >= most)
        throw input_error(list.place(e.line), "node " + std::to_string(number),
                          "below " + std::to_string(most));
      e.*end = static_cast<neuron_id>(number);
    }
}

}  // namespace

void read_csv(std::string_view text, edge_list& to) {
  line_reader lines(text);
  name_table sources, own_targets;
  name_table& targets = to.one_population ? sources : own_targets;
  std::vector<std::string> fields;
  std::optional<columns> header;
  for (auto line = lines.next(); line; line = lines.next()) {
    if (is_blank(*line)) continue;
    const std::string place = to.place(lines.number());
    split(*line, fields, place);
    if (!header) {
      header = read_header(fields, place);
      continue;
    }
    if (fields.size() != header->count)
      throw input_error(place, std::to_string(fields.size()) + " fields",
                        std::to_string(header->count) + ", as the header has");
    graph_edge e;
    e.source = sources.number_of(fields[header->source], place);
    e.target = targets.number_of(fields[header->target], place);
    e.weight = header->weight == columns::none ? 1.0f : weight_of(fields[header->weight], place);
    if (header->type != columns::none) check_type(fields[header->type], e.weight, place);
    e.line = lines.number();
    to.edges.push_back(e);
  }
  if (!header) throw input_error(to.file, "no text", "a header: source,target,weight");
  const std::uint64_t most = most_nodes(text.size());
  take_nodes(sources, to.source, to, &graph_edge::source,
             to.one_population ? &graph_edge::target : nullptr, most);
  if (!to.one_population)
    take_nodes(own_targets, to.target, to, &graph_edge::target, nullptr, most);
}

}  // namespace bdh::graph_formats
