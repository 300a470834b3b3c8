// SONATA circuits: populations of edges in HDF5, between nodes that other files beside it list.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/mapped_file.hpp"
#include "io/files/text_start.hpp"
#include "io/graph/column_names.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/hdf5_values.hpp"
#include "io/graph/sonata.hpp"
#include "io/graph/sonata_edges.hpp"
#include "io/graph/sonata_nodes.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uintmax_t largest_table = std::uintmax_t{64} << 20;  // bytes, of types
constexpr std::size_t most_populations = 1000, most_files = 1000;

std::string place_of(const sonata_edges& edges, std::size_t i) {
  return edges.place + "[" + std::to_string(i) + "]";
}

// The table beside `file` that its name leads to: X_edges.h5 has X_edge_types.csv, or
// edge_types.csv.
type_table types_beside(const std::filesystem::path& file, const std::string& kind) {
  const std::string stem = file.stem().string(), ending = kind + "s";
  std::vector<std::string> names{kind + "_types.csv"};
  if (stem.ends_with(ending))
    names.insert(names.begin(), stem.substr(0, stem.size() - ending.size()) + kind + "_types.csv");
  for (const std::string& name : names) {
    const std::filesystem::path table = file.parent_path() / name;
    std::error_code failed;
    if (!std::filesystem::is_regular_file(table, failed)) continue;
    if (std::filesystem::file_size(table, failed) > largest_table)
      throw input_error(table.string(), "more than 64 MiB", "a table of types");
    const mapped_file mapped(table);
    const std::string shown = table.string();
    return type_table(without_byte_order_mark(as_text(mapped.bytes()), shown), shown,
                      kind + "_type_id");
  }
  return {};
}

// A population of nodes, and where a file lists it.
struct node_population {
  std::string place = {};  // "nodes.h5:/nodes/NAME"
  std::optional<sonata_nodes> nodes = {};
  std::unordered_map<std::uint64_t, neuron_id> rows = {};  // of ids that are not the rows

  // Of an end of edge i; throws input_error for an id that the file does not list.
  neuron_id row(std::uint64_t id, const sonata_edges& edges, std::size_t i) const {
    if (nodes->ids.empty() && id < nodes->size) return static_cast<neuron_id>(id);
    const auto found = rows.find(id);
    if (found == rows.end())
      throw input_error(place_of(edges, i), "node " + std::to_string(id),
                        "one of the " + std::to_string(nodes->size) + " of " + place);
    return found->second;
  }
  std::string name(std::uint64_t row) const {
    if (!nodes->names.empty()) return nodes->names[row];
    return std::to_string(nodes->ids.empty() ? row : nodes->ids[row]);
  }
};

// The nodes of all populations that edges lead between.
class node_space {
 public:
  node_space(const std::filesystem::path& edges_file, edge_list& list)
      : edges_file_(edges_file), list_(list) {}

  // Finds, in the files beside, the populations of these names, and remarks where one of `neurons`
  // is in none.
  void find(const std::set<std::string>& names, const std::set<std::string>& neurons) {
    for (const std::string& name : names) populations_[name];
    std::error_code failed;
    const std::filesystem::path folder =
        edges_file_.has_parent_path() ? edges_file_.parent_path() : ".";
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
      const std::string name = at->path().filename().string();
      if (name.ends_with(".h5") && name.find("nodes") != name.npos) files.push_back(at->path());
      if (files.size() == most_files) break;
    }
    std::ranges::sort(files);
    for (const std::filesystem::path& file : files)
      read_nodes_of(edges_file_.has_parent_path() ? file : file.filename());
    for (const std::string& name : neurons)
      if (!populations_.at(name).nodes)
        list_.remarks.push_back(list_.file + ": no file beside it has the nodes of " +
                                (name.empty() ? "its population" : shown(name)) +
                                ": those that edges name are all");
  }

  const node_population& of(const std::string& name) const { return populations_.at(name); }

 private:
  void read_nodes_of(const std::filesystem::path& path) {
    const hdf5::file file = hdf5::file::open(path, foreign_limits(path));
    const hdf5::group root = file.root();
    if (!root.has("nodes")) return;
    const hdf5::group all = root.open_group("nodes");
    const std::vector<std::string> names = all.names();
    std::optional<type_table> types;
    for (auto& [name, p] : populations_) {
      // Edges that do not name their population have the only one.
      const bool only = name.empty() && names.size() == 1 && !p.nodes;
      if (!only && (name.empty() || !all.has(name.c_str()))) continue;
      const hdf5::group population = all.open_group(only ? names[0].c_str() : name.c_str());
      if (p.nodes)
        throw input_error(population.place(), "nodes that are also in " + p.place,
                          "one file with the nodes of a population");
      if (!types) types = types_beside(path, "node");
      p.place = population.place();
      p.nodes = read_sonata_nodes(population, *types, list_.how.columns);
      if (!p.nodes->signs.empty()) list_.choices_not_found.sign.reset();
      if (p.nodes->size > most_nodes(foreign_limits(path).dataset_bytes))
        throw input_error(p.place, std::to_string(p.nodes->size) + " nodes", "fewer");
      for (std::uint64_t row = 0; row < p.nodes->ids.size(); ++row)
        p.rows.emplace(p.nodes->ids[row], static_cast<neuron_id>(row));
      list_.not_used.insert(list_.not_used.end(), p.nodes->not_used.begin(),
                            p.nodes->not_used.end());
    }
  }

  const std::filesystem::path& edges_file_;
  edge_list& list_;
  std::map<std::string, node_population> populations_;
};

