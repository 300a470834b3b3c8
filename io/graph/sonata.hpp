// SONATA circuits as lists of edges. Internal to io/graph.
#pragma once

#include <string>
#include <vector>

#include "io/graph/graph_file.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {

// Whether it is a population of edges, /edges/NAME.
bool is_edge_population(const hdf5::group& g);

// The populations that a user means with a group of a file, "/edges/NAME", with "/edges", all of
// them, or with the file alone, which has one. Empty: the file is no SONATA circuit. Throws
// input_error.
std::vector<hdf5::group> edge_populations(const hdf5::group& g);

// The edges of these populations, and the nodes that files in the folder of `path` list. Throws
// input_error, shape_error or unavailable_error.
void read_sonata(const std::string& path, const std::vector<hdf5::group>& populations,
                 edge_list& to);

}  // namespace bdh::graph_formats
