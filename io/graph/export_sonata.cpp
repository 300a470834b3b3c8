// A circuit in the SONATA data format (nodes, edges, both indices), and a script that loads it into
// NEST.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"
#include "io/files/json.hpp"
#include "io/graph/graph_export_detail.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {
namespace {

constexpr const char* population = "neurons";

std::string edge_population(const exported_graph& g) {
  return fmt::format("{0}__{0}__{1}", population, name(g.what.request().graph));
}

hdf5::group root_of(hdf5::file& file, const exported_graph& g) {
  constexpr std::uint32_t magic = 0x0A7A, version[] = {0, 1};
  hdf5::group root = file.root();
  root.set_number32("magic", magic);
  root.set_numbers32("version", version);
  root.set_text("about", g.description);
  return root;
}

template <class T>
void write_list(hdf5::group& to, const char* name, const std::vector<T>& values) {
  to.create_dataset<T>(name, {values.size()}).template write<T>(values);
}

template <class T, class Value>
std::vector<T> listed(std::size_t count, Value value) {
  std::vector<T> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<T>(value(static_cast<neuron_id>(i)));
  return all;
}

void write_nodes(const exported_graph& g, const std::filesystem::path& to) {
  const std::size_t n = g.what.size();
  const model& m = g.what.model();
  hdf5::file file = hdf5::file::create(to);
  {
    hdf5::group root = root_of(file, g);
    hdf5::group nodes = root.create_group("nodes"), p = nodes.create_group(population),
                own = p.create_group("0");
    const auto kind = [&](neuron_id i) { return g.is_sensory(i); };
    const auto itself = [](neuron_id i) { return i; };
    write_list(p, "node_type_id", listed<std::int64_t>(n, kind));
    write_list(p, "node_id", listed<std::uint64_t>(n, itself));
    write_list(p, "node_group_id", std::vector<std::uint32_t>(n));
    write_list(p, "node_group_index", listed<std::uint64_t>(n, itself));
    write_list(own, "model_type", std::vector<std::uint32_t>(n));
    write_list(own, "kind", listed<std::uint32_t>(n, kind));
    write_list(own, "head", listed<std::uint32_t>(n, [&](neuron_id i) {
                 return g.is_sensory(i) ? 0 : i / m.neurons_per_head();
               }));
    write_list(own, "original", listed<std::uint32_t>(n, [&](neuron_id i) {
                 return g.is_sensory(i) ? i : m.original_id(i);
               }));
    if (g.has_communities()) write_list(own, "community", g.what.community());
    own.create_strings("name", g.labels);
    p.set_text("bdh_ids", g.has_names() ? "names" : "numbers");
    hdf5::group library = own.create_group("@library");
    library.create_strings("model_type", {"point_neuron"});
    library.create_strings("kind", {"neuron", "sensory"});
  }
  file.close();
}

using range = std::array<std::uint64_t, 2>;

// Pairs as rows of a dataset.
void write_pairs(hdf5::group& to, const char* name, const std::vector<range>& pairs) {
  to.create_dataset<std::uint64_t>(name, {pairs.size(), 2})
      .write(std::span<const std::uint64_t>(pairs.data()->data(), 2 * pairs.size()));
}

// The edges of each node: runs of edges that follow each other.
class node_index {
 public:
  void end_node() {
    nodes_.push_back({first_, runs_.size()});
    first_ = runs_.size();
  }
  void add(std::uint64_t edge) {
    if (runs_.size() != first_ && runs_.back()[1] == edge)
      ++runs_.back()[1];
    else
      runs_.push_back({edge, edge + 1});
  }
  void write(hdf5::group& indices, const char* name) {
    hdf5::group to = indices.create_group(name);
    write_pairs(to, "node_id_to_ranges", nodes_);
    to.create_link("node_id_to_range", "node_id_to_ranges");  // as pysonata and bmtk call it
    if (runs_.empty()) runs_.push_back({0, 0});  // an empty dataset is one that some readers refuse
    write_pairs(to, "range_to_edge_id", runs_);
  }

