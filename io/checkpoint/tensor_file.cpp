#include "io/checkpoint/tensor_file.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/mapped_file.hpp"
#include "io/files/text_start.hpp"

namespace bdh {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor files are little-endian");

float from_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16, exponent = (half >> 10) & 0x1fu,
                      fraction = half & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 0x1f ? 0xffu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

template <class T>
T at(const std::byte* where) noexcept {
  T value;
  std::memcpy(&value, where, sizeof value);
  return value;
}

template <element E>
double load(const std::byte* where) noexcept {
  if constexpr (E == element::f64) return at<double>(where);
  if constexpr (E == element::f32) return at<float>(where);
  if constexpr (E == element::f16) return from_half(at<std::uint16_t>(where));
  return std::bit_cast<float>(std::uint32_t{at<std::uint16_t>(where)} << 16);
}

// Calls visit(place, position in the storage) for the elements in row-major order of the shape,
// until it returns false. Returns the place of that element, or the number of elements.
template <class F>
std::uint64_t visit_elements(const tensor& t, F&& visit) noexcept {
  const std::size_t rank = t.shape.size();
  const std::uint64_t run = rank == 0 ? 1 : t.shape.back(), step = rank == 0 ? 1 : t.stride.back(),
                      size = t.elements();
  std::uint64_t index[max_tensor_rank] = {};
  std::uint64_t first = t.offset;
  for (std::uint64_t done = 0; done < size; done += run) {
    for (std::uint64_t i = 0; i < run; ++i)
      if (!visit(done + i, first + i * step)) return done + i;
    for (std::size_t axis = rank > 0 ? rank - 1 : 0; axis-- > 0;) {
      first += t.stride[axis];
      if (++index[axis] < t.shape[axis]) break;
      first -= t.stride[axis] * t.shape[axis];
      index[axis] = 0;
    }
  }
  return size;
}

// Returns the position of the first element that is not finite as a T, or the size.
template <class T, element E>
std::size_t gather(const tensor& t, const std::byte* from, array<T>& to) noexcept {
  return visit_elements(t, [&](std::uint64_t place, std::uint64_t position) {
    const T value = static_cast<T>(load<E>(from + position * bytes_of(E)));
    to[place] = value;
    return std::isfinite(value);
  });
}

double load(const tensor& t, const std::byte* where) noexcept {
  switch (t.kind) {
    case element::f16:
      return load<element::f16>(where);
    case element::bf16:
      return load<element::bf16>(where);
    case element::f32:
      return load<element::f32>(where);
    case element::f64:
      return load<element::f64>(where);
    default:
      break;
  }
  std::uint64_t integer = 0;
  std::memcpy(&integer, where, std::min<std::uint64_t>(t.width, sizeof integer));
  return static_cast<double>(integer);
}

bool row_major(const tensor& t) noexcept {
  std::uint64_t expected = 1;
  for (std::size_t axis = t.shape.size(); axis-- > 0; expected *= t.shape[axis])
    if (t.shape[axis] != 1 && t.stride[axis] != expected) return false;
  return true;
}

// As gather, of float32 values that lie one after another. No branch a value: in blocks of this
// size compilers check several at once.
std::size_t copy(const std::byte* from, array<float>& to) noexcept {
  constexpr std::size_t block = 64;
  constexpr std::uint32_t exponent = 0x7f800000;  // all bits set: infinite or no number
  std::memcpy(to.data(), from, to.size() * sizeof(float));
  std::size_t first = 0;
  for (; first + block <= to.size(); first += block) {
    std::uint32_t infinite = 0;
    for (std::size_t i = 0; i < block; ++i)
      infinite |= (at<std::uint32_t>(from + (first + i) * sizeof(float)) & exponent) == exponent;
    if (infinite != 0) break;
  }
  while (first < to.size() && std::isfinite(to[first])) ++first;
  return first;
}

template <class T>
std::size_t gather(const tensor& t, const std::byte* from, array<T>& to) noexcept {
  if constexpr (std::is_same_v<T, float>)
    if (t.kind == element::f32 && to.size() > 0 && row_major(t))
      return copy(from + t.offset * sizeof(float), to);
  switch (t.kind) {
    case element::f16:
      return gather<T, element::f16>(t, from, to);
    case element::bf16:
      return gather<T, element::bf16>(t, from, to);
    case element::f64:
      return gather<T, element::f64>(t, from, to);
    default:
      return gather<T, element::f32>(t, from, to);
  }
}

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return as_text(bytes).substr(0, magic.size()) == magic;
}

