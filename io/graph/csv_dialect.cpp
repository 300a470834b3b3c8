#include "io/graph/csv_dialect.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/graph/column_names.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::size_t sample_lines = 32;
constexpr std::string_view blanks = " \t";

std::string_view without_blanks(std::string_view text, std::string_view which) {
  text.remove_prefix(std::min(text.find_first_not_of(which), text.size()));
  return text.substr(0, text.find_last_not_of(which) + 1);
}

bool is_number(std::string_view text) {
  double value = 0;
  std::string digits(text);
  std::ranges::replace(digits, ',', '.');
  const char* const first = digits.data() + (digits.starts_with('+') ? 1 : 0);
  return !digits.empty() && std::from_chars(first, digits.data() + digits.size(), value).ptr ==
                                digits.data() + digits.size();
}

// The first lines of a file that are no comments; the comment before them may name the columns.
struct sample {
  std::vector<std::string_view> lines;
  std::uint64_t first = 0;  // the line of lines[0]
  std::string_view comment;
  std::uint64_t comment_line = 0;
  std::optional<char> separator = {};  // as the file states it
};

// "sep=;", by which spreadsheets state the separator.
std::optional<char> stated_separator(std::string_view line) {
  if (line.size() > 1 && line.front() == '"' && line.back() == '"')
    line = line.substr(1, line.size() - 2);
  if (line.size() != 5 || lower(line.substr(0, 4)) != "sep=") return std::nullopt;
  return line.back();
}

sample take_sample(std::string_view text) {
  sample s;
  csv_lines all(text);
  while (!all.at_end() && s.lines.size() < sample_lines) {
    const std::string_view line = all.next();
    if (line.find_first_not_of(" \t,;|") == line.npos) continue;  // also an empty row of a table
    if (s.lines.empty() && !s.separator) {
      s.separator = stated_separator(line);
      if (s.separator) continue;
    }
    if (s.lines.empty() && (line[0] == '#' || line[0] == '%')) {
      s.comment = without_blanks(line.substr(1), "#% ");
      s.comment_line = all.number();
      continue;
    }
    if (s.lines.empty()) s.first = all.number();
    s.lines.push_back(line);
  }
  return s;
}

std::vector<std::string> texts_of(const std::vector<csv_field>& fields) {
  std::vector<std::string> texts;
  for (const csv_field& f : fields) texts.emplace_back(f.text);
  return texts;
}

class dialect_finder {
 public:
  dialect_finder(const sample& s, const edge_list& of) : sample_(s), of_(of) {
    const std::string_view first = s.lines.front();
    if (first.starts_with('\'') && first.find('"') == first.npos) dialect_.quote = '\'';
  }

  csv_dialect find() {
    for (const char separator : {',', ';', '\t', '|', ' '}) {
      if (sample_.separator.value_or(separator) != separator) continue;
      dialect_.separator = separator;
      if (has_header(sample_.lines.front(), sample_.first)) {
        dialect_.first_line = sample_.first + 1;
        return dialect_;
      }
      if (sample_.comment_line != 0 && has_header(sample_.comment, sample_.comment_line)) {
        dialect_.first_line = sample_.first;
        return dialect_;
      }
    }
    dialect_.header = dialect_.row_names = false;
    dialect_.first_line = sample_.first;
    for (const char separator : {'\t', ';', '|', ',', ' '}) {
      if (sample_.separator.value_or(separator) != separator) continue;
      dialect_.separator = separator;
      if (is_data()) return dialect_;
    }
    fail();
  }

 private:
  std::vector<csv_field> split(std::string_view line) {
    std::vector<csv_field> fields;
    room_.clear();
    split_line(line, dialect_, fields, room_, of_, sample_.first);
    return fields;
  }

  // A column that the user names; by number where there is no such name.
  std::optional<std::size_t> chosen(const std::optional<std::string>& choice,
                                    const std::vector<std::string>& names) const {
    if (!choice) return std::nullopt;
    const auto same = [&](const std::string& n) { return lower(n) == lower(*choice); };
    auto found = std::ranges::find(names, *choice);
    if (found == names.end()) found = std::ranges::find_if(names, same);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    const auto number = canonical_number(*choice);
    if (number && *number >= 1 && *number <= names.size()) return *number - 1;
    return std::nullopt;
  }

  std::size_t column(column_role role, const std::vector<std::string>& names,
                     const std::optional<std::string>& choice, const std::string& place) const {
    if (const auto found = chosen(choice, names)) return *found;
    return find_column(role, of_.how.values, names, place).value_or(csv_dialect::none);
  }

