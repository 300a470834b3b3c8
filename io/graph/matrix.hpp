// Sparse matrices as programs keep them, rows together or columns together, as lists of edges: a
// row is a target, a column a source.
#pragma once

#include <cstdint>
#include <string>

#include <bdh/array.hpp>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

struct compressed_matrix {
  std::uint64_t rows = 0, columns = 0;
  bool by_columns = false;
  array<std::uint64_t> first = {};     // of each line, a row or a column, and the end
  array<std::uint64_t> position = {};  // of each entry in its line; below the other size
  array<float> weight = {};
  std::string first_place = {};  // for messages
};

// Refuses sizes that are no nodes of a file of so many bytes. Throws input_error or shape_error.
void check_shape(std::uint64_t rows, std::uint64_t columns, std::uint64_t file_bytes,
                 const std::string& place, const edge_list& list);

// Appends the entries; the nodes of `to` get their number. Throws input_error where `first` does
// not ascend from 0 to the number of entries.
void take_matrix(const compressed_matrix& matrix, edge_list& to);

// Nodes are the rows and columns.
void take_sizes(std::uint64_t rows, std::uint64_t columns, edge_list& to);

}  // namespace bdh::graph_formats
