#include "io/graph/sonata_attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"
#include "io/graph/hdf5_values.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::size_t most_groups = 64;
constexpr std::size_t longest_text = 255;  // bytes

array<double> numbers_in(const hdf5::dataset& from) {
  array<double> all(from.shape()[0]);
  const auto take = [&](std::uint64_t first, auto values) {
    for (std::size_t i = 0; i < values.size(); ++i) all[first + i] = static_cast<double>(values[i]);
  };
  from.visit_numbers(from.shape()[0], {take, take, take});
  return all;
}

}  // namespace

array<std::int64_t> read_type_ids(const hdf5::dataset& from) {
  array<std::int64_t> all(from.shape()[0]);
  const auto take = [&](std::uint64_t first, auto values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      all[first + i] = static_cast<std::int64_t>(values[i]);
  };
  const auto refuse = [&](std::uint64_t, std::span<const double>) {
    throw input_error(from.place(), "another element type", "integers");
  };
  from.visit_numbers(from.shape()[0], {take, take, refuse});
  return all;
}

bool attribute_groups::numbered::has(std::string_view name) const {
  return std::ranges::binary_search(members, name);
}

attribute_groups::attribute_groups(const hdf5::group& population, const std::string& kind,
                                   std::uint64_t rows)
    : rows_(rows) {
  for (const std::string& name : population.names()) {
    const auto number = whole_number(name);
    if (!number) continue;
    if (groups_.size() == most_groups)
      throw input_error(population.place(), "more than " + std::to_string(most_groups) + " groups",
                        "fewer");
    hdf5::group in = population.open_group(name.c_str());
    std::vector<std::string> members = in.names();
    std::ranges::sort(members);
    groups_.push_back({*number, std::move(in), std::move(members)});
  }
  const std::string of = kind + "_group_id", at = kind + "_group_index";
  if (!population.has(of.c_str()) || !population.has(at.c_str())) {
    if (groups_.size() > 1)
      throw input_error(population.place(),
                        std::to_string(groups_.size()) + " groups without " + of,
                        of + " and " + at + ", which say what belongs to which");
    return;
  }
  const hdf5::dataset of_set = population.open_dataset(of.c_str()),
                      at_set = population.open_dataset(at.c_str());
  for (const hdf5::dataset* d : {&of_set, &at_set})
    if (d->shape() != hdf5::extents{rows})
      throw input_error(d->place(), "another number of rows", std::to_string(rows));
  group_ = of_set.read_integers(rows, ~std::uint64_t{0} >> 1);
  place_ = at_set.read_integers(rows, ~std::uint64_t{0} >> 1);
  std::vector<std::uint64_t> known;
  for (const numbered& g : groups_) known.push_back(g.number);
  std::ranges::sort(known);
  bool plain = groups_.size() == 1;
  for (std::uint64_t row = 0; row < rows; ++row) {
    if (!known.empty() && !std::ranges::binary_search(known, group_[row]))
      throw input_error(of_set.place() + "[" + std::to_string(row) + "]",
                        "group " + std::to_string(group_[row]), "a group of the population");
    plain = plain && place_[row] == row;
  }
  if (!plain && !groups_.empty()) return;
  group_ = {};
  place_ = {};
}

std::vector<std::string> attribute_groups::names() const {
  std::set<std::string> all;
  for (const numbered& g : groups_) all.insert(g.members.begin(), g.members.end());
  return {all.begin(), all.end()};
}

bool attribute_groups::has(std::string_view name) const {
  return std::ranges::any_of(groups_, [&](const numbered& g) { return g.has(name); });
}

template <class Values, class Use>
void attribute_groups::each_row(const numbered& group, const hdf5::dataset& from,
                                const Values& values, Use use) const {
  const auto value_at = [&](std::uint64_t row, std::uint64_t place) {
    if (place >= values.size())
      throw input_error(from.place(), std::to_string(values.size()) + " values",
                        "one for row " + std::to_string(row) + ", number " + std::to_string(place));
    use(row, values[place]);
  };
  if (group_.empty()) {
    for (std::uint64_t row = 0; row < rows_; ++row) value_at(row, row);
    return;
  }
  for (std::uint64_t row = 0; row < rows_; ++row)
    if (group_[row] == group.number) value_at(row, place_[row]);
}

void attribute_groups::each_number(const std::string& name,
                                   const std::function<void(std::uint64_t, double)>& use) const {
  for (const numbered& g : groups_) {
    if (!g.has(name)) continue;
    const hdf5::dataset from = g.in.open_dataset(name.c_str());
    each_row(g, from, numbers_in(from), use);
  }
}

void attribute_groups::each_weight(const std::string& name, edge_numbers& numbers, edge_list& list,
                                   const std::function<void(std::uint64_t, float)>& use) const {
  for (const numbered& g : groups_) {
    if (!g.has(name)) continue;
    const hdf5::dataset from = g.in.open_dataset(name.c_str());
    each_row(g, from, read_weights(from, from.shape()[0], numbers, list), use);
  }
}

void attribute_groups::each_text(const std::string& name,
                                 const std::function<void(std::uint64_t, const std::string&)>& use,
                                 bool numbers_too) const {
  for (const numbered& g : groups_) {
    if (!g.has(name)) continue;
    const hdf5::dataset from = g.in.open_dataset(name.c_str());
    if (from.has_strings()) {
      each_row(g, from, from.read_strings(from.shape()[0], longest_text), use);
      continue;
    }
    std::optional<hdf5::group> library;
    if (g.in.has("@library")) library = g.in.open_group("@library");
    if (!library || !library->has(name.c_str())) {
      if (numbers_too)
        each_row(g, from, numbers_in(from),
                 [&](std::uint64_t row, double number) { use(row, fmt::format("{}", number)); });
      continue;
    }
    const hdf5::dataset of = library->open_dataset(name.c_str());
    if (from.shape().size() != 1 || of.shape().size() != 1)
      throw input_error(from.place(), "more than one dimension", "a list");
    const std::vector<std::string> texts = of.read_strings(of.shape()[0], longest_text);
    const array<std::uint64_t> number =
        from.read_integers(from.shape()[0], texts.empty() ? 0 : texts.size() - 1);
    if (!texts.empty())
      each_row(g, from, number, [&](std::uint64_t row, std::uint64_t k) { use(row, texts[k]); });
  }
}

std::vector<std::string> attribute_groups::others(const std::vector<std::string>& used) const {
  std::vector<std::string> all;
  for (const numbered& g : groups_)
    for (const std::string& name : g.members)
      if (name != "@library" && std::ranges::find(used, name) == used.end())
        all.push_back("attribute '" + name + "' (" + g.in.place() + ")");
  return all;
}

}  // namespace bdh::graph_formats
