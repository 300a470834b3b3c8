// What the readers of graphs in HDF5 share.
#pragma once

#include <cstdint>
#include <filesystem>

#include <bdh/array.hpp>

#include "io/graph/edge_numbers.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {

// For a file of another program: what compression can put into it, and no more.
hdf5::limits foreign_limits(const std::filesystem::path& path);

// The first `rows` numbers of a dataset of any type, as weights of `list`, whose place of values
// becomes the dataset.
array<float> read_weights(const hdf5::dataset& from, std::uint64_t rows, edge_numbers& numbers,
                          edge_list& list);

}  // namespace bdh::graph_formats
