// Sparse matrices as scipy.sparse.save_npz writes them: arrays of NumPy in a zip archive.
#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/mapped_file.hpp"
#include "io/files/zip_archive.hpp"
#include "io/graph/edge_numbers.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/matrix.hpp"
#include "io/graph/numpy_array.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{16} << 30;  // of an array
constexpr std::string_view ending = ".npy";
constexpr const char* targets_are_rows = "row=target,col=source";
// What this program and SciPy write beside the matrix.
constexpr std::string_view harmless[] = {"shape",       "format", "_is_array",
                                         "orientation", "about",  "edge_id"};

class npz_reader {
 public:
  npz_reader(std::span<const std::byte> bytes, edge_list& to)
      : archive_(bytes, to.file,
                 {.expected = "a sparse matrix as scipy.sparse.save_npz writes it"}),
        file_bytes_(bytes.size()),
        list_(to) {
    for (const std::string_view name : harmless) used_.emplace_back(name);
  }

  void run() {
    list_.lines = false;
    const std::string format = text("format");
    check_orientation();
    const array<std::uint64_t> shape = read("shape").indices(~std::uint64_t{0} >> 1);
    if (shape.size() != 2)
      throw shape_error(place("shape"), std::to_string(shape.size()) + " dimensions", "2");
    check_shape(shape[0], shape[1], std::min(file_bytes_ * 1032, most_bytes), place("shape"),
                list_);
    if (format == "csr" || format == "csc")
      read_compressed(shape[0], shape[1], format == "csc");
    else if (format == "coo")
      read_coordinates(shape[0], shape[1]);
    else
      throw unavailable_error(place("format"), shown(format) + " format", "csr, csc or coo",
                              "save matrix.tocsr()");
    read_names();
    for (const auto& [name, entry] : archive_.entries()) {
      const std::string array = name.ends_with(ending) ? name.substr(0, name.size() - 4) : name;
      if (std::ranges::find(used_, array) == used_.end())
        list_.not_used.push_back("array '" + array + "' (" + list_.file + ")");
    }
  }

 private:
  std::string place(std::string_view array) const {
    return archive_.place_of(std::string(array) + std::string(ending));
  }
  bool has(std::string_view array) const {
    return archive_.entries().contains(std::string(array) + std::string(ending));
  }

  numpy_array read(const std::string& name) {
    const std::string entry = name + std::string(ending);
    const zip_archive::entry* const found = archive_.find(entry);
    if (found == nullptr)
      throw input_error(list_.file, "no array '" + name + "'",
                        "a sparse matrix as scipy.sparse.save_npz writes it");
    if (found->bytes > most_bytes)
      throw input_error(place(name), std::to_string(found->bytes) + " bytes",
                        "at most " + std::to_string(most_bytes));
    used_.push_back(name);
    return {archive_.read(*found, archive_.place_of(entry)), place(name)};
  }

  std::string text(const std::string& name) {
    const numpy_array value = read(name);
    if (value.is_number() || value.size() != 1)
      throw input_error(value.place(), "other values", "one text");
    return value.text(0);
  }

  void check_orientation() {
    if (!has("orientation")) return;
    if (const std::string found = text("orientation"); found != targets_are_rows)
      throw input_error(place("orientation"), shown(found), shown(targets_are_rows));
  }

  array<float> weights(std::uint64_t count) {
    const numpy_array data = read("data");
    if (!data.is_number() || data.shape().size() != 1)
      throw input_error(data.place(), "other values", "a list of numbers");
    if (data.size() != count)
      throw shape_error(data.place(), std::to_string(data.size()) + " values",
                        std::to_string(count) + ", as many as indices");
    list_.values_at = data.place();
    edge_numbers numbers(list_);
    array<float> all(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (data.kind() == numpy_kind::integer)
        all[i] = numbers.take(data.integer(i), i);
      else if (data.kind() == numpy_kind::natural)
        all[i] = numbers.take(data.natural(i), i);
      else
        all[i] = numbers.take(data.real(i), i);
    }
    numbers.finish(list_);
    return all;
  }

  void read_compressed(std::uint64_t rows, std::uint64_t columns, bool by_columns) {
    compressed_matrix m{.rows = rows, .columns = columns, .by_columns = by_columns};
    const std::uint64_t lines = by_columns ? columns : rows;
    m.position = read("indices").indices((by_columns ? rows : columns) - 1);
    m.first = read("indptr").indices(m.position.size());
    m.first_place = place("indptr");
    if (m.first.size() != lines + 1)
      throw shape_error(m.first_place, std::to_string(m.first.size()) + " entries",
                        std::to_string(lines) + (by_columns ? " columns + 1" : " rows + 1"));
    m.weight = weights(m.position.size());
    take_matrix(m, list_);
  }

  void read_coordinates(std::uint64_t rows, std::uint64_t columns) {
    const array<std::uint64_t> row = read("row").indices(rows - 1),
                               column = read("col").indices(columns - 1);
    if (row.size() != column.size())
      throw shape_error(place("col"), std::to_string(column.size()) + " entries",
                        std::to_string(row.size()) + ", as row has");
    if (row.size() > most_lines)
      throw unavailable_error(place("row"), std::to_string(row.size()) + " edges",
                              "at most " + std::to_string(most_lines));
    const array<float> weight = weights(row.size());
    take_sizes(rows, columns, list_);
    list_.edges.reserve(row.size());
    for (std::size_t i = 0; i < row.size(); ++i)
      list_.edges.push_back({static_cast<neuron_id>(column[i]), static_cast<neuron_id>(row[i]),
                             weight[i], static_cast<std::uint32_t>(i)});
  }

  // Of neurons, as this program writes them.
  void read_names() {
    if (!has("names") || !list_.one_population) return;
    const numpy_array names = read("names");
    if (names.is_number() || names.shape().size() != 1 || names.size() != *list_.source.size)
      throw input_error(names.place(), "other values",
                        "a name for each of the " + std::to_string(*list_.source.size) + " rows");
    name_table table;
    for (std::uint64_t i = 0; i < names.size(); ++i)
      if (table.number_of(names.text(i), list_, i) != i)
        throw input_error(names.place() + "[" + std::to_string(i) + "]",
                          shown(names.text(i)) + " again", "different names");
    list_.source.names = table.take();
    take_numbers(list_, file_bytes_);
  }

  zip_archive archive_;
  std::uint64_t file_bytes_;
  edge_list& list_;
  std::vector<std::string> used_;
};

}  // namespace

void read_npz(std::span<const std::byte> bytes, edge_list& to) { npz_reader(bytes, to).run(); }

}  // namespace bdh::graph_formats
