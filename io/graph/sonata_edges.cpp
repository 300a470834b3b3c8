#include "io/graph/sonata_edges.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/column_names.hpp"
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

  std::string weight_name() const {
    std::set<std::string> all;
    for (const std::string& name : attributes_.names()) all.insert(name);
    for (const std::string& name : types_.columns()) all.insert(name);
    if (list_.how.columns.weight) {
      if (!all.contains(*list_.how.columns.weight))
        throw input_error(population_.place(), "no attribute " + shown(*list_.how.columns.weight),
                          "the one that --columns names");
      list_.choices_not_found.weight.reset();
      return *list_.how.columns.weight;
    }
    const std::vector<std::string> names(all.begin(), all.end());
    const auto found =
        find_column(column_role::value, list_.how.values, names, population_.place());
    if (found) return names[*found];
    return all.contains("syn_weight") ? "syn_weight" : "";
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
    const std::string name = weight_name();
    if (name.empty()) return;
    std::vector<bool> known(rows_);
    edges_.weight.resize(rows_);
    const auto set = [&](std::uint64_t row, float weight) {
      edges_.weight[row] = weight;
      known[row] = true;
    };
    each_of_types(name, set);  // the edges' own come after them
    edge_numbers numbers(list_);
    attributes_.each_weight(name, numbers, list_, set);
    numbers.finish(list_);
    used_.push_back(name);
    const auto missing = std::ranges::find(known, false);
    if (missing != known.end())
      throw input_error(population_.place() + "[" + std::to_string(missing - known.begin()) + "]",
                        "no " + name + " in the edge's group, nor of its type",
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
    std::vector<std::int8_t> signs(rows_);
    const auto any = [&] { return std::ranges::any_of(signs, [](int s) { return s != 0; }); };
    const auto take = [&](const std::string& from) {
      edges_.signs = std::move(signs);
      edges_.sign_from = from;
    };
    const auto attribute = [&](const std::string& name) {
      used_.push_back(name);
      take("attribute '" + name + "'");
    };
    if (attributes_.has("syn_type_id")) {
      attributes_.each_number("syn_type_id", [&](std::uint64_t row, double type) {
        signs[row] = type < first_excitatory ? -1 : 1;
      });
      return attribute("syn_type_id");
    }
    const auto set = [&](std::uint64_t row, std::string_view word) {
      signs[row] = static_cast<std::int8_t>(sign_of_word(word));
    };
    for (const char* name : sign_attributes) {
      if (!attributes_.has(name)) continue;
      attributes_.each_text(name, set);
      if (any()) return attribute(name);
    }
    for (const char* name : sign_attributes) {
      const auto column = types_.column(name);
      if (!column) continue;
      for (std::uint64_t row = 0; row < type_.size(); ++row)
        if (const auto word = types_.value(type_[row], *column)) set(row, *word);
      if (!any()) continue;
      used_columns_.emplace_back(name);
      return take("column '" + std::string(name) + "' (" + types_.file() + ")");
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
