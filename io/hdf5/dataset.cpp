#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "io/hdf5/file.hpp"
#include "io/hdf5/file_detail.hpp"

namespace bdh::hdf5 {

std::uint64_t product(const extents& shape, std::uint64_t factor) {
  std::uint64_t n = factor;
  for (std::uint64_t s : shape)
    if (__builtin_mul_overflow(n, s, &n))
      return std::find(shape.begin(), shape.end(), 0u) != shape.end() ? 0 : ~std::uint64_t{0};
  return n;
}

namespace {

constexpr int most_dimensions = 8;
constexpr std::uint64_t largest_chunk = std::uint64_t{1} << 28;  // bytes, of a chunk that we read
constexpr std::uint64_t least_mapped = std::uint64_t{1}
                                       << 16;  // bytes, of a dataset that is worth pages of its own

handle part_of(hid_t set, const extents& start, const extents& count, const std::string& place) {
  handle space = readable(H5Dget_space(set), place, "no extents");
  const std::vector<hsize_t> from(start.begin(), start.end()), number(count.begin(), count.end());
  if (H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, from.data(), nullptr, number.data(),
                          nullptr) < 0)
    unreadable(place, "no such rows");
  return space;
}

handle rows_of(hid_t set, const extents& shape, std::uint64_t first, std::uint64_t rows,
               const std::string& place) {
  extents start(shape.size(), 0), count = shape;
  start[0] = first;
  count[0] = rows;
  return part_of(set, start, count, place);
}

// Where the values of a contiguous dataset lie in a file on disk, if they lie there as in memory.
struct stored_at {
  int descriptor;  // HDF5's own
  std::uint64_t offset, file_bytes;
};

std::optional<stored_at> where_stored(hid_t set, hid_t memory_type) {
  const handle type(H5Dget_type(set)), file(H5Iget_file_id(set)),
      access(H5Fget_access_plist(file.id()));
  const haddr_t offset = H5Dget_offset(set);
  int* descriptor = nullptr;
  struct ::stat status {};
  if (!equal_types(type.id(), memory_type) || offset == HADDR_UNDEF ||
      H5Pget_driver(access.id()) != H5FD_SEC2 ||
      H5Fget_vfd_handle(file.id(), H5P_DEFAULT, reinterpret_cast<void**>(&descriptor)) < 0 ||
      ::fstat(*descriptor, &status) != 0)
    return std::nullopt;
  return stored_at{*descriptor, offset, static_cast<std::uint64_t>(status.st_size)};
}

handle block_of(std::uint64_t elements, const std::string& place) {
  const hsize_t n = elements;
  return readable(H5Screate_simple(1, &n, nullptr), place, "no extents");
}

}  // namespace

dataset::dataset(handle h, std::string where, limits l)
    : object(std::move(h), std::move(where), l) {
  const handle space = readable(H5Dget_space(handle_.id()), place_, "no extents");
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (H5Sget_simple_extent_type(space.id()) != H5S_SIMPLE || rank < 1 || rank > most_dimensions)
    throw input_error(place_, "other extents",
                      "1 to " + std::to_string(most_dimensions) + " dimensions");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  if (H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr) != rank)
    unreadable(place_, "no extents");
  shape_.assign(dims.begin(), dims.end());
}

// Nothing here may read another file, load a filter, or unpack into more memory than the shape
// says.
void dataset::check_storage() const {
  const handle plan = readable(H5Dget_create_plist(handle_.id()), place_, "no creation list");
  const H5D_layout_t layout = H5Pget_layout(plan.id());
  const int filters = H5Pget_nfilters(plan.id());
  if (H5Pget_external_count(plan.id()) != 0)
    throw input_error(place_, "data kept in another file", "data in this file");
  if (limits_.plain) {
    if (layout != H5D_CONTIGUOUS || filters != 0)
      throw input_error(place_, "a chunked, compact or compressed dataset", "a contiguous one");
    return;
  }
  if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED && layout != H5D_COMPACT)
    throw input_error(place_, "data kept in other datasets", "data in this file");
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(plan.id(), static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, nullptr);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32)
      throw input_error(place_, "filter " + std::to_string(filter), "gzip, shuffle or fletcher32");
  }
  if (layout != H5D_CHUNKED) return;
  std::vector<hsize_t> dims(shape_.size());
  if (H5Pget_chunk(plan.id(), static_cast<int>(dims.size()), dims.data()) !=
      static_cast<int>(dims.size()))
    unreadable(place_, "no chunks");
  const extents chunk(dims.begin(), dims.end());
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  const std::uint64_t bytes = product(chunk, H5Tget_size(type.id()));
  if (bytes == 0 || bytes > largest_chunk)
    throw input_error(place_, "chunks of " + shown(chunk),
                      "at most " + std::to_string(largest_chunk) + " bytes each");
  // Compression makes data smaller, so stored bytes beyond the plain size are there to unpack into
  // something else.
  extents chunks;
  for (std::size_t i = 0; i < chunk.size(); ++i)
    chunks.push_back(shape_[i] / chunk[i] + (shape_[i] % chunk[i] != 0));
  const std::uint64_t plain_size = product(chunks, bytes);
  if (H5Dget_storage_size(handle_.id()) / 2 > plain_size)
    throw input_error(place_, std::to_string(H5Dget_storage_size(handle_.id())) + " stored bytes",
                      "at most twice the " + std::to_string(plain_size));
}

