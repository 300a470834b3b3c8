// The nodes that bdh export writes beside a CSV file of edges, FILE.nodes.csv: what edges alone
// cannot say, the order of neurons, those without edges, and whether ids are names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

// Source, Target, Type, Id, Weight, Sign, Magnitude: the header of an exported list of edges.
const std::vector<std::string>& exported_columns();

// FILE.csv -> FILE.nodes.csv
std::filesystem::path nodes_file(std::filesystem::path edges);

// The nodes beside the edges of `of`, with their number; with names where neurons have names.
// Nothing where there is no such file, or where it is not of a whole model: then it is in
// `of.not_used`. Throws input_error for a file that is damaged.
std::optional<graph_nodes> read_exported_nodes(edge_list& of);

// Numbers the edges of `to`, whose nodes are as they come, as these nodes are. Throws input_error
// for a node that is not among them.
void take_exported_nodes(const graph_nodes& nodes, edge_list& to);

}  // namespace bdh::graph_formats