 private:
  std::vector<range> nodes_, runs_;
  std::uint64_t first_ = 0;
};

// Columns of a table that grows by blocks of edges.
class edge_table {
 public:
  edge_table(hdf5::group& p, hdf5::group& own)
      : type_(p.create_rows<std::int64_t>("edge_type_id", {}, block)),
        source_(p.create_rows<std::uint64_t>("source_node_id", {}, block)),
        target_(p.create_rows<std::uint64_t>("target_node_id", {}, block)),
        group_(p.create_rows<std::uint32_t>("edge_group_id", {}, block)),
        row_(p.create_rows<std::uint64_t>("edge_group_index", {}, block)),
        weight_(own.create_rows<float>("syn_weight", {}, block)),
        delay_(own.create_rows<float>("delay", {}, block)),
        kind_(own.create_rows<std::uint32_t>("syn_type_id", {}, block)),
        id_(own.create_rows<std::uint64_t>("edge_id", {}, block)) {
    source_.set_string("node_population", population);
    target_.set_string("node_population", population);
  }

  void add(const subgraph_edge& e) {
    held_.push_back(e);
    if (held_.size() == block) flush();
  }

  void flush() {
    const auto put = [&]<class T>(hdf5::dataset& to, T, auto value) {
      std::vector<T> column;
      for (const subgraph_edge& e : held_) column.push_back(static_cast<T>(value(e)));
      to.append<T>(column);
    };
    put(type_, std::int64_t{}, [](const subgraph_edge& e) { return is_inhibitory(e); });
    put(source_, std::uint64_t{}, [](const subgraph_edge& e) { return e.source; });
    put(target_, std::uint64_t{}, [](const subgraph_edge& e) { return e.target; });
    put(group_, std::uint32_t{}, [](const subgraph_edge&) { return 0; });
    put(row_, std::uint64_t{}, [&](const subgraph_edge&) { return rows_++; });
    put(weight_, float{}, [](const subgraph_edge& e) { return e.weight; });
    put(delay_, float{}, [](const subgraph_edge&) { return 1; });  // ms: one token
    put(kind_, std::uint32_t{}, [](const subgraph_edge& e) { return is_inhibitory(e) ? 0 : 100; });
    put(id_, std::uint64_t{}, [](const subgraph_edge& e) { return e.id; });
    held_.clear();
  }

 private:
  static constexpr std::size_t block = 8192;

  hdf5::dataset type_, source_, target_, group_, row_, weight_, delay_, kind_, id_;
  std::vector<subgraph_edge> held_;
  std::uint64_t rows_ = 0;
};

void write_edges(const exported_graph& g, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to);
  {
    hdf5::group root = root_of(file, g);
    hdf5::group edges = root.create_group("edges"),
                p = edges.create_group(edge_population(g).c_str()), own = p.create_group("0");
    const neuron_id n = g.what.size();
    node_index by_target;
    std::vector<neuron_id> sources;  // of each edge
    {
      edge_table table(p, own);
      neuron_id node = 0;
      g.what.for_each_edge([&](const subgraph_edge& e) {
        table.add(e);
        for (; node < e.target; ++node) by_target.end_node();
        by_target.add(sources.size());
        sources.push_back(e.source);
      });
      table.flush();
      for (; node < n; ++node) by_target.end_node();
    }
    // The edges of each source, ascending.
    std::vector<std::uint64_t> next(std::size_t{n} + 1), ordered(sources.size());
    for (neuron_id source : sources) ++next[source + 1];
    for (std::size_t i = 0; i < n; ++i) next[i + 1] += next[i];
    const std::vector<std::uint64_t> begin = next;
    for (std::uint64_t edge = 0; edge < sources.size(); ++edge)
      ordered[next[sources[edge]]++] = edge;
    node_index by_source;
    for (neuron_id i = 0; i < n; ++i) {
      for (std::uint64_t k = begin[i]; k < begin[i + 1]; ++k) by_source.add(ordered[k]);
      by_source.end_node();
    }
    hdf5::group indices = p.create_group("indices");
    by_source.write(indices, "source_to_target");
    by_target.write(indices, "target_to_source");
  }
  file.close();
}

