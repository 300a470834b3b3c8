// An object of a tokenizer.json, each member of the type that its reader expects. What no reader
// knows is refused by its name.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace bdh::text {

class settings {
 public:
  // Throws input_error unless `value` is an object. It must outlive this.
  settings(const nlohmann::json& value, std::string place);

  const std::string& place() const noexcept { return place_; }
  std::string at(std::string_view key) const { return place_ + "/" + std::string(key); }
  // Nothing: absent or null.
  const nlohmann::json* find(std::string_view key) const;
  const nlohmann::json& member(std::string_view key) const;

  std::string text(std::string_view key) const;
  std::optional<std::string> text_if_any(std::string_view key) const;
  char32_t character(std::string_view key) const;
  bool flag(std::string_view key) const;
  bool flag_or(std::string_view key, bool otherwise) const;
  std::uint64_t count(std::string_view key, std::uint64_t most) const;
  const nlohmann::json& list(std::string_view key) const;

  // Throws unavailable_error naming the first member that is none of these, nor "type".
  void expect_only(std::initializer_list<std::string_view> keys) const;

 private:
  const nlohmann::json& value_;
  std::string place_;
};

// "Metaspace" of an object, at `place`, that has a "type".
std::string type_of(const nlohmann::json& value, const std::string& place);

}  // namespace bdh::text
