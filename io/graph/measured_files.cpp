#include "io/graph/measured_files.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/csv_table.hpp"
#include "io/graph/edge_signs.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t most_measured = 100'000'000;  // neurons of a file of a few lines

// A table, and which of its columns were read.
class measured_table {
 public:
  explicit measured_table(const std::string& file) : table_(read_csv_table(file)) {
    used_.assign(table_.columns.size(), false);
  }

  const std::vector<csv_table::row>& rows() const { return table_.rows; }
  const std::string& file() const { return table_.file; }
  std::string place(const csv_table::row& r) const { return table_.place(r); }

  // The first of these names that there is.
  std::optional<std::size_t> find(std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (const auto c = table_.column(name)) {
        used_[*c] = true;
        return c;
      }
    return std::nullopt;
  }
  std::size_t column(std::initializer_list<const char*> names) {
    if (const auto c = find(names)) return *c;
    std::string known;
    for (const std::string& name : table_.columns) known += (known.empty() ? "" : ", ") + name;
    throw input_error(table_.file, "columns " + known, std::string("a column ") + *names.begin());
  }

  template <class T>
  T number(const csv_table::row& r, std::size_t column, T least, T most,
           const char* expected) const {
    const std::string& text = r.fields[column];
    const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
    T value{};
    const auto [end, failed] = std::from_chars(begin, text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || begin == end ||
        !(value >= least && value <= most))
      throw input_error(place(r), table_.columns[column] + " '" + text + "'", expected);
    return value;
  }

  bool inhibits(const csv_table::row& r, std::size_t column) const {
    const std::string& text = r.fields[column];
    const auto means = graph_formats::meaning_of(graph_formats::column_role::sign, text);
    if (means == graph_formats::sign_word::excitatory) return false;
    if (means == graph_formats::sign_word::inhibitory) return true;
    throw input_error(place(r), table_.columns[column] + " '" + text + "'",
                      "+1 or excitatory, -1 or inhibitory");
  }

  std::vector<std::string> not_used() const {
    std::vector<std::string> all;
    for (std::size_t c = 0; c < used_.size(); ++c)
      if (!used_[c]) all.push_back(table_.file + ": column " + table_.columns[c]);
    return all;
  }

 private:
  csv_table table_;
  std::vector<bool> used_;
};

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A neuron is called by its name or by its number, and never by the number of another one.
std::vector<std::string> names_in(const measured_table& t, std::size_t column) {
  std::vector<std::string> names;
  std::unordered_set<std::string_view> seen;
  bool counted = true;
  for (std::size_t i = 0; i < t.rows().size(); ++i)
    counted = counted && t.rows()[i].fields[column] == std::to_string(i);
  if (counted) return names;
  for (const csv_table::row& r : t.rows()) {
    const std::string& name = r.fields[column];
    if (name.empty() || name.size() > 255)
      throw input_error(t.place(r), "a name of " + std::to_string(name.size()) + " bytes",
                        "1 to 255 bytes");
    if (is_number(name))
      throw input_error(t.place(r), "name " + name, "a text, or numbers that count rows from 0");
    if (!seen.insert(name).second)
      throw input_error(t.place(r), "name '" + name + "' again", "names that are all different");
    names.push_back(name);
  }
  return names;
}

measured_neurons neurons_in(measured_table& t) {
  measured_neurons n;
  if (const auto name = t.find({"name"})) n.names = names_in(t, *name);
  if (const auto sign = t.find({"sign"}))
    for (const csv_table::row& r : t.rows()) n.inhibits.push_back(t.inhibits(r, *sign));
  n.not_used = t.not_used();
  return n;
}

std::unordered_map<std::string, std::size_t> positions_of(const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < names.size(); ++i) at.emplace(names[i], i);
  return at;
}

