// Weighted directed graphs that other programs wrote, as lists of edges. What a file is follows
// from its content:
//
//   Matrix Market    coordinate or array; real, integer or pattern (weight 1); row = target,
//                    column = source
//   CSV              lines of source, target and, where there are weights, weight (else 1); the
//                    separator, the names of the columns and the encoding are found
//                    (io/graph/csv_dialect.hpp)
//   GraphML          directed, one graph; the edge attribute weight (else 1); nodes are called by
//                    their attribute name, or their id
//   GEXF             the same; labels are names
//   JSON             node-link data of NetworkX
//   npz              CSR, CSC or COO as SciPy saves it; row = target
//   HDF5             FILE:/group, a CSR or CSC matrix as SciPy and AnnData keep it: indptr,
//                    indices, data, shape; row = target. FILE, FILE:/edges/NAME or FILE:/edges:
//                    populations of edges of a SONATA circuit
//
// Nodes have names, or numbers from 0. Nothing in a file is trusted: sizes are checked against
// those of the file before memory is taken, and every error names the file and the line. What a
// file has beside its edges is in `not_used`, what a reader decided in `remarks`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

// The nodes that edges leave, or those where they end.
struct graph_nodes {
  // Node -> name, in the order of the file; empty: nodes are numbers.
  std::vector<std::string> names;
  std::optional<neuron_id> size;  // where the file states it
};

// 16 bytes: a list of edges is most of the memory that an import takes.
struct graph_edge {
  neuron_id source = 0, target = 0;
  float weight = 0;
  std::uint32_t line = 0;  // of the file, from 1; in HDF5 the position in data, from 0
};
inline constexpr std::uint64_t most_lines = 0xfffffffeu;

// What the nodes at the two ends of an edge are.
enum class edge_ends { neurons, tokens_to_neurons, neurons_to_tokens };

// What the number of an edge is, which also decides how its column or attribute may be called.
enum class edge_values { weights, rates, retentions };

// What ids of neurons are, where a file has ids. By default a file whose ids all are canonical
// decimal numbers (7, and not 07, +7 or 7.0) has neurons with these numbers, from 0; one other id,
// or numbers too large or too sparse for that, and all its ids are names.
enum class node_ids { found, from_0, from_1, names };

// Columns of a CSV file by name, or by number from 1. `sign`: what says whether an edge excites or
// inhibits, in place of columns called type or sign; "none": nothing does but weights.
struct column_choice {
  std::optional<std::string> source, target, weight, sign;
  bool any() const noexcept { return source || target || weight; }
  bool no_signs() const noexcept { return sign == "none"; }
};

struct graph_reading {
  edge_ends ends = edge_ends::neurons;
  edge_values values = edge_values::weights;
  node_ids ids = node_ids::found;
  column_choice columns = {};
  std::optional<neuron_id> neurons = {};  // as the user states it: numbers below it are accepted
};

struct edge_list {
  std::string file;  // as the user gave it
  graph_reading how;
  bool lines = true;           // edges have line numbers
  std::string values_at = {};  // else the list in which they have places: "FILE.h5:/group/data"
  bool one_population = true;
  graph_nodes source, target;  // of one population: all is in source
  std::vector<graph_edge> edges;
  bool has_values = true;           // false: the file has none, and all are 1
  column_choice choices_not_found;  // of how.columns
  // What the reader had to decide and the user should know, one line each.
  std::vector<std::string> remarks;
  // What the file has beside the edges and their weights, each with its place.
  std::vector<std::string> not_used;

  const graph_nodes& sources() const noexcept { return source; }
  const graph_nodes& targets() const noexcept { return one_population ? source : target; }
  std::string place(std::uint64_t line) const;  // "FILE:17"
};

// Throws input_error, shape_error or unavailable_error.
edge_list read_graph_file(const std::string& file, const graph_reading& how = {});

}  // namespace bdh
