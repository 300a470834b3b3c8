// Weighted directed graphs that other programs wrote, as lists of edges. What a file is follows
// from its content:
//
//   Matrix Market    coordinate; real, integer or pattern (weight 1); general; 1-based; row =
//                    target, column = source
//   CSV              a header with source, target and, where there are weights, weight (else 1);
//                    further columns are ignored, but `type` where it says excitatory or
//                    inhibitory: it must agree with the weight's sign
//   GraphML          directed, one graph; the edge attribute weight (else 1); nodes are called by
//                    their attribute name, or their id
//   HDF5             FILE:/group, a CSR or CSC matrix as SciPy and AnnData keep it: indptr,
//                    indices, data, shape; row = target
//
// Nodes have names, or numbers from 0. Nothing in a file is trusted: sizes are checked against
// those of the file before memory is taken, and every error names the file and the line.
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

struct graph_edge {
  neuron_id source = 0, target = 0;
  float weight = 0;
  std::uint64_t line = 0;  // of the file, from 1; in HDF5 the position in data, from 0
};

struct edge_list {
  std::string file;   // as the user gave it
  bool lines = true;  // edges have line numbers
  bool one_population = true;
  graph_nodes source, target;  // of one population: all is in source
  std::vector<graph_edge> edges;
  // What the reader had to decide and the user should know, one line each.
  std::vector<std::string> remarks;
  // What the file has beside the edges and their weights, each with its place.
  std::vector<std::string> not_used;

  const graph_nodes& sources() const noexcept { return source; }
  const graph_nodes& targets() const noexcept { return one_population ? source : target; }
  std::string place(std::uint64_t line) const;  // "FILE:17"
};

// `one_population`: edges go from nodes to the same nodes. Throws input_error, shape_error or
// unavailable_error.
edge_list read_graph_file(const std::string& file, bool one_population);

}  // namespace bdh
