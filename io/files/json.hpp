// JSON and CBOR from files, with what a parser would accept and no reader expects refused at once;
// and JSON as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bdh {

struct json_limits {
  std::size_t depth = 32;  // of objects and arrays within each other
  // Of an array, that are neither objects nor arrays.
  std::size_t array_values = static_cast<std::size_t>(-1);
  bool unique_keys = false;  // within an object
};

enum class json_fault { syntax, depth, array_values, repeated_key };

// Internal to readers, which throw input_error with the place that they know.
class json_error : public std::runtime_error {
 public:
  json_error(json_fault fault, const std::string& what) : std::runtime_error(what), fault_(fault) {}
  json_fault fault() const noexcept { return fault_; }

 private:
  json_fault fault_;
};

// Throws json_error, whose what() is the parser's message (syntax) or the key (repeated_key).
nlohmann::json parse_json(std::string_view text, const json_limits& limits);
nlohmann::json parse_cbor(std::span<const std::uint8_t> bytes, const json_limits& limits);

// On one line (indent -1) or several. Whatever strings hold: bytes that are not UTF-8, as names of
// files may have, become U+FFFD. `ascii`: characters beyond ASCII as \uNNNN.
std::string json_text(const nlohmann::json& value, int indent = -1, bool ascii = false);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1, bool ascii = false);

}  // namespace bdh
