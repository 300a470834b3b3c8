#include "io/checkpoint/stated_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace bdh {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return number;
}

bool is_among(std::string_view word, std::string_view alternatives) {
  while (!alternatives.empty()) {
    const std::size_t end = std::min(alternatives.find('|'), alternatives.size());
    if (word == alternatives.substr(0, end)) return true;
    alternatives.remove_prefix(std::min(end + 1, alternatives.size()));
  }
  return false;
}

}  // namespace

std::optional<double> number_of(const plain_value& v) {
  if (const auto* integer = v.as<std::int64_t>()) return static_cast<double>(*integer);
  if (const auto* real = v.as<double>()) return *real;
  const auto* const text = v.as<std::string>();
  return text != nullptr ? number_in(*text) : std::nullopt;
}

std::optional<bool> flag_of(const plain_value& v) {
  if (const auto* flag = v.as<bool>()) return *flag;
  if (const auto* text = v.as<std::string>()) {
    const std::string word = lower(*text);
    if (is_among(word, "true|yes|on")) return true;
    if (is_among(word, "false|no|off")) return false;
  }
  const std::optional<double> number = number_of(v);
  if (number == 1.0) return true;
  if (number == 0.0) return false;
  return std::nullopt;
}

bool is_off(const plain_value& v) {
  if (const auto* flag = v.as<bool>()) return !*flag;
  const auto* const text = v.as<std::string>();
  return text != nullptr && is_among(lower(*text), "false|none|off|no|disabled");
}

const plain_value& unwrapped(const plain_value& v) {
  const plain_value* const value = v.find("value");
  if (value == nullptr) return v;
  const auto& items = *v.as<plain_value::map>();
  const plain_value* const described = v.find("desc");
  const bool is_text =
      described != nullptr && (is_absent(*described) || described->as<std::string>() != nullptr);
  return items.size() == (is_text ? 2u : 1u) ? *value : v;
}

bool is_absent(const plain_value& v) {
  if (v.empty() && v.type.empty()) return true;
  const auto* const text = v.as<std::string>();
  if (text == nullptr) return false;
  return *text == "None" || *text == "null" || text->empty();
}

std::string shown_value(const plain_value& v) {
  if (const auto* flag = v.as<bool>()) return *flag ? "true" : "false";
  if (is_absent(v)) return "none";
  if (const auto number = v.as<std::string>() == nullptr ? number_of(v) : std::nullopt)
    return fmt::format("{}", *number);
  if (const auto* text = v.as<std::string>()) return "'" + text->substr(0, 80) + "'";
  if (const auto* list = v.as<plain_value::list>())
    return fmt::format("a list of {}", list->size());
  if (const auto* map = v.as<plain_value::map>())
    return fmt::format("an object of {} key{}", map->size(), map->size() == 1 ? "" : "s");
  if (const auto* bytes = v.as<plain_value::bytes>())
    return fmt::format("{} bytes", bytes->data.size());
  return v.type.substr(0, 80);
}

bool is_usual(const plain_value& v, std::string_view usual) {
  if (is_absent(v)) return true;
  if (const auto* list = v.as<plain_value::list>())
    return std::all_of(list->begin(), list->end(),
                       [&](const plain_value& item) { return is_usual(item, usual); });
  if (const auto* map = v.as<plain_value::map>()) return map->empty();
  if (const auto* flag = v.as<bool>(); flag != nullptr && is_among(*flag ? "true" : "false", usual))
    return true;
  if (const auto* text = v.as<std::string>(); text != nullptr && is_among(lower(*text), usual))
    return true;
  if (v.as<bool>() == nullptr)
    if (const auto number = number_of(v); number && is_among(fmt::format("{}", *number), usual))
      return true;
  return v.empty() && is_among(lower(v.type), usual);
}

}  // namespace bdh
