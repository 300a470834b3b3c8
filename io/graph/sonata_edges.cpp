#include "io/graph/sonata_edges.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/column_names.hpp"
#include "io/graph/edge_signs.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/sonata_attributes.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_ids = ~std::uint64_t{0} >> 1;
// From here on, syn_type_id means excitatory.
constexpr double first_excitatory = 100;
constexpr const char* sign_attributes[] = {"sign", "synapse_class", "syn_type", "synapse_type",
                                           "type"};
// Of a population, beside its groups: what is read, and what follows from it.
constexpr std::string_view known_members[] = {"edge_type_id",  "source_node_id",   "target_node_id",
                                              "edge_group_id", "edge_group_index", "indices",
                                              "edge_id"};

class edge_reader {
 public:
  edge_reader(const hdf5::group& population, const type_table& types, edge_list& list)
      : population_(population),
        types_(types),
        list_(list),
        source_set_(population.open_dataset("source_node_id")),
        target_set_(population.open_dataset("target_node_id")),
        rows_(count_rows()),
        attributes_(population, "edge", rows_) {}

  sonata_edges run() {
    edges_.place = population_.place();
    edges_.source_population = population_of(source_set_);
    edges_.target_population = population_of(target_set_);
    edges_.source = source_set_.read_integers(rows_, most_ids);
    edges_.target = target_set_.read_integers(rows_, most_ids);
    read_types();
    expect_no_function();
    read_weights_of_all();
    read_signs();
    name_others();
    return std::move(edges_);
  }

 private:
  std::uint64_t count_rows() const {
    for (const hdf5::dataset* d : {&source_set_, &target_set_})
      if (d->shape().size() != 1)
        throw shape_error(d->place(), std::to_string(d->shape().size()) + " dimensions", "1");
    if (target_set_.shape() != source_set_.shape())
      throw shape_error(target_set_.place(), std::to_string(target_set_.shape()[0]) + " ids",
                        std::to_string(source_set_.shape()[0]) + ", as source_node_id has");
    if (source_set_.shape()[0] > most_lines)
      throw unavailable_error(source_set_.place(),
                              std::to_string(source_set_.shape()[0]) + " edges",
                              "at most " + std::to_string(most_lines));
    return source_set_.shape()[0];
  }

  static std::string population_of(const hdf5::dataset& set) {
    return set.has_attribute("node_population") ? set.text_of_any_length("node_population")
                                                : std::string();
  }

  void read_types() {
    if (!population_.has("edge_type_id")) return;
    const hdf5::dataset set = population_.open_dataset("edge_type_id");
    if (set.shape() != hdf5::extents{rows_})
      throw input_error(set.place(), "another number of rows", std::to_string(rows_));
    type_ = read_type_ids(set);
    const auto missing =
        std::ranges::find_if(type_, [&](std::int64_t t) { return t >= 0 && !types_.has(t); });
    if (missing == type_.end()) return;
    const std::string type = "edge type " + std::to_string(*missing);
    if (!types_.file().empty())
      throw input_error(set.place() + "[" + std::to_string(missing - type_.begin()) + "]", type,
                        "a type of " + types_.file());
    list_.remarks.push_back(set.place() + ": " + type +
                            ": no table of edge types beside the file; what types say of weights "
                            "and signs is not known");
  }

  // Weights that a function of the simulator computes.
  void expect_no_function() const {
    const auto column = types_.column("weight_function");
    if (!column) return;
    for (const std::int64_t t : type_)
      if (const auto function = types_.value(t, *column); function && *function != "wmax")
        throw unavailable_error(types_.place_of(t), "weights by the function " + shown(*function),
                                "weights as numbers", "write them into syn_weight");
  }

  // The weight among attributes or columns: the user's choice; syn_weight, which SONATA reserves
  // for it; another name. Empty: none.
  std::string weight_name(const std::vector<std::string>& names) const {
    const auto has = [&](std::string_view name) {
      return std::ranges::find(names, name) != names.end();
    };
    if (const auto& chosen = list_.how.columns.weight) return has(*chosen) ? *chosen : "";
    if (list_.how.values == edge_values::weights && has("syn_weight")) return "syn_weight";
    const auto found =
        find_column(column_role::value, list_.how.values, names, population_.place());
    return found ? names[*found] : "";
  }