// The sizes and signs of populations.
measured_populations sizes_in(measured_table& t) {
  measured_populations m;
  const std::size_t name = t.column({"population", "name"}), size = t.column({"size"}),
                    sign = t.column({"sign"});
  std::uint64_t neurons = 0;
  constexpr std::size_t most_populations = 10'000;
  for (const csv_table::row& r : t.rows()) {
    const auto n = t.number<std::uint64_t>(r, size, 1, most_measured, "1 to 100000000 neurons");
    const bool inhibits = t.inhibits(r, sign);
    neurons += n;
    if (neurons > most_measured || m.populations.size() == most_populations)
      throw input_error(t.place(r), "more neurons or populations",
                        "up to 100000000 neurons in 10000 populations");
    if (r.fields[name].empty() ||
        std::ranges::find(m.populations, r.fields[name]) != m.populations.end())
      throw input_error(t.place(r), "population '" + r.fields[name] + "'",
                        "a name that no other one has");
    m.populations.push_back(r.fields[name]);
    m.blocks.sizes.push_back(static_cast<neuron_id>(n));
    m.neurons.inhibits.insert(m.neurons.inhibits.end(), n, inhibits);
  }
  if (m.populations.empty()) throw input_error(t.file(), "no rows", "a row for each population");
  return m;
}

}  // namespace

measured_degrees read_degrees(const std::string& file) {
  measured_table t(file);
  measured_degrees m;
  const std::size_t out = t.column({"out", "out_degree"}), in = t.column({"in", "in_degree"});
  for (const csv_table::row& r : t.rows()) {
    const auto degree = [&](std::size_t column) {
      return static_cast<neuron_id>(
          t.number<std::uint64_t>(r, column, 0, most_measured, "a number of edges"));
    };
    m.degrees.out.push_back(degree(out));
    m.degrees.in.push_back(degree(in));
  }
  m.neurons = neurons_in(t);
  return m;
}

measured_positions read_positions(const std::string& file) {
  measured_table t(file);
  measured_positions m;
  const std::size_t x = t.column({"x"}), y = t.column({"y"});
  const auto z = t.find({"z"});
  constexpr double far = 1e15;
  for (const csv_table::row& r : t.rows()) {
    const auto at = [&](std::size_t column) {
      return t.number<double>(r, column, -far, far, "a number from -1e15 to 1e15");
    };
    m.positions.push_back({at(x), at(y), z ? at(*z) : 0});
  }
  m.neurons = neurons_in(t);
  return m;
}

measured_populations read_populations(const std::string& populations,
                                      const std::string& probabilities) {
  measured_table sizes(populations);
  measured_populations m = sizes_in(sizes);
  m.neurons.not_used = sizes.not_used();
  measured_table t(probabilities);
  const std::size_t source = t.column({"source"}), target = t.column({"target"}),
                    probability = t.column({"probability"});
  const auto known = positions_of(m.populations);
  const std::size_t count = m.populations.size();
  constexpr std::size_t most_pairs = 4'000'000;
  if (count * count > most_pairs)
    throw input_error(populations, std::to_string(count) + " populations", "up to 2000");
  m.blocks.probability.assign(count * count, 0.0);
  std::vector<bool> listed(count * count);
  for (const csv_table::row& r : t.rows()) {
    const auto population = [&](std::size_t column) {
      const auto found = known.find(r.fields[column]);
      if (found == known.end())
        throw input_error(t.place(r), "population '" + r.fields[column] + "'",
                          "one of " + populations);
      return found->second;
    };
    const std::size_t pair = population(source) * count + population(target);
    if (listed[pair])
      throw input_error(t.place(r), r.fields[source] + " -> " + r.fields[target] + " again",
                        "each pair once");
    listed[pair] = true;
    m.blocks.probability[pair] = t.number<double>(r, probability, 0.0, 1.0, "0 to 1");
  }
  m.pairs_not_listed = static_cast<std::size_t>(std::ranges::count(listed, false));
  for (std::string& column : t.not_used()) m.neurons.not_used.push_back(std::move(column));
  return m;
}

}  // namespace bdh
