// Lists of edges as text: CSV, TSV and what is like them (io/graph/csv_dialect.hpp). A line as
// programs write it is read in one go, without splitting it first; any other one by its fields.
#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/decimal.hpp"
#include "io/files/text_blocks.hpp"
#include "io/graph/column_names.hpp"
#include "io/graph/csv_dialect.hpp"
#include "io/graph/edge_signs.hpp"
#include "io/graph/exported_nodes.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

// Numbers with a comma in place of the point, and signs that may separate thousands.
class decimal_signs {
 public:
  explicit decimal_signs(const edge_list& of) : of_(of) {}

  // Of a file separated by semicolons, where decimal signs are commas as a rule: then a point is
  // looked at in every number.
  void watch_points() noexcept { watched_ = true; }
  bool commas_found() const noexcept { return commas_ != 0; }
  bool saw_point() const noexcept { return point_line_ != 0; }
  // Of a number without a comma.
  void see(std::string_view text, std::uint64_t line) {
    if (saw_point() && !watched_) return;
    const std::size_t point = text.find('.');
    if (point == text.npos) {
      ++whole_;
      return;
    }
    if (!saw_point()) point_line_ = line;
    ++points_;
    if (!is_thousands(text, point)) return;
    if (++point_thousands_ == 1) first_point_ = {of_.place(line), shown(text)};
  }
  // The number with a point. Throws input_error where a file has both.
  std::string_view with_point(std::string_view text, std::uint64_t line) {
    const std::size_t comma = text.find(','), point = text.find('.');
    const bool twice = comma != text.find_last_of(',') || point != text.find_last_of('.');
    if (twice || (comma != text.npos && point != text.npos))
      throw input_error(of_.place(line), shown(text), "a number without separators of thousands");
    if (comma == text.npos) see(text, line);
    if (comma == text.npos && !(point != text.npos && commas_found())) return text;
    if (point_line_ != 0)
      throw input_error(of_.place(line), shown(text),
                        "a decimal " + std::string(commas_found() ? "comma" : "point") +
                            ", as in the lines before");
    number_ = text;
    number_[comma] = '.';
    ++commas_;
    comma_thousands_ += is_thousands(text, comma);
    if (commas_ == 1) first_comma_ = {of_.place(line), shown(text)};
    return number_;
  }
  // Points that can only be decimal ones because all numbers have them.
  bool points_by_all() const noexcept {
    return watched_ && points_ != 0 && points_ == point_thousands_;
  }
  // Throws input_error where each number with a comma, or with a point where commas are the rule,
  // can be one of thousands as well.
  void finish() const {
    if (commas_found() && comma_thousands_ == commas_)
      throw input_error(first_comma_.first, first_comma_.second,
                        "a number with a point, or without separators",
                        "a comma before three digits can separate thousands");
    if (points_by_all() && whole_ != 0)
      throw input_error(first_point_.first, first_point_.second,
                        "a number with a comma, or without separators",
                        "where ';' separates columns a point before three digits can separate "
                        "thousands");
  }

 private:
  // 1,234 and 12,345, not 0,125.
  static bool is_thousands(std::string_view text, std::size_t at) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1), --at;
    return at >= 1 && at <= 3 && text[0] != '0' && text.size() - at == 4 &&
           text.substr(at + 1).find_first_not_of("0123456789") == text.npos;
  }

  const edge_list& of_;
  bool watched_ = false;
  std::uint64_t point_line_ = 0, commas_ = 0, comma_thousands_ = 0;
  std::uint64_t points_ = 0, point_thousands_ = 0, whole_ = 0;
  std::pair<std::string, std::string> first_comma_, first_point_;  // places, and numbers
  std::string number_;
};

class csv_reader {
 public:
  explicit csv_reader(edge_list& to) : to_(to), numbers_(to), signs_(to), decimals_(to) {}

