// Tables of what was measured about a circuit, from CSV files with a header
// (io/files/csv_table.hpp), as graphs to draw after it (graph/measured_graphs.hpp).
#pragma once

#include <string>
#include <vector>

#include "graph/measured_graphs.hpp"

namespace bdh {

// What a file says of its neurons, beside the graph.
struct measured_neurons {
  std::vector<std::string> names;     // or empty
  std::vector<bool> inhibits;         // by neuron, or empty: not stated
  std::vector<std::string> not_used;  // columns: "cells.csv: column depth"
};

struct measured_degrees {
  degree_sequence degrees;
  measured_neurons neurons;
};
struct measured_positions {
  std::vector<std::array<double, 3>> positions;
  measured_neurons neurons;
};
struct measured_populations {
  block_matrix blocks;
  std::vector<std::string> populations;  // their names, in the order of the file
  measured_neurons neurons;              // without names
  std::size_t pairs_not_listed = 0;      // their probability is 0
};

// Columns `out` and `in` (or out_degree, in_degree), a row for each neuron. Both this and positions
// may have `name` (numbers only where they count rows from 0) and `sign`: 1, +1, e, excitatory, or
// -1, i, inhibitory. All three throw input_error naming file and line.
measured_degrees read_degrees(const std::string& file);

// Columns `x` and `y`, and `z` where there are three dimensions.
measured_positions read_positions(const std::string& file);

// `populations`: columns population (or name), size, sign. `probabilities`: source, target,
// probability, of populations; a pair once.
measured_populations read_populations(const std::string& populations,
                                      const std::string& probabilities);

}  // namespace bdh