void dataset::check_size(const extents& shape, std::uint64_t element_bytes) const {
  const std::uint64_t bytes = product(shape, element_bytes);
  if (bytes > limits_.dataset_bytes)
    throw input_error(place_, shown(shape) + " values",
                      "at most " + std::to_string(limits_.dataset_bytes) + " bytes" +
                          (limits_.plain ? ", the size of the file" : ""));
  if (limits_.plain && H5Dget_storage_size(handle_.id()) != bytes)
    throw input_error(place_, std::to_string(H5Dget_storage_size(handle_.id())) + " stored bytes",
                      std::to_string(bytes));
}

void dataset::check_type(hid_t file, hid_t swapped, const char* name) const {
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  if (!equal_types(type.id(), file) && !equal_types(type.id(), swapped))
    throw input_error(place_, "another element type", name);
}

template <element T>
void dataset::check(const extents& shape) const {
  const types t = types_of<T>();
  check_type(t.file, t.swapped, t.name);
  if (shape_ != shape) throw input_error(place_, "shape " + shown(shape_), shown(shape));
  check_size(shape, sizeof(T));
}

template <element T>
array<T> dataset::read(const extents& shape) const {
  const silence quiet;
  check<T>(shape);
  array<T> values(product(shape, 1));
  read_rows(shape[0], types_of<T>().memory, values.data());
  return values;
}

template <element T>
array<T> dataset::map(const extents& shape) const {
  const silence quiet;
  check<T>(shape);
  const std::uint64_t bytes = product(shape, sizeof(T));
  const std::optional<stored_at> where = limits_.map && limits_.plain
                                             ? where_stored(handle_.id(), types_of<T>().memory)
                                             : std::nullopt;
  if (!where || bytes < least_mapped || where->offset % alignof(T) != 0) return read<T>(shape);
  if (where->offset > where->file_bytes || bytes > where->file_bytes - where->offset)
    unreadable(place_, "cut short");
  return array<T>::of_file(where->descriptor, where->offset, product(shape, 1));
}

template <element T>
array<T> dataset::map_list() const {
  if (shape_.size() != 1) throw input_error(place_, "shape " + shown(shape_), "one dimension");
  return map<T>(shape_);
}

template <element T>
array<T> dataset::read_list() const {
  if (shape_.size() != 1) throw input_error(place_, "shape " + shown(shape_), "one dimension");
  return read<T>(shape_);
}

template <element T>
array<T> dataset::read_part(const extents& start, const extents& count) const {
  const silence quiet;
  const types t = types_of<T>();
  check_type(t.file, t.swapped, t.name);
  bool inside = start.size() == shape_.size() && count.size() == shape_.size();
  for (std::size_t i = 0; inside && i < shape_.size(); ++i)
    inside = start[i] <= shape_[i] && count[i] <= shape_[i] - start[i];
  if (!inside)
    throw input_error(place_, "shape " + shown(shape_),
                      shown(count) + " from " + shown(start) + " on");
  check_size(count, sizeof(T));
  array<T> values(product(count, 1));
  if (values.empty()) return values;
  const handle from = part_of(handle_.id(), start, count, place_),
               block = block_of(values.size(), place_);
  if (H5Dread(handle_.id(), t.memory, block.id(), from.id(), H5P_DEFAULT, values.data()) < 0)
    unreadable(place_, "cannot be read");
  return values;
}

extents dataset::first_rows(std::uint64_t rows) const {
  if (rows > shape_[0])
    throw input_error(place_, std::to_string(shape_[0]) + " rows",
                      "at least " + std::to_string(rows));
  extents shape = shape_;
  shape[0] = rows;
  return shape;
}

void dataset::read_rows(std::uint64_t rows, hid_t memory_type, void* to) const {
  const std::uint64_t elements = product(first_rows(rows), 1);
  if (elements == 0) return;
  const handle from = rows_of(handle_.id(), shape_, 0, rows, place_),
               block = block_of(elements, place_);
  if (H5Dread(handle_.id(), memory_type, block.id(), from.id(), H5P_DEFAULT, to) < 0)
    unreadable(place_, "cannot be read");
}

array<std::uint64_t> dataset::read_integers(std::uint64_t rows, std::uint64_t most) const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  if (!is_integer(type.id())) throw input_error(place_, "another element type", "integers");
  const extents shape = first_rows(rows);
  check_size(shape, sizeof(std::uint64_t));
  array<std::uint64_t> values(product(shape, 1));
  // HDF5 would turn a negative number into 0 without a word; as int64 it stays visible, and above
  // every limit.
  read_rows(rows, is_signed(type.id()) ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, values.data());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] > most)
      throw input_error(place_ + "[" + std::to_string(i) + "]",
                        is_signed(type.id()) ? std::to_string(static_cast<std::int64_t>(values[i]))
                                             : std::to_string(values[i]),
                        "0 to " + std::to_string(most));
  return values;
}