  void find_signs(const std::vector<std::string>& names, const std::string& place) {
    const std::optional<std::string>& choice = of_.how.columns.sign;
    if (of_.how.columns.no_signs()) return;
    dialect_.sign = chosen(choice, names).value_or(csv_dialect::none);
    if (dialect_.sign != csv_dialect::none) return;
    dialect_.type = column(column_role::type, names, {}, place);
    dialect_.sign = column(column_role::sign, names, {}, place);
  }

  bool has_header(std::string_view line, std::uint64_t number) {
    std::vector<csv_field> fields;
    try {
      fields = split(line);
    } catch (const input_error&) {
      return false;  // quotes that do not fit this separator
    }
    if (fields.size() < 2) return false;
    std::vector<std::string> names = texts_of(fields);
    dialect_.row_names = number == sample_.first && has_row_names(fields.size());
    if (dialect_.row_names) {
      names.insert(names.begin(), std::string());
      fields.insert(fields.begin(), csv_field());
    }
    const std::string place = of_.place(number);
    const column_choice& c = of_.how.columns;
    // Numbers of columns are no header by themselves.
    const auto named = [&](column_role role, const std::optional<std::string>& choice) {
      return std::ranges::any_of(names, [&](const std::string& n) {
        return is_end(role, of_.how.ends, n) || (choice && lower(n) == lower(*choice));
      });
    };
    const bool by_number =
        (c.source && canonical_number(*c.source)) || (c.target && canonical_number(*c.target));
    const bool numbers_below = c.any() && by_number && !is_first_line_data(names);
    if (!numbers_below &&
        !(named(column_role::source, c.source) && named(column_role::target, c.target)))
      return false;
    const end_columns ends =
        find_ends(of_.how.ends, names, {chosen(c.source, names), chosen(c.target, names)}, place);
    dialect_.source = ends.source.value_or(csv_dialect::none);
    dialect_.target = ends.target.value_or(csv_dialect::none);
    dialect_.value = column(column_role::value, names, c.weight, place);
    find_signs(names, place);
    if (dialect_.source == csv_dialect::none || dialect_.target == csv_dialect::none) return false;
    for (const std::string& name : names)
      if (!is_utf8(name))
        throw input_error(place, "a column's name that is no UTF-8", "UTF-8",
                          "is it Latin-1? save the file as UTF-8");
    dialect_.ids_quoted = fields[dialect_.source].quoted && fields[dialect_.target].quoted;
    dialect_.names = names;
    dialect_.count = fields.size();
    check_different(place);
    return true;
  }

  // Whether each line has one field more than the header, in front, with the names of rows: as R
  // writes tables. These are in quotes, or 1, 2, 3 ...
  bool has_row_names(std::size_t names) {
    bool quoted = true, counted = true;
    for (std::size_t i = 1; i < sample_.lines.size(); ++i) {
      std::vector<csv_field> fields;
      try {
        fields = split(sample_.lines[i]);
      } catch (const input_error&) {
        return false;
      }
      if (fields.size() != names + 1 || fields.back().text.empty()) return false;
      quoted = quoted && fields.front().quoted;
      counted = counted && fields.front().text == std::to_string(i);
    }
    return sample_.lines.size() > 1 && (quoted || counted);
  }

  // Whether the field that the user calls the weight is a number in the first line.
  bool is_first_line_data(const std::vector<std::string>& fields) const {
    const auto at = chosen(of_.how.columns.weight, fields);
    return at && is_number(fields[*at]);
  }

  void check_different(const std::string& place) const {
    if (dialect_.source == dialect_.target || dialect_.source == dialect_.value ||
        dialect_.target == dialect_.value)
      throw input_error(place, "one column for two of source, target and weight",
                        "a column for each", "--columns source=A,target=B,weight=C");
  }

  // Lines of the same number of fields, which can be source, target and weight.
  bool is_data() {
    std::size_t count = 0;
    std::vector<std::string> first;
    for (const std::string_view line : sample_.lines) {
      std::vector<csv_field> fields;
      try {
        fields = split(line);
      } catch (const input_error&) {
        return false;
      }
      if (first.empty()) first = texts_of(fields), count = fields.size();
      if (fields.size() != count) return false;
    }
    const column_choice& c = of_.how.columns;
    if (count < 2) return false;
    dialect_.count = count;
    if (c.source && c.target) {
      const auto source = chosen(c.source, first), target = chosen(c.target, first);
      if (!source || !target) return false;
      dialect_.source = *source;
      dialect_.target = *target;
      dialect_.value = chosen(c.weight, first).value_or(csv_dialect::none);
      check_different(of_.place(sample_.first));
      return true;
    }
    const bool ids_are_numbers = canonical_number(first[0]) && canonical_number(first[1]);
    if (count > 3 || !(count == 3 ? is_number(first[2]) : ids_are_numbers)) return false;
    dialect_.source = 0;
    dialect_.target = 1;
    if (count == 3) dialect_.value = 2;
    return true;
  }