// The length before a safetensors header is too small for eight bytes of text.
bool is_json(std::span<const std::byte> bytes) {
  const std::string_view text = as_text(bytes);
  const std::size_t first = text.starts_with(utf8_mark) ? utf8_mark.size() : 0;
  const std::size_t begin = text.find_first_not_of(" \t\r\n", first);
  return begin != text.npos && begin < 64 && text[begin] == '{' && text.size() > 8 &&
         text[7] != '\0';
}

}  // namespace

std::uint64_t tensor::elements() const noexcept {
  std::uint64_t product = 1;
  for (const std::uint64_t size : shape) product *= size;
  return product;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

std::optional<std::uint64_t> product_within(std::span<const std::uint64_t> sizes,
                                            std::uint64_t limit) noexcept {
  if (std::find(sizes.begin(), sizes.end(), 0u) != sizes.end()) return 0;
  std::uint64_t product = 1;
  for (const std::uint64_t size : sizes) {
    if (size > limit / product) return std::nullopt;
    product *= size;
  }
  return product;
}

void tensor_file::add(tensor t) {
  if (!names_.insert(t.name).second) throw input_error(place(t), "two tensors of this name", "one");
  tensors_.push_back(std::move(t));
}

template <class T>
array<T> tensor_file::read(const tensor& t) const {
  if (t.kind == element::other)
    throw input_error(
        place(t), t.type + " elements", "float32, float16, bfloat16 or float64",
        "cast it in PyTorch, with its scales where it has some: tensor.to(torch.bfloat16)");
  array<T> result(t.elements());
  const stored_bytes stored = bytes(t);
  const std::size_t bad = gather(t, stored.view.data(), result);
  if (bad < result.size()) {
    const std::string where = place(t) + "[" + std::to_string(bad) + "]";
    if (t.kind == element::f64 && std::isinf(result[bad]))
      throw input_error(where, "an infinite weight", "a finite float32 weight");
    throw input_error(where, std::to_string(result[bad]), "a finite weight");
  }
  return result;
}

bool tensor_file::equal(const tensor& a, const tensor& b) const {
  if (a.type != b.type || a.shape != b.shape) return false;
  if (a.storage == b.storage && a.offset == b.offset && a.stride == b.stride) return true;
  if (a.width == 0) throw input_error(place(a), a.type + " elements", "a known element type");
  const stored_bytes of_a = bytes(a), of_b = bytes(b);
  std::vector<std::byte> values(a.elements() * a.width);
  visit_elements(a, [&](std::uint64_t place, std::uint64_t position) {
    std::memcpy(values.data() + place * a.width, of_a.view.data() + position * a.width, a.width);
    return true;
  });
  return visit_elements(b, [&](std::uint64_t place, std::uint64_t position) {
           return std::memcmp(values.data() + place * a.width,
                              of_b.view.data() + position * a.width, a.width) == 0;
         }) == b.elements();
}

bool tensor_file::all_of(const tensor& t,
                         const std::function<bool(std::uint64_t, double)>& f) const {
  if (t.width == 0) throw input_error(place(t), t.type + " elements", "a known element type");
  const stored_bytes from = bytes(t);
  return visit_elements(t, [&](std::uint64_t place, std::uint64_t position) {
           return f(place, load(t, from.view.data() + position * t.width));
         }) == t.elements();
}

array<float> tensor_file::weights(const tensor& t) const { return read<float>(t); }
array<double> tensor_file::numbers(const tensor& t) const { return read<double>(t); }

std::unique_ptr<tensor_file> read_tensor_file(std::span<const std::byte> bytes, std::string place) {
  using namespace std::string_view_literals;
  if (starts_with(bytes, "PK\x03\x04")) return read_torch_file(bytes, std::move(place));
  const char* const known = "a safetensors file or a PyTorch zip file";
  if (starts_with(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv))
    throw input_error(
        place, "a PyTorch file in the legacy format (before 1.6)", known,
        "re-save it in Python: torch.save(torch.load(FILE, weights_only=True), NEW_FILE)");
  if (starts_with(bytes, "\x89HDF\r\n"))
    throw input_error(place, "an HDF5 file", known, "a .bdh.h5 model needs no import");
  if (is_json(bytes)) return read_shards(bytes, std::move(place));
  if (bytes.size() > 8 && bytes[8] == std::byte{'{'})
    return read_safetensors(bytes, std::move(place));
  if (starts_with(bytes, "\x80"))
    throw input_error(place, "a bare pickle", known, "save the state dictionary with torch.save");
  throw input_error(place, "unknown contents (" + std::to_string(bytes.size()) + " bytes)", known);
}

}  // namespace bdh
