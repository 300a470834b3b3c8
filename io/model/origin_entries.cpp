#include "io/model/origin_entries.hpp"

#include <nlohmann/json.hpp>

#include <bdh/error.hpp>

#include "io/files/json.hpp"

namespace bdh {

nlohmann::ordered_json entries_json(const std::vector<provenance::entry>& entries) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const auto& [name, value] : entries) {
    const auto number = nlohmann::ordered_json::parse(value, nullptr, false);
    const bool exact = number.is_number() && json_text(number) == value;
    all[name] = exact ? number : nlohmann::ordered_json(value);
  }
  return all;
}

std::vector<provenance::entry> entries_of(const std::string& json, const std::string& place) {
  const auto all = nlohmann::ordered_json::parse(json, nullptr, false);
  if (!all.is_object()) throw input_error(place, "no JSON object", "names with their values");
  std::vector<provenance::entry> entries;
  for (const auto& [name, value] : all.items()) {
    if (!value.is_string() && !value.is_number())
      throw input_error(place + "/" + name, json_text(value), "a text or a number");
    entries.push_back({name, value.is_string() ? value.get<std::string>() : json_text(value)});
  }
  return entries;
}

}  // namespace bdh
