#include "io/graph/graph_file.hpp"

#include <charconv>
#include <cmath>
#include <filesystem>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/mapped_file.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh {
namespace graph_formats {

std::optional<std::string_view> line_reader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = rest_.find('\n');
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return line;
}

std::string shown(std::string_view text) {
  return "'" + std::string(text.substr(0, 40)) + (text.size() > 40 ? "..." : "") + "'";
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

float weight_of(std::string_view text, const std::string& place) {
  double value = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const auto weight = static_cast<float>(value);
  if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size() ||
      !std::isfinite(weight))
    throw input_error(place, shown(text), "a finite weight");
  return weight;
}

void check_type(std::string_view type, float weight, const std::string& place) {
  const std::string word = lower(type);
  if ((word == "excitatory" && weight < 0) || (word == "inhibitory" && weight > 0))
    throw input_error(place, word + " with weight " + std::to_string(weight),
                      "inhibitory edges, and no others, below 0");
  if (word == "undirected")
    throw input_error(place, "an undirected edge", "directed edges, source -> target",
                      "write it once for each direction");
}

bool is_name(std::string_view text) noexcept {
  const auto controls = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= longest_name && std::ranges::none_of(text, controls) &&
         is_utf8(text);
}

neuron_id name_table::number_of(std::string_view name, const std::string& place) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  if (!is_name(name))
    throw input_error(
        place,
        name.empty() ? "a node without a name"
                     : "a name of " + std::to_string(name.size()) + " bytes",
        "1 to " + std::to_string(longest_name) + " bytes of UTF-8 without control characters");
  const auto number = static_cast<neuron_id>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  return number;
}

}  // namespace graph_formats

std::string edge_list::place(std::uint64_t line) const {
  return lines ? file + ":" + std::to_string(line) : file + "/data[" + std::to_string(line) + "]";
}

edge_list read_graph_file(const std::string& file, bool one_population) {
  edge_list list;
  list.file = file;
  list.one_population = one_population;
  std::error_code failed;
  const std::size_t colon = file.rfind(":/");
  if (colon != std::string::npos && colon > 0 && !std::filesystem::exists(file, failed)) {
    graph_formats::read_hdf5(file.substr(0, colon), file.substr(colon + 1), list);
    return list;
  }
  const mapped_file mapped(file);
  std::string_view text = as_text(mapped.bytes());
  if (text.starts_with("\x89HDF"))
    throw input_error(file, "an HDF5 file", "the group in it that holds the matrix",
                      "for example " + file + ":/projections/gx");
  // The byte order mark of some spreadsheets.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string_view start =
      text.substr(0, std::min<std::size_t>(text.size(), text.find_first_not_of(" \t\r\n") + 16));
  if (graph_formats::lower(text.substr(0, 14)) == "%%matrixmarket")
    graph_formats::read_matrix_market(text, list);
  else if (start.find('<') != std::string_view::npos)
    graph_formats::read_graphml(text, list);
  else
    graph_formats::read_csv(text, list);
  return list;
}

}  // namespace bdh