  void read(text_blocks& blocks) {
    std::string_view block = blocks.next();
    dialect_ = find_dialect(block, to_);
    note_choices();
    if (dialect_.separator == ';') decimals_.watch_points();
    if (dialect_.names == exported_columns() && to_.how.ids == node_ids::found &&
        !to_.how.neurons && to_.one_population)
      nodes_ = read_exported_nodes(to_);
    if (nodes_) {
      to_.how.ids = nodes_->names.empty() ? node_ids::from_0 : node_ids::names;
      to_.how.neurons = nodes_->size;
    }
    edges_.emplace(to_, blocks.file_bytes());
    reserve(block, blocks.file_bytes());
    for (; !block.empty(); block = blocks.next()) read_lines(block);
    finish(blocks.encoding());
  }

 private:
  // About as many edges as the file has, by its first lines: a list that grows needs twice the
  // memory while it does.
  void reserve(std::string_view block, std::uint64_t file_bytes) {
    const auto lines = static_cast<double>(std::ranges::count(block, '\n'));
    if (lines < 100) return;
    const double edges =
        lines * static_cast<double>(file_bytes) / static_cast<double>(block.size());
    reserve_edges(to_, edges);
  }

  void read_lines(std::string_view block) {
    csv_lines lines(block, line_);
    old_mac_ = old_mac_ || (block.find('\n') == block.npos && block.find('\r') != block.npos);
    while (!lines.at_end()) {
      if (lines.number() + 1 < dialect_.first_line) {
        lines.next();
        continue;
      }
      if (const char* const behind = plain_row(lines.at(), lines.end(), lines.number() + 1)) {
        lines.skip_to(behind);
        continue;
      }
      const std::string_view line = lines.next();
      read_line(line, lines.number());
    }
    line_ = lines.number();
  }

  // Behind the line, where it is an edge of two canonical numbers and a number with a point, as
  // most lines are; null for any other, of which nothing is taken.
  const char* plain_row(const char* at, const char* const end, std::uint64_t line) {
    if (dialect_.separator == ' ' || !edges_->numbers() || dialect_.type != csv_dialect::none ||
        dialect_.sign != csv_dialect::none)
      return nullptr;
    std::uint64_t ids[2] = {0, 0};
    constexpr std::ptrdiff_t most_digits = 10;  // of a number of a neuron
    double value = 1;
    std::string_view written = "1";
    for (std::size_t column = 0; column < dialect_.count; ++column) {
      if (column != 0 && *at++ != dialect_.separator) return nullptr;
      const char* const first = at;
      if (column == dialect_.source || column == dialect_.target) {
        std::uint64_t& id = ids[column == dialect_.target];
        at = append_digits(at, end, id);
        const bool canonical = at != first && (*first != '0' || at == first + 1);
        if (!canonical || at - first > most_digits) return nullptr;
      } else if (column == dialect_.value) {
        const auto [next, failed] = decimal_from_chars(at, end, value);
        if (failed != std::errc() || !std::isfinite(value)) return nullptr;
        at = next;
        written = {first, static_cast<std::size_t>(at - first)};
        decimals_.see(written, line);
      } else {
        while (at != end && *at != dialect_.separator && *at != '\n' && *at != '\r' &&
               *at != dialect_.quote)
          ++at;
      }
      if (at == end) return nullptr;  // the last line, or one that is not as expected
    }
    if (*at != '\n' && *at != '\r') return nullptr;
    if (decimals_.commas_found() && decimals_.saw_point()) return nullptr;
    if (!edges_->add_numbers(ids[0], ids[1], 1, line)) return nullptr;
    to_.edges.back().weight = numbers_.take(value, written, line);
    return at + (*at == '\r' && at + 1 != end && at[1] == '\n' ? 2 : 1);
  }

