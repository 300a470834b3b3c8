// The edges of a SONATA population, between ids of nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bdh/array.hpp>

#include "io/graph/graph_file.hpp"
#include "io/graph/sonata_types.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {

struct sonata_edges {
  std::string place;                                 // "edges.h5:/edges/NAME"
  std::string source_population, target_population;  // of nodes
  array<std::uint64_t> source = {}, target = {};     // ids
  std::vector<float> weight = {};                    // empty: the file has none
  // +1 excitatory, -1 inhibitory, 0 not stated; empty: none is.
  std::vector<std::int8_t> signs = {};
  std::string sign_from = {};  // what states them
};

// `population`: /edges/NAME of a file; `types`: the table beside it, may be none. Remarks and what
// is not used are added to `list`, whose `how` says which attribute is wanted. Throws input_error,
// shape_error or unavailable_error.
sonata_edges read_sonata_edges(const hdf5::group& population, const type_table& types,
                               edge_list& list);

// Gives the weights the signs that are stated beside them: weights that are all positive get those
// of inhibitory edges; a weight that contradicts is an input_error.
void apply_signs(sonata_edges& edges, edge_list& list);

}  // namespace bdh::graph_formats
