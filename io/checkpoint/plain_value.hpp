// What stands beside the tensors of a file (configurations, vocabularies, metrics, objects), as
// data without behaviour: the same for a pickle, for JSON and for metadata. Internal to the
// importer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bdh {

struct plain_value {
  struct bytes {
    std::string data;
  };
  using list = std::vector<plain_value>;
  struct entry;                    // of a map: key and value
  using map = std::vector<entry>;  // in the file's order

  std::variant<std::monostate, bool, std::int64_t, double, std::string, bytes, list, map> data;
  // Not empty: what the file describes by a class or a function, which is neither looked up nor
  // called: "bdh.BDHConfig", "tensor (4, 8)". `data` is then its plain state, where it has one.
  std::string type;
  // The type of what was left out of a file that has too much, or too deep.
  static constexpr const char* left_out = "too many values";

  template <class T>
  const T* as() const noexcept {
    return std::get_if<T>(&data);
  }
  bool empty() const noexcept { return std::holds_alternative<std::monostate>(data); }
  // Of a map: the value whose key is this string, or nothing.
  const plain_value* find(std::string_view key) const noexcept;
};

struct plain_value::entry {
  entry(plain_value key, plain_value value) : first(std::move(key)), second(std::move(value)) {}
  plain_value first, second;
};

// A value with the name that it has in the file.
struct beside_value {
  std::string name;
  plain_value value;
  std::string where;  // "the file", "the file's metadata"
};

plain_value plain(const nlohmann::json& value);

// JSON that a string holds: an object, of at most 1 MiB and 16 levels; anything else is nothing.
plain_value parse_plain_object(std::string_view text);

}  // namespace bdh