class circuit_reader {
 public:
  circuit_reader(const std::string& path, edge_list& list)
      : path_(path), list_(list), nodes_(path_, list), types_(types_beside(path_, "edge")) {}

  void run(const std::vector<hdf5::group>& populations) {
    std::set<std::string> all, neurons;
    std::uint64_t count = 0;
    for (const hdf5::group& p : populations) {
      const sonata_edges& e = edges_.emplace_back(read_sonata_edges(p, types_, list_));
      all.insert({e.source_population, e.target_population});
      if (list_.how.ends != edge_ends::tokens_to_neurons) neurons.insert(e.source_population);
      if (list_.how.ends != edge_ends::neurons_to_tokens) neurons.insert(e.target_population);
      count += e.source.size();
    }
    if (count > most_lines)
      throw unavailable_error(list_.file, std::to_string(count) + " edges",
                              "at most " + std::to_string(most_lines));
    nodes_.find(all, neurons);
    for (sonata_edges& e : edges_) give_signs(e);
    list_.values_at = edges_.size() == 1 ? edges_[0].place : list_.file;
    list_.edges.reserve(count);
    if (neurons.size() > 1)
      join(neurons);
    else if (const node_population& p = nodes_.of(*neurons.begin()); p.nodes)
      number(p);
    else
      collect();
    add_repeated();
  }

 private:
  void give_signs(sonata_edges& e) {
    if (e.weight.empty()) {
      e.weight.assign(e.source.size(), 1.0f);
      take_ones(list_, e.source.size());
    }
    if (list_.how.values != edge_values::weights) return;
    const node_population& from = nodes_.of(e.source_population);
    if (e.signs.empty() && from.nodes && !from.nodes->signs.empty()) {
      e.signs.resize(e.source.size());
      for (std::size_t i = 0; i < e.source.size(); ++i)
        e.signs[i] = from.nodes->signs[from.row(e.source[i], e, i)];
      e.sign_from = from.nodes->sign_from + " of its source";
    }
    apply_signs(e, list_);
  }

  // use(edges, i, line) for edge i of each population.
  template <class Use>
  void each_edge(Use use) {
    std::uint32_t line = 0;
    for (const sonata_edges& e : edges_)
      for (std::size_t i = 0; i < e.source.size(); ++i, ++line) use(e, i, line);
  }

  // Several populations of neurons become one: their names have the population in front.
  void join(const std::set<std::string>& neurons) {
    if (!list_.one_population)
      throw unavailable_error(list_.file,
                              std::to_string(neurons.size()) + " populations of neurons",
                              "one, for edges of tokens");
    name_table names;
    const auto number_of = [&](const std::string& population, const std::string& name,
                               std::uint64_t line) {
      return names.number_of(population + ":" + name, list_, line);
    };
    for (const std::string& name : neurons)
      if (const node_population& p = nodes_.of(name); p.nodes)
        for (std::uint64_t row = 0; row < p.nodes->size; ++row) number_of(name, p.name(row), row);
    each_edge([&](const sonata_edges& e, std::size_t i, std::uint32_t line) {
      const auto end = [&](const std::string& population, std::uint64_t id) {
        const node_population& p = nodes_.of(population);
        return number_of(population, p.nodes ? p.name(p.row(id, e, i)) : std::to_string(id), line);
      };
      list_.edges.push_back({end(e.source_population, e.source[i]),
                             end(e.target_population, e.target[i]), e.weight[i], line});
    });
    list_.remarks.push_back(list_.file + ": neurons of " + std::to_string(neurons.size()) +
                            " populations, called POPULATION:NODE");
    list_.source.names = names.take();
  }

