#include "io/graph/numpy_array.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::size_t longest_header = 1 << 16;
constexpr std::size_t most_dimensions = 8;

// The header is a dictionary as Python writes it: {'descr': '<f4', 'fortran_order': False, 'shape':
// (3,), }. Of Python's language this knows the words that belong there, and nothing else.
class header_reader {
 public:
  explicit header_reader(std::string_view text) : rest_(text) {}

  bool takes(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string_view> text() {
    skip_blanks();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == rest_.npos || rest_.substr(0, end).find('\\') != rest_.npos) return std::nullopt;
    const std::string_view found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return found;
  }
  std::optional<bool> truth() {
    skip_blanks();
    for (const bool value : {true, false})
      if (const std::string_view word = value ? "True" : "False"; rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return value;
      }
    return std::nullopt;
  }
  // (), (3,) or (3, 4)
  std::optional<std::vector<std::uint64_t>> shape() {
    if (!takes('(')) return std::nullopt;
    std::vector<std::uint64_t> all;
    while (!takes(')')) {
      skip_blanks();
      std::uint64_t n = 0;
      const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
      if (failed != std::errc() || all.size() == most_dimensions) return std::nullopt;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      takes('L');  // of Python 2
      all.push_back(n);
      if (!takes(',') && !rest_.starts_with(')')) return std::nullopt;
    }
    return all;
  }
  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size()));
  }
  std::string_view rest_;
};

double half_precision(std::uint64_t bits) {
  const std::uint64_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31)
    return fraction != 0 ? std::bit_cast<double>(0x7ff8000000000000u)
                         : sign * std::numeric_limits<double>::infinity();
  const double value = exponent == 0 ? static_cast<double>(fraction) * 0x1p-24
                                     : static_cast<double>(fraction | 1024) * 0x1p-25 *
                                           static_cast<double>(std::uint64_t{1} << exponent);
  return sign * value;
}

void append_utf8(std::uint32_t code, std::string& to) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = replacement_character;
  const auto add = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 63));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 63));
    add(0x80 | (code >> 6 & 63));
  }
  add(0x80 | (code & 63));
}

}  // namespace

numpy_array::numpy_array(array<std::byte> file, std::string place)
    : file_(std::move(file)), place_(std::move(place)) {
  first_ = read_header();
  size_ = 1;
  for (const std::uint64_t n : shape_)
    if (__builtin_mul_overflow(size_, n, &size_))
      throw input_error(place_, "a shape beyond all memory", "that of the values in the file");
  const std::uint64_t bytes = file_.size() - first_;
  // An array of empty texts has no bytes, whatever its shape.
  if (width_ == 0 ? size_ > 1 : size_ > bytes / width_ || size_ * width_ != bytes)
    throw input_error(place_, std::to_string(bytes) + " bytes of values",
                      std::to_string(size_) + " values of " + std::to_string(width_) + " bytes");
}

// Returns how long it is.
std::size_t numpy_array::read_header() {
  const std::string_view bytes(reinterpret_cast<const char*>(file_.data()), file_.size());
  const auto damaged = [&]() -> input_error {
    return {place_, "no array of NumPy", "one as numpy.save writes it"};
  };
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12) throw damaged();
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (byte(6) < 1 || byte(6) > 3 || byte(7) != 0)
    throw unavailable_error(
        place_, "format " + std::to_string(byte(6)) + "." + std::to_string(byte(7)), "1.0 to 3.0");
  const std::size_t fixed = byte(6) == 1 ? 10 : 12;
  std::size_t length = byte(8) | byte(9) << 8;
  if (fixed == 12) length |= std::size_t{byte(10)} << 16 | std::size_t{byte(11)} << 24;
  if (length > longest_header || length > bytes.size() - fixed) throw damaged();
  header_reader header(bytes.substr(fixed, length));
  std::optional<std::string_view> type;
  std::optional<bool> fortran;
  std::optional<std::vector<std::uint64_t>> shape;
  if (!header.takes('{')) throw damaged();
  while (!header.takes('}')) {
    const auto key = header.text();
    if (!key || !header.takes(':')) throw damaged();
    if (*key == "descr" && !type) {
      type = header.text();
      if (!type)
        throw unavailable_error(place_, "an array of records", "numbers",
                                "save the column of weights alone");
    } else if (*key == "fortran_order" && !fortran) {
      fortran = header.truth();
    } else if (*key == "shape" && !shape) {
      shape = header.shape();
      if (!shape) throw damaged();
    } else {
      throw damaged();
    }
    if (!header.takes(',')) {
      if (!header.takes('}')) throw damaged();
      break;
    }
  }
  if (!type || !fortran || !shape || !header.at_end()) throw damaged();
  take_type(*type);
  shape_ = std::move(*shape);
  if (*fortran && shape_.size() > 1)
    throw unavailable_error(place_, "an array in Fortran's order", "C's order",
                            "save numpy.ascontiguousarray(ARRAY)");
  return fixed + length;
}