  void read_line(std::string_view line, std::uint64_t number) {
    if (line.find_first_not_of(" \t") == line.npos) return;
    room_.clear();
    split_line(line, dialect_, fields_, room_, to_, number);
    const auto is_empty = [](const csv_field& f) { return f.text.empty() && !f.quoted; };
    if (std::ranges::all_of(fields_, is_empty)) return;  // below the table of a spreadsheet
    if (fields_.size() != dialect_.count)
      throw input_error(to_.place(number), std::to_string(fields_.size()) + " fields",
                        std::to_string(dialect_.count) +
                            (dialect_.header ? ", as the header has" : ", as the lines before"));
    float weight = 1;
    if (dialect_.value != csv_dialect::none)
      weight = numbers_.read(decimals_.with_point(fields_[dialect_.value].text, number), number);
    const csv_field &source = fields_[dialect_.source], &target = fields_[dialect_.target];
    // Where all is in quotes, quotes say nothing about what is text.
    const bool quotes_mean_text = dialect_.ids_quoted && dialect_.value != csv_dialect::none &&
                                  !fields_[dialect_.value].quoted;
    edges_->add({source.text, quotes_mean_text && source.quoted},
                {target.text, quotes_mean_text && target.quoted}, weight, number);
    if (dialect_.type != csv_dialect::none)
      signs_.check(column_role::type, fields_[dialect_.type].text, weight, number);
    if (dialect_.sign != csv_dialect::none)
      signs_.check(column_role::sign, fields_[dialect_.sign].text, weight, number);
  }

  void finish(text_encoding encoding) {
    decimals_.finish();
    std::string how = described(dialect_, to_.how.values);
    const auto add = [&](const char* what) {
      how += (how.empty() ? "" : ", ") + std::string(what);
    };
    if (decimals_.commas_found()) add("decimal commas");
    if (decimals_.points_by_all()) add("decimal points");
    if (encoding != text_encoding::utf8) add("UTF-16");
    if (old_mac_ && line_ > 1) add("line ends of old Macs");
    if (!how.empty()) to_.remarks.push_back(to_.file + ": " + how);
    note_columns();
    signs_.finish(to_);
    edges_->finish();
    if (nodes_) take_exported_nodes(*nodes_, to_);
    numbers_.finish(to_);
  }

  // Columns that say nothing but what others say: those of our own exports.
  bool is_known(const std::string& name) const {
    return dialect_.names == exported_columns() && (name == "Id" || name == "Magnitude");
  }

  // Which columns that the user names the file has.
  void note_choices() {
    const auto note = [&](std::optional<std::string>& choice, std::size_t at) {
      if (!choice || at == csv_dialect::none) return;
      const bool named = !dialect_.names.empty() && lower(dialect_.names[at]) == lower(*choice);
      if (named || std::to_string(at + 1) == *choice) choice.reset();
    };
    note(to_.choices_not_found.source, dialect_.source);
    note(to_.choices_not_found.target, dialect_.target);
    note(to_.choices_not_found.weight, dialect_.value);
    note(to_.choices_not_found.sign, dialect_.sign);
  }

  void note_columns() {
    std::string others;
    const csv_dialect& d = dialect_;
    for (std::size_t i = 0; i < d.names.size(); ++i) {
      const bool used =
          i == d.source || i == d.target || i == d.value || i == d.type || i == d.sign;
      if (used || d.names[i].empty() || is_known(d.names[i])) continue;
      to_.not_used.push_back("column " + shown(d.names[i]) + " (" + to_.file + ")");
      others += (others.empty() ? "" : ", ") + shown(d.names[i]);
    }
    if (d.value != csv_dialect::none) return;
    to_.has_values = false;
    const std::string found = "no column " + expected_names(to_.how.values);
    if (to_.how.values != edge_values::weights)
      throw input_error(to_.file, found,
                        "one with the " + std::string(name(to_.how.values)) + " of each edge",
                        "--columns weight=NAME names it");
    to_.remarks.push_back(to_.file + ": " + found + ": all " + std::to_string(to_.edges.size()) +
                          " edges have weight 1" + (others.empty() ? "" : "; not read: " + others));
  }

  edge_list& to_;
  std::optional<edge_collector> edges_;
  std::optional<graph_nodes> nodes_;  // of our own export, beside the edges
  edge_numbers numbers_;
  edge_signs signs_;
  decimal_signs decimals_;
  csv_dialect dialect_;
  std::uint64_t line_ = 0;
  bool old_mac_ = false;
  std::vector<csv_field> fields_;
  std::deque<std::string> room_;
};

}  // namespace

void read_csv(const std::filesystem::path& file, edge_list& to) {
  text_blocks blocks(file);
  csv_reader(to).read(blocks);
}

}  // namespace bdh::graph_formats
