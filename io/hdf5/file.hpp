// HDF5 behind owning handles and checked reads and writes. Every size, type and link is checked
// before memory is taken for it; HDF5's own error printing stays off. HDF5 is not thread-safe: one
// thread at a time uses anything here.
//
// Places in messages are `file.h5:/group/dataset` and `file.h5:/group@attribute`. A file that
// cannot be read as what it should be throws input_error, a failed write device_error.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/array.hpp>

namespace bdh::hdf5 {

// What a reader accepts from an untrusted file.
struct limits {
  // Largest dataset, in memory; a plain file is limited by its own size as well.
  std::uint64_t dataset_bytes = 0;
  // A model or state as we write it, checked by io/hdf5/validate.hpp before HDF5 opens it.
  bool plain = true;
  bool map = false;  // datasets may be mapped instead of read
};

using extents = std::vector<std::uint64_t>;

// Owns one HDF5 identifier.
class handle {
 public:
  handle() = default;
  explicit handle(std::int64_t id) noexcept : id_(id) {}
  handle(handle&& other) noexcept;
  handle& operator=(handle&& other) noexcept;
  ~handle();
  std::int64_t id() const noexcept { return id_; }
  explicit operator bool() const noexcept { return id_ >= 0; }
  bool close() noexcept;  // false when HDF5 reports a failure

 private:
  std::int64_t id_ = -1;
};

// What groups and datasets share: a place in messages, and attributes.
class object {
 public:
  const std::string& place() const noexcept { return place_; }

  bool has_attribute(const char* name) const;
  std::vector<std::string> attribute_names() const;        // ascending
  std::string text(const char* name) const;                // a string of fixed length, up to 64 KiB
  std::string text_of_any_length(const char* name) const;  // also as h5py writes it
  std::uint64_t number(const char* name) const;            // any integer type, >= 0
  extents numbers(const char* name, std::size_t count) const;          // exactly `count` of them
  std::int64_t integer(const char* name) const;                        // any integer type
  double real(const char* name) const;                                 // float64, finite
  void set_text(const char* name, std::string_view value);             // UTF-8, up to 60,000 bytes
  void change_text(const char* name, std::string_view value);          // to one of as many bytes
  void set_number(const char* name, std::uint64_t value);              // u64
  void set_numbers(const char* name, std::span<const std::uint64_t>);  // u64
  void set_integer(const char* name, std::int64_t value);              // i64
  void set_number32(const char* name, std::uint32_t value);            // u32
  void set_numbers32(const char* name, std::span<const std::uint32_t>);  // u32
  // An enumeration of u8: `names` have the values 0, 1, ...
  void set_choice(const char* name, std::span<const char* const> names, std::uint8_t chosen);
  void set_flag(const char* name, bool value);    // u8
  void set_real(const char* name, double value);  // float64
  // As NWB wants them; our own files have none of these.
  void set_string(const char* name, std::string_view value);  // UTF-8 of any length, in HDF5's heap
  void set_strings(const char* name, const std::vector<std::string>& values);  // the same
  void set_integer32(const char* name, std::int32_t value);                    // i32
  // To the object of the same file with this path.
  void set_reference(const char* name, const char* path);

 protected:
  object() = default;
  object(handle h, std::string place, limits l)
      : handle_(std::move(h)), place_(std::move(place)), limits_(l) {}
  handle handle_;
  std::string place_;
  limits limits_;

 private:
  handle open_attribute(const char* name) const;
  void write_attribute(const char* name, std::int64_t type, std::int64_t space, const void* value);
  void write_value(const char* name, std::int64_t type, const void* value);
  void write_values(const char* name, std::int64_t type, std::uint64_t count, const void* values);
};

template <class T>
concept element = std::same_as<T, float> || std::same_as<T, double> ||
    std::same_as<T, std::uint8_t> || std::same_as<T, std::uint32_t> ||
    std::same_as<T, std::uint64_t> || std::same_as<T, std::int64_t>;

// What is done with numbers, piece after piece: the first is the number `first` of the dataset.
// Which of the functions is called depends on the type that the dataset has; truth values are
// integers.
struct number_visitor {
  std::function<void(std::uint64_t first, std::span<const std::int64_t>)> integers;
  std::function<void(std::uint64_t first, std::span<const std::uint64_t>)> unsigned_integers;
  std::function<void(std::uint64_t first, std::span<const double>)> reals;
};

class dataset : public object {
 public:
  dataset() = default;  // none

  const extents& shape() const noexcept { return shape_; }

