#include "io/checkpoint/pickled_values.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "io/checkpoint/tensor_file.hpp"

namespace bdh {
namespace {

constexpr std::size_t max_depth = 16;
// Values, and 64 bytes of a text count as one.
constexpr std::size_t max_made = std::size_t{2} << 20;

std::size_t size_of_text(const pickle::value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* bytes = std::get_if<pickle::byte_string>(&value)) return bytes->data.size();
  if (const auto* named = std::get_if<pickle::global>(&value)) return named->name.size();
  if (const auto* object = std::get_if<pickle::object>(&value)) return object->type.size();
  return 0;
}

plain_value too_many() {
  plain_value result;
  result.type = plain_value::left_out;
  return result;
}

template <class T>
plain_value number_in(const std::string& bytes) {
  plain_value result;
  T number;
  if (bytes.size() != sizeof number) return result;
  std::memcpy(&number, bytes.data(), sizeof number);
  if constexpr (std::is_floating_point_v<T>)
    result.data = static_cast<double>(number);
  else
    result.data = static_cast<std::int64_t>(number);
  return result;
}

// By NumPy's names of little-endian element types.
plain_value number_in(const std::string& type, const std::string& bytes) {
  if (type == "f8") return number_in<double>(bytes);
  if (type == "f4") return number_in<float>(bytes);
  if (type == "i8") return number_in<std::int64_t>(bytes);
  if (type == "i4") return number_in<std::int32_t>(bytes);
  if (type == "i2") return number_in<std::int16_t>(bytes);
  if (type == "i1") return number_in<std::int8_t>(bytes);
  if (type == "u4") return number_in<std::uint32_t>(bytes);
  if (type == "u2") return number_in<std::uint16_t>(bytes);
  if (type == "u1") return number_in<std::uint8_t>(bytes);
  plain_value result;
  if (type == "b1" && bytes.size() == 1) result.data = bytes[0] != 0;
  return result;
}

bool is_named_member(const plain_value::map& state, const char* name) {
  return state.size() >= 1 && std::any_of(state.begin(), state.end(), [&](const auto& item) {
           const auto* const key = item.first.template as<std::string>();
           return key != nullptr && *key == name;
         });
}

// OmegaConf's containers keep their values in `_content`, and each number in `_val`.
plain_value unwrapped(plain_value value) {
  const auto* const state = value.as<plain_value::map>();
  if (state == nullptr || !value.type.starts_with("omegaconf.")) return value;
  for (const char* const name : {"_content", "_val"}) {
    if (!is_named_member(*state, name)) continue;
    plain_value inner = *value.find(name);
    if (inner.type.empty() && name == std::string_view("_content")) inner.type = value.type;
    return inner;
  }
  return value;
}

}  // namespace

plain_value pickled_values::convert(pickle::handle h, std::size_t depth) {
  plain_value result;
  const pickle::value& value = document_.values[h];
  made_ += 1 + size_of_text(value) / 64;
  if (depth > max_depth || made_ > max_made) {
    return too_many();
  }
  if (const auto* flag = std::get_if<bool>(&value)) result.data = *flag;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) result.data = *integer;
  if (const auto* real = std::get_if<double>(&value)) result.data = *real;
  if (const auto* text = std::get_if<std::string>(&value)) result.data = *text;
  if (const auto* bytes = std::get_if<pickle::byte_string>(&value))
    result.data = plain_value::bytes{bytes->data};
  if (const auto* named = std::get_if<pickle::global>(&value)) result.type = named->name;
  if (std::get_if<pickle::storage>(&value) != nullptr) result.type = "storage";
  if (const auto* tensor = std::get_if<pickle::tensor>(&value))
    result.type = "tensor " + shape_text(tensor->shape);
  if (const auto* items = std::get_if<pickle::sequence>(&value))
    result.data = list(items->items, depth);
  if (const auto* items = std::get_if<pickle::dictionary>(&value))
    result.data = map(items->items, depth);
  if (const auto* object = std::get_if<pickle::object>(&value)) return instance(*object, depth);
  return result;
}