  // What an edge's own group says goes before what its type does, whatever the two are called.
  void find_weight_names() {
    of_group_ = weight_name(attributes_.names());
    of_type_ = weight_name(types_.columns());
    if (!of_group_.empty() || !of_type_.empty()) {
      list_.choices_not_found.weight.reset();
      return;
    }
    if (list_.how.columns.weight)
      throw input_error(population_.place(), "no attribute " + shown(*list_.how.columns.weight),
                        "the one that --columns names");
    if (attributes_.has("syn_weight")) of_group_ = "syn_weight";
    if (types_.column("syn_weight")) of_type_ = "syn_weight";
  }

  // The number that an edge has by its type; of every type once.
  template <class Use>
  void each_of_types(const std::string& name, Use use) {
    const auto column = types_.column(name);
    if (!column || type_.empty()) return;
    edge_list place;
    place.file = types_.file();
    place.how = list_.how;
    edge_numbers numbers(place);
    std::unordered_map<std::int64_t, std::optional<float>> known;
    for (std::uint64_t row = 0; row < rows_; ++row) {
      const auto [at, is_new] = known.try_emplace(type_[row]);
      if (is_new)
        if (const auto text = types_.value(type_[row], *column))
          at->second = numbers.read(*text, types_.line_of(type_[row]));
      if (at->second) use(row, *at->second);
    }
    numbers.finish(list_);
    used_columns_.push_back(name);
  }

  void read_weights_of_all() {
    find_weight_names();
    if (of_group_.empty() && of_type_.empty()) return;
    std::vector<bool> known(rows_);
    edges_.weight.resize(rows_);
    const auto set = [&](std::uint64_t row, float weight) {
      if (known[row]) return;
      edges_.weight[row] = weight;
      known[row] = true;
    };
    const auto missing = [&] { return std::ranges::find(known, false); };
    if (!of_group_.empty()) {
      edge_numbers numbers(list_);
      attributes_.each_weight(of_group_, numbers, list_, set);
      numbers.finish(list_);
      used_.push_back(of_group_);
    }
    if (!of_type_.empty() && missing() != known.end()) each_of_types(of_type_, set);
    if (missing() != known.end())
      throw input_error(population_.place() + "[" + std::to_string(missing() - known.begin()) + "]",
                        "no " + (of_group_.empty() ? of_type_ : of_group_) +
                            " in the edge's group, nor of its type",
                        "a weight for every edge, or for none");
    if (list_.how.values == edge_values::weights) multiply_synapses();
  }

  // An edge may stand for several synapses.
  void multiply_synapses() {
    bool any = false;
    const auto multiply = [&](std::uint64_t row, double synapses) {
      if (!(synapses >= 0 && synapses <= 1e9))
        throw input_error(population_.place() + "[" + std::to_string(row) + "]",
                          "nsyns " + std::to_string(synapses), "a number of synapses");
      edges_.weight[row] = static_cast<float>(edges_.weight[row] * synapses);
      any = any || synapses != 1;
    };
    if (attributes_.has("nsyns")) {
      attributes_.each_number("nsyns", multiply);
      used_.emplace_back("nsyns");
    } else {
      each_of_types("nsyns", multiply);
    }
    if (any)
      list_.remarks.push_back(population_.place() +
                              ": weights are multiplied by nsyns, the synapses of an edge");
  }

