// CSR and CSC matrices in HDF5.
#include <filesystem>

#include <bdh/error.hpp>

#include "io/files/sandbox.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{16} << 30;
constexpr std::uint64_t best_compression = 1032;  // of gzip

struct matrix_shape {
  std::uint64_t rows, columns;
};

matrix_shape read_shape(const hdf5::group& g, std::uint64_t most) {
  matrix_shape shape{};
  if (g.has_attribute("shape")) {
    const hdf5::extents values = g.numbers("shape", 2);
    shape = {values[0], values[1]};
  } else {
    const array<std::uint64_t> values = g.open_dataset("shape").read_integers(2, most);
    shape = {values[0], values[1]};
  }
  for (std::uint64_t n : {shape.rows, shape.columns})
    if (n == 0 || n > most)
      throw input_error(g.place() + "@shape", std::to_string(n) + " rows or columns",
                        "1 to " + std::to_string(most));
  return shape;
}

// Whether the matrix is stored by columns. CSR is what it is without a word.
bool check_encoding(const hdf5::group& g) {
  const auto text = [&](const char* attribute, const char* otherwise) {
    return g.has_attribute(attribute) ? g.text_of_any_length(attribute) : otherwise;
  };
  const char* const targets_are_rows = "row=target,col=source";
  if (const std::string found = text("orientation", targets_are_rows); found != targets_are_rows)
    throw input_error(g.place() + "@orientation", "'" + found + "'",
                      "'" + std::string(targets_are_rows) + "'");
  const std::string found = text("encoding-type", "csr_matrix");
  if (found != "csr_matrix" && found != "csc_matrix")
    throw input_error(g.place() + "@encoding-type", "'" + found + "'", "csr_matrix or csc_matrix");
  return found == "csc_matrix";
}

void read_here(const std::string& path, const std::string& group, edge_list& to) {
  std::error_code failed;
  const std::uint64_t bytes =
      std::filesystem::is_regular_file(path, failed) ? std::filesystem::file_size(path, failed) : 0;
  const std::uint64_t most = most_nodes(std::min(bytes * best_compression, most_bytes));
  const hdf5::file file =
      hdf5::file::open(path, {std::min(bytes * best_compression + 4096, most_bytes), false});
  hdf5::group g = file.root();
  for (std::size_t at = 1; at < group.size();) {
    const std::size_t end = std::min(group.find('/', at), group.size());
    if (end != at) g = g.open_group(group.substr(at, end - at).c_str());
    at = end + 1;
  }
  const bool by_columns = check_encoding(g);
  const auto [rows, columns] = read_shape(g, most);
  // Lines are what is stored together.
  const std::uint64_t lines = by_columns ? columns : rows, positions = by_columns ? rows : columns;
  if (to.one_population && rows != columns)
    throw shape_error(g.place() + "@shape", std::to_string(rows) + " x " + std::to_string(columns),
                      "as many rows as columns: both are neurons");
  const hdf5::dataset data = g.open_dataset("data"), indices = g.open_dataset("indices"),
                      indptr = g.open_dataset("indptr");
  for (const hdf5::dataset* d : {&data, &indices, &indptr})
    if (d->shape().size() != 1)
      throw shape_error(d->place(), std::to_string(d->shape().size()) + " dimensions", "1");
  const std::uint64_t edges = data.shape()[0];
  if (edges > most_lines)
    throw unavailable_error(data.place(), std::to_string(edges) + " edges",
                            "at most " + std::to_string(most_lines));
  if (indices.shape()[0] != edges)
    throw shape_error(indices.place(), std::to_string(indices.shape()[0]) + " entries",
                      std::to_string(edges) + ", as data has");
  if (indptr.shape()[0] != lines + 1)
    throw shape_error(indptr.place(), std::to_string(indptr.shape()[0]) + " entries",
                      std::to_string(lines) + (by_columns ? " columns + 1" : " rows + 1"));
  const array<std::uint64_t> first = indptr.read_integers(lines + 1, edges),
                             position = indices.read_integers(edges, positions - 1);
  const array<float> weight = data.read_reals(edges);
  // Of our own model files.
  const bool inhibitory = g.has_attribute("sign") && g.integer("sign") < 0;
  (to.one_population ? to.source : to.target).size = static_cast<neuron_id>(rows);
  to.source.size = static_cast<neuron_id>(columns);
  if (first[0] != 0 || first[lines] != edges)
    throw input_error(indptr.place(),
                      std::to_string(first[0]) + " to " + std::to_string(first[lines]),
                      "0 to " + std::to_string(edges));
  to.edges.reserve(edges);
  for (std::uint64_t r = 0; r < lines; ++r) {
    if (first[r + 1] < first[r])
      throw input_error(indptr.place() + "[" + std::to_string(r + 1) + "]",
                        std::to_string(first[r + 1]), "at least " + std::to_string(first[r]));
    for (std::uint64_t e = first[r]; e < first[r + 1]; ++e) {
      if (!(weight[e] - weight[e] == 0.0f))
        throw input_error(to.place(e), std::to_string(weight[e]), "a finite weight");
      const auto line = static_cast<neuron_id>(r), other = static_cast<neuron_id>(position[e]);
      to.edges.push_back({by_columns ? line : other, by_columns ? other : line,
                          inhibitory ? -weight[e] : weight[e], static_cast<std::uint32_t>(e)});
    }
  }
}

}  // namespace

void read_hdf5(const std::string& path, const std::string& group, edge_list& to) {
  to.lines = false;
  const auto put = [&](value_pipe& values) {
    read_here(path, group, to);
    values.put_value(to.source.size);
    values.put_value(to.target.size);
    values.put(std::span<const graph_edge>(to.edges));
  };
  read_in_child(path, put, [&](value_pipe& values) {
    to.source.size = values.take_value<std::optional<neuron_id>>();
    to.target.size = values.take_value<std::optional<neuron_id>>();
    to.edges = values.take<std::vector<graph_edge>>();
  });
}

}  // namespace bdh::graph_formats