  [[noreturn]] void fail() {
    dialect_.separator = ',';
    if (sample_.lines.front().ends_with('}'))
      throw input_error(of_.place(sample_.first),
                        shown(sample_.lines.front()) + ", an edge of NetworkX with attributes",
                        "weights as numbers", "networkx.write_weighted_edgelist(G, FILE) does");
    throw input_error(
        of_.place(sample_.first),
        shown(split(sample_.lines.front()).front().text) + " and no columns source and target",
        "a header: source,target,weight",
        "--columns source=A,target=B,weight=C names others; Matrix Market, GraphML "
        "and HDF5 are known by their first bytes");
  }

  const sample& sample_;
  const edge_list& of_;
  csv_dialect dialect_;
  std::deque<std::string> room_;
};

// A text whose quotes are doubled, with single ones.
std::string_view undoubled(std::string_view text, char quote, std::deque<std::string>& room) {
  std::string& kept = room.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    kept += text[i];
    if (text[i] == quote) ++i;
  }
  return kept;
}

}  // namespace

std::string_view csv_lines::next() {
  const char* stop = at_;
  while (stop != end_ && *stop != '\n' && *stop != '\r') ++stop;
  const std::string_view line(at_, static_cast<std::size_t>(stop - at_));
  if (stop != end_) {
    const bool is_return = *stop++ == '\r';
    if (is_return && stop != end_ && *stop == '\n') ++stop;
  }
  skip_to(stop);
  return line;
}

void split_line(std::string_view line, const csv_dialect& how, std::vector<csv_field>& fields,
                std::deque<std::string>& room, const edge_list& of, std::uint64_t number) {
  fields.clear();
  const bool by_blanks = how.separator == ' ';
  const std::string_view around = how.separator == '\t' ? " " : blanks;
  const auto is_separator = [&](char c) { return c == how.separator || (by_blanks && c == '\t'); };
  if (by_blanks) line = without_blanks(line, blanks);
  for (std::size_t i = 0;;) {
    if (i < line.size() && line[i] == how.quote) {
      const std::size_t first = ++i;
      bool doubled = false;
      for (;; ++i) {
        if (i == line.size())
          throw input_error(of.place(number), "a quote that does not end", "a quote on one line");
        if (line[i] != how.quote) continue;
        if (i + 1 == line.size() || line[i + 1] != how.quote) break;
        doubled = true;
        ++i;
      }
      const std::string_view text = line.substr(first, i - first);
      fields.push_back({doubled ? undoubled(text, how.quote, room) : text, true});
      ++i;
      while (!by_blanks && i < line.size() && around.find(line[i]) != around.npos) ++i;
      if (i < line.size() && !is_separator(line[i]))
        throw input_error(of.place(number), "text behind a quote",
                          by_blanks ? "a blank" : "'" + std::string(1, how.separator) + "'");
    } else {
      std::size_t end = i;
      while (end < line.size() && !is_separator(line[end])) ++end;
      fields.push_back({without_blanks(line.substr(i, end - i), around), false});
      i = end;
    }
    if (i == line.size()) break;
    ++i;
    while (by_blanks && i < line.size() && is_separator(line[i])) ++i;
  }
}

csv_dialect find_dialect(std::string_view text, const edge_list& of) {
  if (text.find('\0') != text.npos)
    throw input_error(of.place(1), "bytes of 0", "text",
                      "UTF-16 needs a byte order mark: save the file as UTF-8");
  const sample s = take_sample(text);
  if (s.lines.empty()) throw input_error(of.file, "no text", "a header: source,target,weight");
  return dialect_finder(s, of).find();
}

std::string described(const csv_dialect& d, edge_values values) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (d.separator == '\t') add("separated by tabs");
  if (d.separator == ' ') add("separated by blanks");
  if (d.separator == ';' || d.separator == '|')
    add(std::string("separated by '") + d.separator + "'");
  if (d.quote == '\'') add("single quotes");
  if (d.row_names) add("a first column without a name in the header, not read");
  if (!d.header) {
    add("no header: column " + std::to_string(d.source + 1) + " is the source, " +
        std::to_string(d.target + 1) + " the target" +
        (d.value == csv_dialect::none ? "" : ", " + std::to_string(d.value + 1) + " the weight"));
    return text;
  }
  for (const auto& [role, at] :
       {std::pair{"source", d.source}, {"target", d.target}, {name(values), d.value}})
    if (at != csv_dialect::none && lower(d.names[at]) != role &&
        (at != d.value || lower(d.names[at]) != "weight"))
      add(std::string(role) + " is " + shown(d.names[at]));
  return text;
}

}  // namespace bdh::graph_formats