  // All of it. The file must hold exactly this element type (in either byte order) and this shape.
  template <element T>
  array<T> read(const extents& shape) const;
  // As read, of a one-dimensional dataset of any length.
  template <element T>
  array<T> read_list() const;
  // As read and read_list, but the pages of the file themselves (bdh/array.hpp), read when
  // they are first touched, where limits allow it and they hold the values as memory does: in our
  // byte order, together, aligned. Else as read.
  template <element T>
  array<T> map(const extents& shape) const;
  template <element T>
  array<T> map_list() const;
  // The part from `start` on, so many in each dimension, of a dataset of any length. The file must
  // hold exactly this element type.
  template <element T>
  array<T> read_part(const extents& start, const extents& count) const;

  // The first `rows` rows of any integer type; a value outside 0..most is refused.
  array<std::uint64_t> read_integers(std::uint64_t rows, std::uint64_t most) const;
  // The first `rows` rows of float32 or float64, as float32.
  array<float> read_reals(std::uint64_t rows) const;

  // The first `rows` numbers of one dimension, of any integer, floating or boolean type and byte
  // order.
  void visit_numbers(std::uint64_t rows, const number_visitor& use) const;
  // The first `rows` strings of one dimension, of any length, or of a fixed one with padding; up to
  // `longest` bytes each.
  std::vector<std::string> read_strings(std::uint64_t rows, std::uint64_t longest) const;
  // Whether it holds strings.
  bool has_strings() const;

  // `count` strings of one fixed length, up to `longest` bytes each.
  std::vector<std::string> read_texts(std::uint64_t count, std::uint64_t longest) const;

  // All of it; `values` has as many elements as the dataset.
  template <element T>
  void write(std::span<const T> values);
  // Whole rows from row `first` on: of a dataset that must hold exactly this element type and this
  // shape; and back.
  template <element T>
  void read_into(const extents& shape, std::uint64_t first, std::span<T> values) const;
  template <element T>
  void write_rows(std::uint64_t first, std::span<const T> values);
  // Whole rows behind the last one, of a dataset made by create_rows.
  template <element T>
  void append(std::span<const T> values);

 private:
  friend class group;
  dataset(handle h, std::string place, limits l);
  void check_storage() const;
  void check_size(const extents& shape, std::uint64_t element_bytes) const;
  void check_type(std::int64_t file, std::int64_t swapped, const char* name) const;
  void read_rows(std::uint64_t rows, std::int64_t memory_type, void* to) const;
  template <element T>
  void check(const extents& shape) const;
  extents first_rows(std::uint64_t rows) const;

  extents shape_;
};

class group : public object {
 public:
  group() = default;  // none
  bool has(const char* name) const;
  std::vector<std::string> names() const;  // of all members, ascending
  // Only what really is in this file: soft and external links are refused.
  group open_group(const char* name) const;
  dataset open_dataset(const char* name) const;

  group create_group(const char* name);
  template <element T>
  dataset create_dataset(const char* name, const extents& shape);
  // A second name for the member `to`: a hard link.
  void create_link(const char* name, const char* to);
  // Strings as one dataset, UTF-8, filled up with zeros to the length of the longest.
  void create_texts(const char* name, const std::vector<std::string>& values);
  void create_string(const char* name, std::string_view value);  // one, of any length
  // Of any length.
  dataset create_strings(const char* name, const std::vector<std::string>& values);
  // Grows by rows: no rows yet; the later extents are those of a row (may be empty). Stored in
  // chunks of whole rows, or, where a row has more than 1 MiB, of parts of a row.
  template <element T>
  dataset create_rows(const char* name, const extents& row_shape, std::uint64_t chunk_rows);

 private:
  friend class file;
  group(handle h, std::string place, limits l) : object(std::move(h), std::move(place), l) {}
  void check_link(const char* name) const;
  std::string below(const char* name) const;
};

struct output;

class file {
 public:
  // For reading. `shown` instead of the path in messages, where given. Takes no lock: a file that
  // is being recorded can be read.
  static file open(const std::filesystem::path& path, limits l, std::string shown = {});
  // A file in memory; the bytes are copied.
  static file open_image(std::span<const std::byte> image, limits l, const std::string& shown);
  // A new file, which must not exist, behind `user_block` bytes (0, 512, 1024, ...) that are not
  // HDF5's. A failed write to disk shows at the next flush, sync or close, as a device_error.
  // `shown` instead of the path in messages, where given.
  static file create(const std::filesystem::path& path, std::uint64_t user_block = 0,
                     std::string shown = {});

  file(file&&) noexcept;
  file& operator=(file&&) noexcept;
  ~file();  // closes, and ignores failures

  group root() const;
  void flush();  // to the operating system
  void sync();   // flush, and from there to the disk
  void close();  // after every group and dataset

 private:
  file(handle h, std::string shown, limits l);
  void check_output() const;

  std::unique_ptr<output> output_;  // of a file that is written; outlives handle_
  handle handle_;
  std::string shown_;
  limits limits_;
};

}  // namespace bdh::hdf5
