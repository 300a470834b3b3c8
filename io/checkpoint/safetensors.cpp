// The safetensors format: 8 bytes length (little-endian), a JSON header of that length, then the
// tensors' bytes without gaps.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/tensor_file.hpp"
#include "io/files/json.hpp"
#include "io/files/mapped_file.hpp"

namespace bdh {
namespace {

using nlohmann::json;

// Bytes; a BDH checkpoint has some hundred for each of a few tensors.
constexpr std::uint64_t max_header = std::uint64_t{16} << 20;
constexpr std::size_t max_depth = 3;  // header, tensor, shape

struct named_type {
  const char* name;
  element kind;
  std::uint64_t bytes;
};
constexpr named_type types[] = {
    {"F32", element::f32, 4},       {"F16", element::f16, 2},      {"BF16", element::bf16, 2},
    {"F64", element::f64, 8},       {"BOOL", element::other, 1},   {"U8", element::other, 1},
    {"I8", element::other, 1},      {"U16", element::other, 2},    {"I16", element::other, 2},
    {"U32", element::other, 4},     {"I32", element::other, 4},    {"U64", element::other, 8},
    {"I64", element::other, 8},     {"C64", element::other, 8},    {"F8_E4M3", element::other, 1},
    {"F8_E5M2", element::other, 1}, {"F8_E8M0", element::other, 1}};

json parse_header(std::string_view text, const std::string& place) {
  const json_limits limits{
      .depth = max_depth, .array_values = max_tensor_rank, .unique_keys = true};
  const char* const expected = "tensor: {dtype, shape, data_offsets}";
  try {
    json header = parse_json(text, limits);
    if (!header.is_object()) throw input_error(place, "a header that is no JSON object", expected);
    return header;
  } catch (const json_error& e) {
    const std::string what = e.what();
    switch (e.fault()) {
      case json_fault::depth:
        throw input_error(place, "nested values in the header", expected);
      case json_fault::repeated_key:
        throw input_error(place, "'" + what.substr(0, max_tensor_name) + "' twice in the header",
                          "each name once");
      case json_fault::array_values:
        throw input_error(place, "a long array in the header",
                          "at most " + std::to_string(max_tensor_rank) + " numbers");
      case json_fault::syntax:
        break;
    }
    throw input_error(place, "a damaged header", "JSON", what.substr(0, 200));
  }
}

class safetensors_file final : public tensor_file {
 public:
  safetensors_file(std::span<const std::byte> file, std::string name)
      : tensor_file(std::move(name)) {
    std::uint64_t length = 0;
    if (file.size() < sizeof length)
      throw input_error(place(), std::to_string(file.size()) + " bytes", "a safetensors file");
    std::memcpy(&length, file.data(), sizeof length);
    if (length > file.size() - sizeof length || length > max_header)
      throw input_error(
          place(),
          "a header of " + std::to_string(length) + " bytes in a file of " +
              std::to_string(file.size()),
          "a header inside the file, at most " + std::to_string(max_header) + " bytes");
    data_ = file.subspan(sizeof length + length);
    const json header = parse_header(as_text(file.subspan(sizeof length, length)), place());
    for (const auto& [key, value] : header.items()) {
      if (key == "__metadata__")
        read_metadata(value);
      else
        read_tensor(key, value);
    }
    check_coverage();
  }

 private:
  // Strings only, by the format.
  void read_metadata(const json& metadata) {
    if (!metadata.is_object())
      throw input_error(place() + ":__metadata__", metadata.type_name(), "an object of strings");
    for (const auto& [key, value] : metadata.items()) {
      if (!value.is_string())
        throw input_error(place() + ":__metadata__", value.type_name(), "an object of strings");
      beside_.push_back({key, plain(value), "the file's metadata"});
    }
  }