plain_value::list pickled_values::list(const std::vector<pickle::handle>& items,
                                       std::size_t depth) {
  plain_value::list result;
  for (const pickle::handle h : items) {
    result.push_back(convert(h, depth + 1));
    if (made_ > max_made) break;
  }
  return result;
}

plain_value::map pickled_values::map(
    const std::vector<std::pair<pickle::handle, pickle::handle>>& items, std::size_t depth) {
  plain_value::map result;
  for (const auto& [key, value] : items) {
    result.emplace_back(convert(key, depth + 1), convert(value, depth + 1));
    if (made_ <= max_made) continue;
    result.emplace_back(too_many(), too_many());  // and what follows
    break;
  }
  return result;
}

// Its state is what __dict__ had; of a class with slots (nothing or __dict__, slots).
plain_value pickled_values::instance(const pickle::object& o, std::size_t depth) {
  plain_value result = numpy_scalar(o);
  result.type = o.type;
  if (!result.empty()) return result;
  if (!o.entries.empty()) result.data = map(o.entries, depth);
  if (!o.items.empty()) result.data = list(o.items, depth);
  if (!o.state) return of_one_argument(o, unwrapped(std::move(result)));
  plain_value state = convert(*o.state, depth + 1);
  if (auto* const parts = std::get_if<plain_value::list>(&state.data);
      parts != nullptr && parts->size() == 2) {
    plain_value merged;
    merged.data = plain_value::map{};
    for (plain_value& part : *parts)
      if (auto* const items = std::get_if<plain_value::map>(&part.data))
        for (auto& item : *items)
          std::get<plain_value::map>(merged.data).push_back(std::move(item));
    state = std::move(merged);
  }
  if (const plain_value* const inner = state.find("__dict__");
      inner != nullptr && inner->as<plain_value::map>() != nullptr)
    state = plain_value(*inner);
  if (state.as<plain_value::map>() != nullptr && result.empty())
    result.data = std::move(state.data);
  return unwrapped(std::move(result));
}

// A member of an enumeration is a call of it with its value.
plain_value pickled_values::of_one_argument(const pickle::object& o, plain_value result) const {
  const auto* const arguments =
      o.arguments ? document_.as<pickle::sequence>(*o.arguments) : nullptr;
  if (!result.empty() || arguments == nullptr || arguments->items.size() != 1) return result;
  const pickle::value& only = document_.values[arguments->items[0]];
  if (const auto* text = std::get_if<std::string>(&only); text != nullptr && text->size() <= 64)
    result.data = *text;
  if (const auto* number = std::get_if<std::int64_t>(&only)) result.data = *number;
  if (const auto* flag = std::get_if<bool>(&only)) result.data = *flag;
  return result;
}

plain_value pickled_values::numpy_scalar(const pickle::object& o) const {
  const bool known =
      o.type == "numpy.core.multiarray.scalar" || o.type == "numpy._core.multiarray.scalar";
  const auto* const arguments =
      o.arguments ? document_.as<pickle::sequence>(*o.arguments) : nullptr;
  if (!known || arguments == nullptr || arguments->items.size() != 2) return {};
  const auto* const dtype = document_.as<pickle::object>(arguments->items[0]);
  const auto* const bytes = document_.as<pickle::byte_string>(arguments->items[1]);
  if (dtype == nullptr || bytes == nullptr || dtype->type != "numpy.dtype" || !dtype->arguments)
    return {};
  const auto* const of_type = document_.as<pickle::sequence>(*dtype->arguments);
  if (of_type == nullptr || of_type->items.empty()) return {};
  const auto* const name = document_.as<std::string>(of_type->items[0]);
  // Its state, where there is one: (version, byte order, ...).
  const auto* const state = dtype->state ? document_.as<pickle::sequence>(*dtype->state) : nullptr;
  const auto* const order = state != nullptr && state->items.size() > 1
                                ? document_.as<std::string>(state->items[1])
                                : nullptr;
  if (name == nullptr || (order != nullptr && *order == ">")) return {};
  return number_in(*name, bytes->data);
}

}  // namespace bdh
