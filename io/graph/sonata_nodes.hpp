// The nodes of a SONATA population.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/graph/graph_file.hpp"
#include "io/graph/sonata_types.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {

struct sonata_nodes {
  std::uint64_t size = 0;
  // Row -> id, where these are not 0, 1, 2, ...
  std::vector<std::uint64_t> ids = {};
  // Row -> the attribute name, where all have one of their own that is fit for a neuron, and that
  // is not their id.
  std::vector<std::string> names = {};
  // Row -> +1 excitatory, -1 inhibitory, 0 not stated; empty: none is.
  std::vector<std::int8_t> signs = {};
  std::string sign_from = {};  // what states them: "'ei' (node_types.csv)"
  std::vector<std::string> not_used = {};
};

// `population`: /nodes/NAME of a file; `types`: the table beside it; `chosen`: what states signs,
// where the user says so. Throws input_error.
sonata_nodes read_sonata_nodes(const hdf5::group& population, const type_table& types,
                               const column_choice& chosen);

}  // namespace bdh::graph_formats