  void read_tensor(const std::string& name, const json& value) {
    tensor t;
    t.name = name;
    if (name.size() > max_tensor_name)
      throw input_error(place(), "a tensor name of " + std::to_string(name.size()) + " bytes",
                        "at most " + std::to_string(max_tensor_name));
    if (!value.is_object())
      throw input_error(place(t), value.type_name(),
                        "an object with dtype, shape and data_offsets");
    const auto type = value.find("dtype");
    if (type == value.end() || !type->is_string())
      throw input_error(place(t), "no dtype", "a string");
    t.type = type->get<std::string>().substr(0, 32);
    const auto* const known = std::find_if(std::begin(types), std::end(types),
                                           [&](const named_type& n) { return t.type == n.name; });
    if (known != std::end(types)) t.kind = known->kind, t.width = known->bytes;
    t.shape = integers(t, value, "shape", max_tensor_rank);
    const auto offsets = integers(t, value, "data_offsets", 2);
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_.size())
      throw input_error(place(t), "data_offsets " + shape_text(offsets),
                        "begin <= end <= " + std::to_string(data_.size()));
    // Of a type that is not known, nothing can be said about its bytes (four bits, a byte, ...).
    const auto elements =
        product_within(t.shape, data_.size() / std::max<std::uint64_t>(t.width, 1) * 8);
    if (!elements || (t.width != 0 && *elements * t.width != offsets[1] - offsets[0]))
      throw input_error(place(t), std::to_string(offsets[1] - offsets[0]) + " bytes",
                        "the size of " + shape_text(t.shape) + " " + t.type);
    t.stride.assign(t.shape.size(), 1);
    for (std::size_t axis = t.shape.size(); axis-- > 1;)
      t.stride[axis - 1] = t.stride[axis] * t.shape[axis];
    t.storage = ranges_.size();
    ranges_.push_back({offsets[0], offsets[1]});
    add(std::move(t));
  }

  std::vector<std::uint64_t> integers(const tensor& t, const json& value, const char* key,
                                      std::size_t most) const {
    const auto list = value.find(key);
    if (list == value.end() || !list->is_array() || list->size() > most)
      throw input_error(place(t), std::string("no usable ") + key,
                        "an array of at most " + std::to_string(most) + " numbers");
    std::vector<std::uint64_t> result;
    for (const json& number : *list) {
      if (!number.is_number_unsigned())
        throw input_error(place(t), std::string("no usable ") + key, "integers >= 0");
      result.push_back(number.get<std::uint64_t>());
    }
    return result;
  }

  // Every byte belongs to exactly one tensor: overlaps and gaps are signs of a damaged or hostile
  // file.
  void check_coverage() const {
    std::vector<std::size_t> by_position(tensors_.size());
    for (std::size_t i = 0; i < by_position.size(); ++i) by_position[i] = i;
    std::sort(by_position.begin(), by_position.end(),
              [&](std::size_t a, std::size_t b) { return ranges_[a] < ranges_[b]; });
    std::uint64_t end = 0;
    for (const std::size_t i : by_position) {
      const auto [first, last] = ranges_[i];
      if (first != end)
        throw input_error(place(tensors_[i]), "data from byte " + std::to_string(first),
                          std::to_string(end),
                          first < end ? "tensors overlap" : "bytes that belong to no tensor");
      end = last;
    }
    if (end != data_.size())
      throw input_error(place(), std::to_string(data_.size()) + " bytes of data",
                        std::to_string(end) + ", the end of the last tensor");
  }

  stored_bytes bytes(const tensor& t) const override {
    const auto [first, last] = ranges_[t.storage];
    return {{}, data_.subspan(first, last - first)};
  }

  std::span<const std::byte> data_;
  // Of the tensors, in bytes of data_.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;
};

}  // namespace

std::unique_ptr<tensor_file> read_safetensors(std::span<const std::byte> bytes, std::string place) {
  return std::make_unique<safetensors_file>(bytes, std::move(place));
}

}  // namespace bdh
