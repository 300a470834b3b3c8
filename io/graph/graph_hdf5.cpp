// Graphs in HDF5: CSR and CSC matrices, and SONATA circuits.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include <bdh/error.hpp>

#include "io/files/sandbox.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/hdf5_values.hpp"
#include "io/graph/matrix.hpp"
#include "io/graph/sonata.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {
namespace {

struct matrix_shape {
  std::uint64_t rows, columns;
};

matrix_shape read_shape(const hdf5::group& g) {
  for (const char* name : {"shape", "h5sparse_shape"})
    if (g.has_attribute(name)) {
      const hdf5::extents values = g.numbers(name, 2);
      return {values[0], values[1]};
    }
  const array<std::uint64_t> values =
      g.open_dataset("shape").read_integers(2, ~std::uint64_t{0} >> 1);
  return {values[0], values[1]};
}

// What says whether rows or columns are stored together: attributes of AnnData, of AnnData before
// 0.7 and h5sparse, and what SciPy's npz has.
constexpr std::string_view encodings[] = {"encoding-type", "h5sparse_format", "format",
                                          "sparse_format"};
// Attributes that mean nothing more: of AnnData and of our own model files.
constexpr std::string_view known_attributes[] = {"encoding-version",
                                                 "shape",
                                                 "h5sparse_shape",
                                                 "orientation",
                                                 "sign",
                                                 "kernel_order",
                                                 "source_population",
                                                 "target_population"};

template <std::size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

// Whether the matrix is stored by columns. CSR is what it is without a word.
bool is_by_columns(const hdf5::group& g) {
  std::optional<bool> by_columns;
  std::string said;
  const auto take = [&](const std::string& place, const std::string& text) {
    const std::string kind = lower(text).substr(0, 3);
    const bool known = text.size() == 3 || text.ends_with("_matrix") || text.ends_with("_array");
    if (!known || (kind != "csr" && kind != "csc"))
      throw input_error(place, shown(text), "csr_matrix or csc_matrix");
    if (by_columns.value_or(kind == "csc") != (kind == "csc"))
      throw input_error(place, shown(text), said);
    by_columns = kind == "csc";
    said = shown(text) + ", as " + place + " says";
  };
  for (const std::string_view encoding : encodings) {
    const std::string name(encoding);
    if (g.has_attribute(name.c_str()))
      take(g.place() + "@" + name, g.text_of_any_length(name.c_str()));
    if (!by_columns && g.has(name.c_str()))
      throw input_error(g.place() + "/" + name, "a dataset that states how the matrix is stored",
                        "an attribute encoding-type of the group, csr_matrix or csc_matrix");
  }
  return by_columns.value_or(false);
}

void check_orientation(const hdf5::group& g) {
  constexpr const char* targets_are_rows = "row=target,col=source";
  if (!g.has_attribute("orientation")) return;
  if (const std::string found = g.text_of_any_length("orientation"); found != targets_are_rows)
    throw input_error(g.place() + "@orientation", "'" + found + "'",
                      "'" + std::string(targets_are_rows) + "'");
}

void note_others(const hdf5::group& g, edge_list& to) {
  static constexpr std::string_view datasets[] = {"data", "indices", "indptr", "shape"};
  for (const std::string& name : g.names())
    if (!is_one_of(datasets, name)) to.not_used.push_back("'" + name + "' (" + g.place() + ")");
  for (const std::string& name : g.attribute_names())
    if (!is_one_of(known_attributes, name) && !is_one_of(encodings, name))
      to.not_used.push_back("attribute '" + name + "' (" + g.place() + ")");
}

hdf5::group group_named(const hdf5::file& file, const std::string& name) {
  hdf5::group g = file.root();
  for (std::size_t at = 1; at < name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    if (end != at) g = g.open_group(name.substr(at, end - at).c_str());
    at = end + 1;
  }
  return g;
}

void read_matrix(const hdf5::group& g, std::uint64_t bytes, edge_list& to) {
  const auto [rows, columns] = read_shape(g);
  check_shape(rows, columns, bytes, g.place() + "@shape", to);
  check_orientation(g);
  compressed_matrix m{.rows = rows, .columns = columns, .by_columns = is_by_columns(g)};
  // Lines are what is stored together.
  const std::uint64_t lines = m.by_columns ? columns : rows;
  const hdf5::dataset data = g.open_dataset("data"), indices = g.open_dataset("indices"),
                      indptr = g.open_dataset("indptr");
  for (const hdf5::dataset* d : {&data, &indices, &indptr})
    if (d->shape().size() != 1)
      throw shape_error(d->place(), std::to_string(d->shape().size()) + " dimensions", "1");
  const std::uint64_t edges = data.shape()[0];
  if (indices.shape()[0] != edges)
    throw shape_error(indices.place(), std::to_string(indices.shape()[0]) + " entries",
                      std::to_string(edges) + ", as data has");
  if (indptr.shape()[0] != lines + 1)
    throw shape_error(indptr.place(), std::to_string(indptr.shape()[0]) + " entries",
                      std::to_string(lines) + (m.by_columns ? " columns + 1" : " rows + 1"));
  m.first = indptr.read_integers(lines + 1, edges);
  m.first_place = indptr.place();
  m.position = indices.read_integers(edges, (m.by_columns ? rows : columns) - 1);
  edge_numbers numbers(to);
  m.weight = read_weights(data, edges, numbers, to);
  numbers.finish(to);
  // Of our own model files.
  if (g.has_attribute("sign") && g.integer("sign") < 0)
    for (float& w : m.weight) w = -w;
  take_matrix(m, to);
  note_others(g, to);
}

constexpr int most_groups = 1000;

// The places of matrices below a group, up to three groups deep.
void find_matrices(const hdf5::group& g, int depth, int& left, std::vector<std::string>& found) {
  if (g.has("indptr") && g.has("indices") && g.has("data")) found.push_back(g.place());
  if (depth == 3) return;
  for (const std::string& name : g.names()) {
    if (--left < 0 || !found.empty()) return;
    try {
      find_matrices(g.open_group(name.c_str()), depth + 1, left, found);
    } catch (const input_error&) {
      continue;  // a dataset, or a link
    }
  }
}

void read_here(const std::string& path, const std::string& group, edge_list& to) {
  const hdf5::limits limits = foreign_limits(path);
  const hdf5::file file = hdf5::file::open(path, limits);
  hdf5::group g = group_named(file, group);
  std::vector<hdf5::group> circuit = edge_populations(g);
  if (is_edge_population(g)) circuit.push_back(std::move(g));
  if (!circuit.empty()) return read_sonata(path, circuit, to);
  if (group == "/" || !g.has("indptr")) {
    std::vector<std::string> matrices;
    int left = most_groups;
    find_matrices(g, 0, left, matrices);
    std::string hint = matrices.empty() ? "" : "for example " + matrices.front();
    if (g.has("projections") || g.place().ends_with(":/projections"))
      hint = "bdh export " + path + " -o FILE.csv writes the circuit of a model";
    throw input_error(group == "/" ? path : g.place(), group == "/" ? "an HDF5 file" : "no matrix",
                      "the group in it that holds the matrix", hint);
  }
  read_matrix(g, limits.dataset_bytes, to);
}

void put_texts(value_pipe& values, const std::vector<std::string>& texts) {
  values.put_value<std::uint64_t>(texts.size());
  for (const std::string& text : texts) values.put(std::span<const char>(text));
}

std::vector<std::string> take_texts(value_pipe& values) {
  std::vector<std::string> texts;
  for (auto count = values.take_value<std::uint64_t>(); count > 0; --count)
    texts.push_back(values.take<std::string>());
  return texts;
}

}  // namespace

