#include "io/checkpoint/statements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include <bdh/error.hpp>

namespace bdh {

std::vector<statement> read_config(const std::filesystem::path& checkpoint) {
  using nlohmann::json;
  const std::filesystem::path file = checkpoint.parent_path() / "config.json";
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) return {};
  constexpr std::uintmax_t most = 1 << 20;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  if (failed || size > most)
    throw input_error(file.string(), "too large or unreadable", "a configuration of at most 1 MiB");
  std::ifstream in(file, std::ios::binary);
  const json config = json::parse(in, nullptr, false);
  if (!config.is_object())
    throw input_error(file.string(), "no JSON object", "the checkpoint's configuration",
                      "move it away if it belongs to something else");
  std::vector<statement> result;
  for (const auto& [key, value] : config.items()) {
    if (value.is_number())
      result.push_back({key, value.get<double>(), "config.json beside the file"});
    if (value.is_boolean())
      result.push_back({key, value.get<bool>() ? 1.0 : 0.0, "config.json beside the file"});
  }
  return result;
}

const statement* find_statement(const std::string& place, const std::vector<statement>& among,
                                statement_keys wanted) {
  const statement* found = nullptr;
  for (const statement& s : among) {
    if (std::find(wanted.begin(), wanted.end(), s.key) == wanted.end()) continue;
    if (found != nullptr && found->value != s.value)
      throw input_error(place,
                        fmt::format("{} {} ({}) and {} {} ({})", found->key, found->value,
                                    found->where, s.key, s.value, s.where),
                        "one value");
    found = &s;
  }
  return found;
}

std::optional<resolved_number> resolve_statement(const std::string& place, const statements& known,
                                                 statement_keys wanted, const char* option,
                                                 const std::optional<double>& given) {
  const statement* const inside = find_statement(place, known.inside, wanted);
  const statement* const beside = find_statement(place, known.beside, wanted);
  if (given && inside != nullptr && *given != inside->value)
    throw input_error(
        option, fmt::format("{}", *given),
        fmt::format("{}, as {} says ({})", inside->value, inside->where, inside->key));
  if (given && beside != nullptr && *given != beside->value)
    return resolved_number{
        *given, fmt::format("{}; config.json beside the file says {}", option, beside->value)};
  if (given) return resolved_number{*given, option};
  if (inside != nullptr && beside != nullptr && inside->value != beside->value)
    throw input_error(
        place, fmt::format("{} {} in config.json beside the file", beside->key, beside->value),
        fmt::format("{}, as {} says", inside->value, inside->where),
        fmt::format("move config.json away or give {}", option));
  if (inside != nullptr)
    return resolved_number{inside->value, inside->key + " in " + inside->where};
  if (beside != nullptr)
    return resolved_number{beside->value, beside->key + " in " + beside->where};
  return std::nullopt;
}

void cross_check(const std::string& place, const statements& known, statement_keys wanted,
                 std::uint64_t actual, const std::string& shown_by) {
  for (const auto* among : {&known.inside, &known.beside})
    if (const statement* const s = find_statement(place, *among, wanted);
        s != nullptr && s->value != static_cast<double>(actual))
      throw input_error(place, fmt::format("{} {} ({})", s->key, s->value, s->where),
                        fmt::format("{}, {}", actual, shown_by));
}

}  // namespace bdh