void numpy_array::take_type(std::string_view type) {
  const auto refuse = [&](const char* what) {
    throw unavailable_error(place_, std::string(what) + " ('" + shortened(type, 40) + "')",
                            "integers, or floating-point numbers of up to 64 bits");
  };
  std::string_view rest = type;
  const char order = rest.empty() ? ' ' : rest.front();
  if (order != '<' && order != '>' && order != '|' && order != '=') refuse("another type");
  rest.remove_prefix(1);
  const char letter = rest.empty() ? ' ' : rest.front();
  rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  if (letter == 'O') refuse("objects of Python");
  if (letter == 'c') refuse("complex numbers");
  if (letter == 'V') refuse("records");
  const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), width_);
  if (failed != std::errc() || end != rest.data() + rest.size() || width_ > longest_header)
    refuse("another type");
  const auto one_of = [&](std::initializer_list<std::size_t> widths) {
    return std::ranges::find(widths, width_) != widths.end();
  };
  const bool known = (letter == 'b' && width_ == 1) ||
                     ((letter == 'i' || letter == 'u') && one_of({1, 2, 4, 8})) ||
                     (letter == 'f' && one_of({2, 4, 8})) || letter == 'S' || letter == 'U';
  if (!known) refuse("another type");
  kind_ = letter == 'b' ? numpy_kind::natural : static_cast<numpy_kind>(letter);
  swapped_ = order == '>';
  if (letter == 'U') width_ *= 4;
}

std::uint64_t numpy_array::bits(std::uint64_t i) const noexcept {
  const std::byte* const at = file_.data() + first_ + i * width_;
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < width_; ++k) {
    const std::size_t from = swapped_ ? k : width_ - 1 - k;
    value = value << 8 | std::to_integer<std::uint64_t>(at[from]);
  }
  return value;
}

std::int64_t numpy_array::integer(std::uint64_t i) const noexcept {
  const auto unused = static_cast<unsigned>(64 - 8 * width_);
  return static_cast<std::int64_t>(bits(i) << unused) >> unused;
}

std::uint64_t numpy_array::natural(std::uint64_t i) const noexcept { return bits(i); }

double numpy_array::real(std::uint64_t i) const noexcept {
  const std::uint64_t value = bits(i);
  if (width_ == 8) return std::bit_cast<double>(value);
  if (width_ == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(value));
  return half_precision(value);
}

std::string numpy_array::text(std::uint64_t i) const {
  const std::byte* const at = file_.data() + first_ + i * width_;
  std::string found;
  if (kind_ == numpy_kind::bytes) {
    found.assign(reinterpret_cast<const char*>(at), width_);
  } else {
    for (std::size_t k = 0; k < width_; k += 4) {
      std::uint32_t code = 0;
      std::memcpy(&code, at + k, sizeof code);
      append_utf8(swapped_ ? __builtin_bswap32(code) : code, found);
    }
  }
  found.erase(found.find_last_not_of('\0') + 1);
  return found;
}

array<std::uint64_t> numpy_array::indices(std::uint64_t most) const {
  if (shape_.size() != 1 || (kind_ != numpy_kind::integer && kind_ != numpy_kind::natural))
    throw input_error(place_, "other values", "a list of integers");
  array<std::uint64_t> all(size_);
  for (std::uint64_t i = 0; i < size_; ++i) {
    const bool negative = kind_ == numpy_kind::integer && integer(i) < 0;
    all[i] = kind_ == numpy_kind::integer ? static_cast<std::uint64_t>(integer(i)) : natural(i);
    if (negative || all[i] > most)
      throw input_error(place_ + "[" + std::to_string(i) + "]",
                        negative ? std::to_string(integer(i)) : std::to_string(all[i]),
                        "0 to " + std::to_string(most));
  }
  return all;
}

}  // namespace bdh::graph_formats
