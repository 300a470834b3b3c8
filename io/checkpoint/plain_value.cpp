#include "io/checkpoint/plain_value.hpp"

#include <nlohmann/json.hpp>

#include "io/files/json.hpp"

namespace bdh {

using nlohmann::json;

const plain_value* plain_value::find(std::string_view key) const noexcept {
  const map* const items = as<map>();
  if (items == nullptr) return nullptr;
  for (const auto& [name, value] : *items)
    if (const auto* const text = name.as<std::string>(); text != nullptr && *text == key)
      return &value;
  return nullptr;
}

plain_value plain(const json& value) {
  plain_value result;
  switch (value.type()) {
    case json::value_t::boolean:
      result.data = value.get<bool>();
      break;
    case json::value_t::number_integer:
      result.data = value.get<std::int64_t>();
      break;
    case json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX))
        result.data = value.get<std::int64_t>();
      else
        result.data = value.get<double>();
      break;
    case json::value_t::number_float:
      result.data = value.get<double>();
      break;
    case json::value_t::string:
      result.data = value.get<std::string>();
      break;
    case json::value_t::array: {
      plain_value::list items;
      for (const json& item : value) items.push_back(plain(item));
      result.data = std::move(items);
      break;
    }
    case json::value_t::object: {
      plain_value::map items;
      for (const auto& [key, item] : value.items()) items.emplace_back(plain(key), plain(item));
      result.data = std::move(items);
      break;
    }
    case json::value_t::null:
    case json::value_t::binary:
    case json::value_t::discarded:
      break;
  }
  return result;
}

plain_value parse_plain_object(std::string_view text) {
  constexpr std::size_t most = std::size_t{1} << 20;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (text.size() > most || first == std::string_view::npos || text[first] != '{') return {};
  try {
    return plain(parse_json(text, {.depth = 16, .unique_keys = true}));
  } catch (const json_error&) {
    return {};
  }
}

}  // namespace bdh