  void read_signs() {
    const std::optional<std::string>& chosen = list_.how.columns.sign;
    if (list_.how.columns.no_signs()) return;
    const std::vector<std::string> names =
        chosen ? std::vector{*chosen}
               : std::vector<std::string>(std::begin(sign_attributes), std::end(sign_attributes));
    std::vector<std::int8_t> signs(rows_);
    const auto take = [&](const std::string& from) {
      edges_.signs = std::move(signs);
      edges_.sign_from = from;
      if (chosen) list_.choices_not_found.sign.reset();
    };
    const auto attribute = [&](const std::string& name) {
      used_.push_back(name);
      take("attribute '" + name + "'");
    };
    if (attributes_.has("syn_type_id") && chosen.value_or("syn_type_id") == "syn_type_id") {
      attributes_.each_number("syn_type_id", [&](std::uint64_t row, double type) {
        signs[row] = type < first_excitatory ? -1 : 1;
      });
      return attribute("syn_type_id");
    }
    for (const std::string& name : names) {
      if (!attributes_.has(name)) continue;
      stated_signs stated(name, chosen.has_value(), rows_);
      attributes_.each_text(
          name, [&](std::uint64_t row, const std::string& word) { stated.take(row, word); },
          stated.takes_numbers());
      signs = stated.finish(population_.place());
      if (stated.any()) return attribute(name);
    }
    for (const std::string& name : names) {
      const auto column = types_.column(name);
      if (!column) continue;
      stated_signs stated(name, chosen.has_value(), rows_);
      for (std::uint64_t row = 0; row < type_.size(); ++row)
        if (const auto word = types_.value(type_[row], *column)) stated.take(row, *word);
      signs = stated.finish(population_.place());
      if (!stated.any()) continue;
      used_columns_.push_back(name);
      return take("column '" + name + "' (" + types_.file() + ")");
    }
  }

  void name_others() {
    std::vector<std::string>& all = list_.not_used;
    used_.emplace_back("edge_id");
    for (std::string& one : attributes_.others(used_)) all.push_back(std::move(one));
    for (const std::string& column : types_.columns()) {
      const bool used = std::ranges::find(used_columns_, column) != used_columns_.end();
      // `sign` says what syn_type_id says.
      const bool again = edges_.sign_from == "attribute 'syn_type_id'" && column == "sign";
      if (column != "edge_type_id" && !used && !again)
        all.push_back("column '" + column + "' (" + types_.file() + ")");
    }
    for (const std::string& name : population_.names())
      if (!whole_number(name) && std::ranges::find(known_members, name) == std::end(known_members))
        all.push_back("'" + name + "' (" + population_.place() + ")");
  }

  const hdf5::group& population_;
  const type_table& types_;
  edge_list& list_;
  hdf5::dataset source_set_, target_set_;
  std::uint64_t rows_;
  attribute_groups attributes_;
  sonata_edges edges_;
  array<std::int64_t> type_;
  std::vector<std::string> used_, used_columns_;
  std::string of_group_, of_type_;  // how the weight is called; empty: not there
};

}  // namespace

sonata_edges read_sonata_edges(const hdf5::group& population, const type_table& types,
                               edge_list& list) {
  return edge_reader(population, types, list).run();
}

void apply_signs(sonata_edges& edges, edge_list& list) {
  if (edges.signs.empty() || edges.weight.empty()) return;
  const bool all_positive = std::ranges::none_of(edges.weight, [](float w) { return w < 0; });
  std::uint64_t negated = 0;
  for (std::uint64_t row = 0; row < edges.weight.size(); ++row) {
    float& weight = edges.weight[row];
    if (edges.signs[row] < 0 && !std::signbit(weight)) {
      if (!all_positive && weight > 0)
        throw input_error(
            edges.place + "[" + std::to_string(row) + "]",
            "inhibitory by " + edges.sign_from + ", with weight " + std::to_string(weight),
            "inhibitory edges, and no others, below 0");
      weight = -weight;
      ++negated;
    }
    if (edges.signs[row] > 0 && weight < 0)
      throw input_error(
          edges.place + "[" + std::to_string(row) + "]",
          "excitatory by " + edges.sign_from + ", with weight " + std::to_string(weight),
          "inhibitory edges, and no others, below 0");
  }
  if (negated != 0)
    list.remarks.push_back(edges.place + ": weights of " + std::to_string(negated) +
                           " edges, inhibitory by " + edges.sign_from + ", are taken below 0");
}

}  // namespace bdh::graph_formats
