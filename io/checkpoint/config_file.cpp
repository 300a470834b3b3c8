// The config.json beside a checkpoint.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration.hpp"
#include "io/files/json.hpp"
#include "io/files/text_start.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

plain_value parse_config(std::string_view text, const std::string& place) {
  const char* const hint = "move it away if it belongs to something else";
  try {
    plain_value config = plain(parse_json(text, {.depth = 16, .unique_keys = true}));
    if (config.as<plain_value::map>() != nullptr) return config;
  } catch (const json_error& e) {
    if (e.fault() == json_fault::repeated_key)
      throw input_error(place, std::string("'") + e.what() + "' twice", "each key once", hint);
    if (e.fault() == json_fault::depth)
      throw input_error(place, "deeply nested values", "at most 16 levels", hint);
  }
  throw input_error(place, "no JSON object", "the checkpoint's configuration", hint);
}

}  // namespace

std::optional<plain_value> read_config_beside(const std::string& place) {
  const std::filesystem::path file = std::filesystem::path(place).parent_path() / "config.json";
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) return std::nullopt;
  const std::string bytes = read_whole_file(file, 1 << 20, "a configuration");
  return parse_config(without_byte_order_mark(bytes, file.string()), file.string());
}

}  // namespace bdh
