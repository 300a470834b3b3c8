// An array as NumPy keeps it in a file: .npy, format 1.0 to 3.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/array.hpp>

namespace bdh::graph_formats {

// The kinds of values that are read; truth values are unsigned integers of one byte.
enum class numpy_kind : char { integer = 'i', natural = 'u', real = 'f', bytes = 'S', text = 'U' };

class numpy_array {
 public:
  // `file`: all bytes of a .npy file. Throws input_error at `place`: damaged, in Fortran's order
  // with more than one dimension, or of values of another kind (objects, records, complex numbers,
  // times), which is named.
  numpy_array(array<std::byte> file, std::string place);

  const std::string& place() const noexcept { return place_; }
  numpy_kind kind() const noexcept { return kind_; }
  const std::vector<std::uint64_t>& shape() const noexcept { return shape_; }
  std::uint64_t size() const noexcept { return size_; }  // values
  bool is_number() const noexcept {
    return kind_ != numpy_kind::bytes && kind_ != numpy_kind::text;
  }

  // Value i, of an array of their kind.
  std::int64_t integer(std::uint64_t i) const noexcept;
  std::uint64_t natural(std::uint64_t i) const noexcept;
  double real(std::uint64_t i) const noexcept;  // half, single or double precision
  // As UTF-8, without the zeros that fill it up; U+FFFD where the file has no character.
  std::string text(std::uint64_t i) const;

  // All values, of an array of one dimension and integers. Throws input_error for others, and for a
  // value that is not in 0 ... most.
  array<std::uint64_t> indices(std::uint64_t most) const;

 private:
  std::size_t read_header();
  void take_type(std::string_view type);
  std::uint64_t bits(std::uint64_t i) const noexcept;  // of value i, in our byte order

  array<std::byte> file_;
  std::string place_;
  numpy_kind kind_ = numpy_kind::real;
  std::size_t width_ = 0, first_ = 0;  // bytes of a value; where the values begin
  bool swapped_ = false;               // the other byte order
  std::vector<std::uint64_t> shape_;
  std::uint64_t size_ = 0;
};

}  // namespace bdh::graph_formats