  // Of nodes that no file lists: ids by the rule for ids in text.
  void collect() {
    edge_collector collector(list_, foreign_limits(path_).dataset_bytes);
    each_edge([&](const sonata_edges& e, std::size_t i, std::uint32_t line) {
      if (collector.numbers() && collector.add_numbers(e.source[i], e.target[i], e.weight[i], line))
        return;
      const std::string source = std::to_string(e.source[i]), target = std::to_string(e.target[i]);
      collector.add({source}, {target}, e.weight[i], line);
    });
    collector.finish();
  }

  // Neurons are the nodes of one population that a file lists: by number where their ids are 0, 1,
  // 2,
  // ... in any order, else by name.
  void number(const node_population& neurons) {
    const sonata_nodes& n = *neurons.nodes;
    const bool ids_are_numbers =
        std::ranges::all_of(n.ids, [&](std::uint64_t id) { return id < n.size; });
    const bool named = !n.names.empty() || !ids_are_numbers || list_.how.ids == node_ids::names;
    const auto number_of = [&](bool is_token, std::uint64_t id, const sonata_edges& e,
                               std::size_t i) {
      if (is_token && id >= most_lines)
        throw input_error(place_of(e, i), "token " + std::to_string(id), "a token id");
      const neuron_id row = is_token ? 0 : neurons.row(id, e, i);
      return named && !is_token ? row : static_cast<neuron_id>(id);
    };
    const bool source_is_token = list_.how.ends == edge_ends::tokens_to_neurons,
               target_is_token = list_.how.ends == edge_ends::neurons_to_tokens;
    each_edge([&](const sonata_edges& e, std::size_t i, std::uint32_t line) {
      list_.edges.push_back({number_of(source_is_token, e.source[i], e, i),
                             number_of(target_is_token, e.target[i], e, i), e.weight[i], line});
    });
    graph_nodes& to = list_.one_population || target_is_token ? list_.source : list_.target;
    if (!named) {
      to.size = static_cast<neuron_id>(n.size);
      return;
    }
    for (std::uint64_t row = 0; row < n.size; ++row) to.names.push_back(neurons.name(row));
    take_numbers(list_, foreign_limits(path_).dataset_bytes);
  }

  // Edges are synapses here, of which two neurons may have several: these act together.
  void add_repeated() {
    std::vector<graph_edge>& edges = list_.edges;
    const auto order = [](const graph_edge& a, const graph_edge& b) {
      return std::tie(a.source, a.target, a.line) < std::tie(b.source, b.target, b.line);
    };
    std::ranges::sort(edges, order);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < edges.size();) {
      graph_edge one = edges[i];
      double sum = one.weight;
      std::size_t next = i + 1;
      for (; next < edges.size() && edges[next].source == one.source &&
             edges[next].target == one.target;
           ++next)
        sum += edges[next].weight;
      if (next != i + 1) one.weight = static_cast<float>(sum);
      edges[kept++] = one;
      i = next;
    }
    if (kept == edges.size()) return;
    list_.remarks.push_back(list_.file + ": " + std::to_string(edges.size()) + " edges between " +
                            std::to_string(kept) +
                            " pairs of neurons; weights of the same pair are added");
    edges.resize(kept);
  }

  const std::filesystem::path path_;
  edge_list& list_;
  node_space nodes_;
  const type_table types_;
  std::vector<sonata_edges> edges_;
};

}  // namespace

bool is_edge_population(const hdf5::group& g) {
  return g.has("source_node_id") && g.has("target_node_id");
}

std::vector<hdf5::group> edge_populations(const hdf5::group& g) {
  std::vector<hdf5::group> all;
  const bool whole_file = g.has("edges");
  if (!whole_file && !g.place().ends_with(":/edges")) return all;
  std::optional<hdf5::group> opened;
  if (whole_file) opened = g.open_group("edges");
  const hdf5::group& edges = whole_file ? *opened : g;
  std::string names;
  for (const std::string& name : edges.names()) {
    hdf5::group population = edges.open_group(name.c_str());
    if (!is_edge_population(population)) continue;
    if (all.size() == most_populations)
      throw input_error(edges.place(),
                        "more than " + std::to_string(most_populations) + " populations", "fewer");
    names += (names.empty() ? "" : ", ") + name;
    all.push_back(std::move(population));
  }
  if (whole_file && all.size() > 1)
    throw input_error(g.place().substr(0, g.place().rfind(":/")),
                      std::to_string(all.size()) + " populations of edges (" + names + ")",
                      "one of them: " + all[0].place(),
                      edges.place() + " takes all of them together");
  return all;
}

void read_sonata(const std::string& path, const std::vector<hdf5::group>& populations,
                 edge_list& to) {
  circuit_reader(path, to).run(populations);
}

}  // namespace bdh::graph_formats