void read_hdf5(const std::string& path, const std::string& group, edge_list& to) {
  to.lines = false;
  const auto put = [&](value_pipe& values) {
    read_here(path, group, to);
    for (const graph_nodes* nodes : {&to.source, &to.target}) {
      values.put_value(nodes->size);
      put_texts(values, nodes->names);
    }
    values.put(std::span<const graph_edge>(to.edges));
    values.put_value(to.has_values);
    values.put_value(to.choices_not_found.weight.has_value());
    values.put_value(to.choices_not_found.sign.has_value());
    values.put(std::span<const char>(to.values_at));
    put_texts(values, to.remarks);
    put_texts(values, to.not_used);
  };
  read_in_child(path, put, [&](value_pipe& values) {
    for (graph_nodes* nodes : {&to.source, &to.target}) {
      nodes->size = values.take_value<std::optional<neuron_id>>();
      nodes->names = take_texts(values);
    }
    to.edges = values.take<std::vector<graph_edge>>();
    to.has_values = values.take_value<bool>();
    if (!values.take_value<bool>()) to.choices_not_found.weight.reset();
    if (!values.take_value<bool>()) to.choices_not_found.sign.reset();
    to.values_at = values.take<std::string>();
    to.remarks = take_texts(values);
    to.not_used = take_texts(values);
  });
}

}  // namespace bdh::graph_formats
