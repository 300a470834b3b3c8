// What a tokenizer.json does to a text before it is split: "normalizer".
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bdh::text {

// Bytes as the characters that stand for them in byte-level vocabularies: printable ones as they
// are, the others from U+0100 on.
std::string characters_of_bytes(std::string_view bytes);
// The reverse; the text itself where it has another character.
std::string bytes_of_characters(const std::string& utf8);

class normalizer {
 public:
  normalizer() = default;  // changes nothing
  // Throws input_error for what is no normalizer, unavailable_error for one that is not computed
  // here.
  normalizer(const nlohmann::json& value, const std::string& place);

  std::string operator()(std::string utf8) const;
  // Every character comes from one, at the same place.
  bool keeps_places() const noexcept { return keeps_places_; }

 private:
  void add(const nlohmann::json& value, const std::string& place);

  std::vector<std::function<std::string(std::string)>> steps_;
  bool keeps_places_ = true;
};

}  // namespace bdh::text
