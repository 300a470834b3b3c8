#include "io/graph/sonata_nodes.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/edge_signs.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/sonata_attributes.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_ids = ~std::uint64_t{0} >> 1;
// Of nodes, in groups and in tables of types.
constexpr const char* sign_attributes[] = {"synapse_class", "ei"};

class node_reader {
 public:
  node_reader(const hdf5::group& population, const type_table& types, const column_choice& chosen)
      : population_(population),
        types_(types),
        chosen_(chosen),
        type_set_(population.open_dataset("node_type_id")),
        attributes_(population, "node", rows()) {}

  sonata_nodes run() {
    nodes_.size = rows();
    if (population_.has("node_id")) read_ids();
    if (attributes_.has("name")) read_names();
    read_signs();
    nodes_.not_used = attributes_.others(used_);
    for (const std::string& column : types_.columns())
      if (column != "node_type_id" && column != used_column_)
        nodes_.not_used.push_back("column '" + column + "' (" + types_.file() + ")");
    return std::move(nodes_);
  }

 private:
  std::uint64_t rows() const {
    if (type_set_.shape().size() != 1)
      throw input_error(type_set_.place(), "more than one dimension", "a list");
    return type_set_.shape()[0];
  }

  void read_ids() {
    const hdf5::dataset set = population_.open_dataset("node_id");
    if (set.shape() != hdf5::extents{rows()})
      throw input_error(set.place(), "another number of rows", std::to_string(rows()));
    const array<std::uint64_t> ids = set.read_integers(rows(), most_ids);
    std::unordered_set<std::uint64_t> seen;
    bool plain = true;
    for (std::uint64_t row = 0; row < ids.size(); ++row) {
      plain = plain && ids[row] == row;
      if (!seen.insert(ids[row]).second)
        throw input_error(set.place() + "[" + std::to_string(row) + "]",
                          "node " + std::to_string(ids[row]) + " again", "each id once");
    }
    if (!plain) nodes_.ids.assign(ids.begin(), ids.end());
  }

  std::uint64_t id_of(std::uint64_t row) const {
    return nodes_.ids.empty() ? row : nodes_.ids[row];
  }

  void read_names() {
    std::vector<std::string> names(rows());
    attributes_.each_text("name",
                          [&](std::uint64_t row, const std::string& text) { names[row] = text; });
    std::unordered_set<std::string_view> seen;
    bool good = true, ids = true;
    for (std::uint64_t row = 0; row < names.size(); ++row) {
      good = good && is_name(names[row]) && seen.insert(names[row]).second;
      ids = ids && names[row] == std::to_string(id_of(row));
    }
    if (!good && !ids) return;
    used_.push_back("name");
    // Our own exports say which of the two is meant.
    if (population_.has_attribute("bdh_ids"))
      ids = population_.text_of_any_length("bdh_ids") == "numbers" && ids;
    if (!ids) nodes_.names = std::move(names);
  }

  void read_signs() {
    if (chosen_.no_signs()) return;
    const std::vector<std::string> names =
        chosen_.sign
            ? std::vector{*chosen_.sign}
            : std::vector<std::string>(std::begin(sign_attributes), std::end(sign_attributes));
    for (const std::string& name : names) {
      if (!attributes_.has(name)) continue;
      stated_signs stated(name, chosen_.sign.has_value(), rows());
      attributes_.each_text(
          name, [&](std::uint64_t row, const std::string& word) { stated.take(row, word); },
          stated.takes_numbers());
      std::vector<std::int8_t> signs = stated.finish(population_.place());
      if (!stated.any()) continue;
      used_.push_back(name);
      nodes_.sign_from = "attribute '" + name + "' (" + population_.place() + ")";
      nodes_.signs = std::move(signs);
      return;
    }
    for (const std::string& name : names) {
      const auto column = types_.column(name);
      if (!column) continue;
      stated_signs stated(name, chosen_.sign.has_value(), rows());
      const array<std::int64_t> type = read_type_ids(type_set_);
      for (std::uint64_t row = 0; row < type.size(); ++row)
        if (const auto word = types_.value(type[row], *column)) stated.take(row, *word);
      std::vector<std::int8_t> signs = stated.finish(population_.place());
      if (!stated.any()) continue;
      used_column_ = name;
      nodes_.sign_from = "column '" + name + "' (" + types_.file() + ")";
      nodes_.signs = std::move(signs);
      return;
    }
  }

  const hdf5::group& population_;
  const type_table& types_;
  const column_choice& chosen_;
  hdf5::dataset type_set_;
  attribute_groups attributes_;
  sonata_nodes nodes_;
  std::vector<std::string> used_;
  std::string used_column_;
};

}  // namespace

sonata_nodes read_sonata_nodes(const hdf5::group& population, const type_table& types,
                               const column_choice& chosen) {
  return node_reader(population, types, chosen).run();
}

}  // namespace bdh::graph_formats
