#include "io/text/settings.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/json.hpp"

namespace bdh::text {
namespace {

// Of a value, for messages.
std::string shown_json(const nlohmann::json& value) {
  std::string text = json_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return is_utf8(text) ? text : std::string(value.type_name());
}

}  // namespace

settings::settings(const nlohmann::json& value, std::string place)
    : value_(value), place_(std::move(place)) {
  if (!value_.is_object()) throw input_error(place_, shown_json(value_), "an object");
}

const nlohmann::json* settings::find(std::string_view key) const {
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& settings::member(std::string_view key) const {
  const nlohmann::json* const found = find(key);
  if (found == nullptr) throw input_error(at(key), "missing");
  return *found;
}

std::string settings::text(std::string_view key) const {
  const nlohmann::json& value = member(key);
  if (!value.is_string()) throw input_error(at(key), shown_json(value), "a string");
  return value.get<std::string>();
}

std::optional<std::string> settings::text_if_any(std::string_view key) const {
  return find(key) == nullptr ? std::nullopt : std::optional(text(key));
}

char32_t settings::character(std::string_view key) const {
  const std::string value = text(key);
  const utf8_character c = decode_utf8(value);
  if (c.length == 0 || c.length != value.size())
    throw input_error(at(key), shown_json(member(key)), "one character");
  return c.code;
}

bool settings::flag(std::string_view key) const {
  const nlohmann::json& value = member(key);
  if (!value.is_boolean()) throw input_error(at(key), shown_json(value), "true or false");
  return value.get<bool>();
}

bool settings::flag_or(std::string_view key, bool otherwise) const {
  return find(key) == nullptr ? otherwise : flag(key);
}

std::uint64_t settings::count(std::string_view key, std::uint64_t most) const {
  const nlohmann::json& value = member(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
    throw input_error(at(key), shown_json(value), "0 to " + std::to_string(most));
  return value.get<std::uint64_t>();
}

const nlohmann::json& settings::list(std::string_view key) const {
  const nlohmann::json& value = member(key);
  if (!value.is_array()) throw input_error(at(key), shown_json(value), "a list");
  return value;
}

void settings::expect_only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : value_.items())
    if (key != "type" && std::find(keys.begin(), keys.end(), key) == keys.end() && !value.is_null())
      throw unavailable_error(at(key.substr(0, 64)), shown_json(value),
                              "no setting that this program does not know");
}

std::string type_of(const nlohmann::json& value, const std::string& place) {
  return settings(value, place).text("type");
}

}  // namespace bdh::text