void write_lines(const std::filesystem::path& to, const std::string& lines) {
  csv_file file(to);
  file.write(lines);
  file.close();
}

nlohmann::ordered_json circuit_config(const exported_graph& g) {
  nlohmann::ordered_json config{{"version", 2.3}, {"manifest", {{"$BASE_DIR", "."}}}};
  config["networks"]["nodes"] = {{{"nodes_file", "$BASE_DIR/nodes.h5"},
                                  {"node_types_file", "$BASE_DIR/node_types.csv"},
                                  {"populations", {{population, {{"type", "point_neuron"}}}}}}};
  config["networks"]["edges"] = {
      {{"edges_file", "$BASE_DIR/edges.h5"},
       {"edge_types_file", "$BASE_DIR/edge_types.csv"},
       {"populations", {{edge_population(g), {{"type", "point_process"}}}}}}};
  return config;
}

// What is loaded has the same edges; its neurons are NEST's, which spike.
constexpr const char* nest_script =
    R"("""Loads the circuit beside it into NEST: load() makes neurons and edges; as a program it
also runs them, MS milliseconds, and prints how many spikes there were."""
import json
import os
import sys

import h5py
import nest
import numpy as np

FOLDER, EDGES = os.path.dirname(os.path.abspath(__file__)), "{}"


# scale: what a weight of 1 is in NEST's unit for this neuron, here mV
def load(neuron="iaf_psc_delta", scale=1.0):
    with h5py.File(os.path.join(FOLDER, "nodes.h5")) as nodes:
        neurons = nest.Create(neuron, len(nodes["nodes/neurons/node_type_id"]))
    with h5py.File(os.path.join(FOLDER, "edges.h5")) as file:
        edges = file["edges"][EDGES]
        source, target = edges["source_node_id"][:], edges["target_node_id"][:]
        weight, delay = edges["0/syn_weight"][:], edges["0/delay"][:]
    first = np.uint64(neurons[0].global_id)
    nest.Connect(source + first, target + first, "one_to_one",
                 {{"synapse_model": "static_synapse", "weight": scale * weight.astype(float),
                  "delay": delay.astype(float)}})
    return neurons


if __name__ == "__main__":
    nest.ResetKernel()
    neurons, recorder = load(), nest.Create("spike_recorder")
    noise = nest.Create("poisson_generator", params={{"rate": 20000.0}})
    nest.Connect(noise, neurons, syn_spec={{"weight": 1.0}})
    nest.Connect(neurons, recorder)
    nest.Simulate(float(sys.argv[1]) if len(sys.argv) > 1 else 100.0)
    print(json.dumps({{"neurons": len(neurons), "connections": nest.num_connections,
                      "spikes": recorder.n_events}}))
)";

}  // namespace

void write_sonata(const exported_graph& g, const std::filesystem::path& folder, bool for_nest) {
  std::error_code failed;
  std::filesystem::create_directory(folder, failed);
  if (failed) throw_errno(folder, failed.value(), "cannot be created");
  write_nodes(g, folder / "nodes.h5");
  write_edges(g, folder / "edges.h5");
  write_lines(folder / "node_types.csv",
              "node_type_id model_type kind\n0 point_neuron neuron\n1 point_neuron sensory\n");
  write_lines(folder / "edge_types.csv", "edge_type_id sign\n0 excitatory\n1 inhibitory\n");
  write_lines(folder / "circuit_config.json", json_text(circuit_config(g), 1) + "\n");
  if (for_nest)
    write_lines(folder / "run_in_nest.py", fmt::format(nest_script, edge_population(g)));
}

}  // namespace bdh::graph_formats