array<float> dataset::read_reals(std::uint64_t rows) const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  if (!equal_types(type.id(), H5T_IEEE_F32LE) && !equal_types(type.id(), H5T_IEEE_F32BE) &&
      !equal_types(type.id(), H5T_IEEE_F64LE) && !equal_types(type.id(), H5T_IEEE_F64BE))
    throw input_error(place_, "another element type", "float32 or float64");
  const extents shape = first_rows(rows);
  check_size(shape, sizeof(float));
  array<float> values(product(shape, 1));
  read_rows(rows, H5T_NATIVE_FLOAT, values.data());
  return values;
}

std::vector<std::string> dataset::read_texts(std::uint64_t count, std::uint64_t longest) const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  const std::size_t length = H5Tget_size(type.id());
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0 || length == 0 ||
      length > longest)
    throw input_error(place_, "another element type",
                      "strings of one fixed length, at most " + std::to_string(longest) + " bytes");
  if (shape_ != extents{count})
    throw input_error(place_, "shape " + shown(shape_), std::to_string(count));
  check_size(shape_, length);
  std::vector<char> all(count * length);
  read_rows(count, type.id(), all.data());
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < count; ++i) {
    const char* const first = all.data() + i * length;
    values.emplace_back(first, std::find(first, first + length, '\0'));
  }
  return values;
}

template <element T>
void dataset::write(std::span<const T> values) {
  const silence quiet;
  if (values.size() != product(shape_, 1))
    throw shape_error(place_, std::to_string(values.size()) + " values", shown(shape_));
  if (values.empty()) return;
  if (H5Dwrite(handle_.id(), types_of<T>().memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) <
      0)
    unwritable(place_, "cannot be written");
}

template <element T>
void dataset::read_into(const extents& shape, std::uint64_t first, std::span<T> values) const {
  const silence quiet;
  check<T>(shape);
  if (values.empty()) return;
  const std::uint64_t row = product({shape.begin() + 1, shape.end()}, 1);
  const handle from = rows_of(handle_.id(), shape_, first, values.size() / row, place_),
               block = block_of(values.size(), place_);
  if (H5Dread(handle_.id(), types_of<T>().memory, block.id(), from.id(), H5P_DEFAULT,
              values.data()) < 0)
    unreadable(place_, "cannot be read");
}

template <element T>
void dataset::write_rows(std::uint64_t first, std::span<const T> values) {
  const silence quiet;
  if (values.empty()) return;
  const std::uint64_t row = product({shape_.begin() + 1, shape_.end()}, 1);
  const handle to = rows_of(handle_.id(), shape_, first, values.size() / row, place_),
               block = block_of(values.size(), place_);
  if (H5Dwrite(handle_.id(), types_of<T>().memory, block.id(), to.id(), H5P_DEFAULT,
               values.data()) < 0)
    unwritable(place_, "cannot be written");
}

template <element T>
void dataset::append(std::span<const T> values) {
  const silence quiet;
  const std::uint64_t row = product({shape_.begin() + 1, shape_.end()}, 1),
                      rows = row == 0 ? 0 : values.size() / row;
  if (rows * row != values.size())
    throw shape_error(place_, std::to_string(values.size()) + " values",
                      "whole rows of " + std::to_string(row));
  if (rows == 0) return;
  const std::uint64_t first = shape_[0];
  shape_[0] += rows;
  const std::vector<hsize_t> dims(shape_.begin(), shape_.end());
  if (H5Dset_extent(handle_.id(), dims.data()) < 0) unwritable(place_, "cannot grow");
  const handle to = rows_of(handle_.id(), shape_, first, rows, place_),
               block = block_of(values.size(), place_);
  if (H5Dwrite(handle_.id(), types_of<T>().memory, block.id(), to.id(), H5P_DEFAULT,
               values.data()) < 0)
    unwritable(place_, "cannot be written");
}

#define BDH_FOR_ELEMENT(T)                                                                \
  template array<T> dataset::read<T>(const extents&) const;                               \
  template array<T> dataset::read_list<T>() const;                                        \
  template array<T> dataset::map<T>(const extents&) const;                                \
  template array<T> dataset::map_list<T>() const;                                         \
  template array<T> dataset::read_part<T>(const extents&, const extents&) const;          \
  template void dataset::write<T>(std::span<const T>);                                    \
  template void dataset::read_into<T>(const extents&, std::uint64_t, std::span<T>) const; \
  template void dataset::write_rows<T>(std::uint64_t, std::span<const T>);                \
  template void dataset::append<T>(std::span<const T>);
BDH_FOR_ELEMENT(float)
BDH_FOR_ELEMENT(double)
BDH_FOR_ELEMENT(std::uint8_t)
BDH_FOR_ELEMENT(std::uint32_t)
BDH_FOR_ELEMENT(std::uint64_t)
BDH_FOR_ELEMENT(std::int64_t)
#undef BDH_FOR_ELEMENT

}  // namespace bdh::hdf5
