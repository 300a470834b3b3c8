// Nodes that a file lists by their ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/graph/graph_file.hpp"
#include "io/graph/graph_ids.hpp"

namespace bdh::graph_formats {

// Numbers the nodes of `to`, whose edges have places of `ids`: where the ids are 0, 1, 2, ... in
// any order, and `numbers`, these; else the ids are names, with a remark where they are numbers.
// Follows what the user states of ids. Returns whether they are numbers of neurons.
bool number_listed(std::vector<std::string> ids, bool numbers, std::uint64_t file_bytes,
                   edge_list& to);

}  // namespace bdh::graph_formats
