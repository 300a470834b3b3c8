#include "io/hdf5/validate_messages.hpp"

#include <algorithm>
#include <array>

namespace bdh::hdf5 {
namespace {

constexpr std::size_t most_extents = 8;
constexpr std::uint64_t longest_string = 65536;
constexpr std::size_t longest_name = 255;

constexpr std::uint64_t padded(std::uint64_t size) { return (size + 7) & ~std::uint64_t{7}; }

}  // namespace

std::string_view link_name(byte_cursor c) {
  const std::string_view rest(reinterpret_cast<const char*>(c.bytes().data()),
                              std::min(c.left(), longest_name + 1));
  c.require(rest.find('\0') != std::string_view::npos, "a name without an end");
  const std::string_view text = rest.substr(0, rest.find('\0'));
  c.require(
      std::all_of(text.begin(), text.end(), [](char x) { return x > ' ' && x <= '~' && x != '/'; }),
      "a name of other characters");
  return text;
}

std::uint64_t element_count(byte_cursor c) {
  const char* const what = "another kind of extents";
  c.expect<1>(1, what);
  const std::uint64_t rank = c.number<1>(what), flags = c.number<1>(what);
  c.require(rank <= most_extents && flags <= (rank > 0 ? 1u : 0u), what);
  c.skip(5, what);
  std::uint64_t elements = 1;
  std::array<std::uint64_t, most_extents> lengths{};
  bool overflow = false, empty = false;
  for (std::uint64_t d = 0; d < rank; ++d) {
    lengths[d] = c.number<8>(what);
    empty |= lengths[d] == 0;
    // No zero may hide that the others do not fit.
    overflow |= __builtin_mul_overflow(elements, std::max<std::uint64_t>(1, lengths[d]), &elements);
  }
  c.require(!overflow, "extents beyond 64 bits");
  for (std::uint64_t d = 0; d < rank && flags == 1; ++d)
    c.expect<8>(lengths[d], "data that can grow");
  c.require(c.left() == 0, what);
  return empty ? 0 : elements;
}

std::uint64_t element_size(byte_cursor c) {
  const char* const what = "another element type";
  const byte_cursor start = c;
  const std::uint64_t version_and_class = c.number<1>(what), bits = c.number<3>(what),
                      size = c.number<4>(what);
  if (version_and_class == 0x10) {  // integer: either byte order, signed or not, no padding
    start.require(
        (bits & ~std::uint64_t{0x9}) == 0 && (size == 1 || size == 2 || size == 4 || size == 8),
        what);
    c.expect<2>(0, what);
    c.expect<2>(8 * size, what);
  } else if (version_and_class == 0x11) {  // IEEE float32 or float64, either byte order
    const bool is_double = size == 8;
    start.require(
        (bits & ~std::uint64_t{1}) == (is_double ? 0x3f20u : 0x1f20u) && (is_double || size == 4),
        what);
    for (std::uint64_t property : {std::uint64_t{0}, 8 * size}) c.expect<2>(property, what);
    for (std::uint64_t property :
         is_double ? std::array{52u, 11u, 0u, 52u} : std::array{23u, 8u, 0u, 23u})
      c.expect<1>(property, what);
    c.expect<4>(is_double ? 1023 : 127, what);
  } else {  // string: ends with NUL or padded, ASCII or UTF-8
    start.require(version_and_class == 0x13 && (bits & 0xf) <= 2 && (bits >> 4) <= 1 && size > 0 &&
                      size <= longest_string,
                  what);
  }
  c.require(c.left() < 8, what);
  return size;
}

void expect_attribute(byte_cursor c) {
  const char* const what = "another kind of attribute";
  c.expect<1>(1, what);
  c.skip(1, what);
  const std::uint64_t name_size = c.number<2>(what), type_size = c.number<2>(what),
                      space_size = c.number<2>(what);
  const auto part = [&](std::uint64_t size) {
    byte_cursor whole = c.take(padded(size), what);
    return whole.take(size, what);
  };
  c.require(link_name(part(name_size)).size() + 1 == name_size && name_size > 1,
            "an attribute without a name");
  const std::uint64_t element_bytes = element_size(part(type_size)),
                      elements = element_count(part(space_size));
  std::uint64_t bytes = 0;
  c.require(!__builtin_mul_overflow(elements, element_bytes, &bytes) && bytes > 0 &&
                bytes <= c.left() && c.left() - bytes < 8,
            "an attribute of another size than its message");
}

storage contiguous_storage(byte_cursor c) {
  c.expect<1>(3, "another kind of layout");
  c.expect<1>(1, "chunked, compact or virtual data");
  const std::uint64_t address = c.number<8>("a cut layout");
  return {address, c.number<8>("a cut layout")};
}

void expect_no_fill_value(byte_cursor c) {
  const char* const what = "another kind of fill value";
  c.expect<1>(2, what);
  c.require(c.number<1>(what) <= 3, what);
  c.require(c.number<1>(what) <= 2, what);
  c.expect<1>(1, what);
  c.expect<4>(0, what);
}

}  // namespace bdh::hdf5
