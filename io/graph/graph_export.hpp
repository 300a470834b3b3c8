// Graphs of a model in the formats of other programs. All are directed, source -> target, and say
// so:
//
//   graphml, gexf   nodes with number, kind, head, original number, community; edges with id,
//                   weight, sign
//   csv             for Gephi, pandas, igraph: FILE with an edge a line, and beside it
//                   FILE.nodes.csv
//   matrix-market   coordinate, real; row = target, column = source, from 1
//   npz             CSR as scipy.sparse.load_npz reads it, row = target, column = source; also
//                   edge_id
//   sonata          a folder: nodes.h5, edges.h5 with both indices, node_types.csv,
//                   edge_types.csv, circuit_config.json
//   nest            the same, and run_in_nest.py, which loads it into NEST
//
// The first three have the nodes that belong to the subgraph; matrices and SONATA number all, so
// that a number is the model's own. Edges follow each other target by target. An edge's id is its
// projection and its position there, as everywhere in this program.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/analysis/subgraph.hpp"

namespace bdh {

enum class graph_format { graphml, gexf, csv, matrix_market, npz, sonata, nest };

const char* name(graph_format f) noexcept;
std::optional<graph_format> graph_format_named(std::string_view name) noexcept;
// By its suffix: .graphml .gexf .csv .mtx .npz.
std::optional<graph_format> graph_format_of(const std::filesystem::path& file) noexcept;
bool is_folder(graph_format f) noexcept;

struct export_options {
  std::string about;  // of the model, for people who find the file
  bool overwrite = false;
};

// What bdh import does not get back from a file of this format, one entry each, in words: "names of
// neurons". Empty: the same neurons and edges.
std::vector<std::string> not_held(const subgraph& graph, graph_format format);

// Writes everything or nothing. Throws input_error when the target exists (a folder: with something
// in it), device_error when it cannot be written, and what the excerpt throws.
void export_graph(const subgraph& graph, graph_format format, const std::filesystem::path& target,
                  const export_options& options);

// Refuses a target that export_graph would refuse, before the work.
void check_export_target(graph_format format, const std::filesystem::path& target, bool overwrite);

}  // namespace bdh
