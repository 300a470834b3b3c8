// Statements of configurations, looked up and compared with options and tensors.
#include <fmt/format.h>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration.hpp"

namespace bdh {

const statement* find_statement(const std::string& place, const configuration& known, key_role role,
                                bool inside) {
  const statement* found = nullptr;
  for (const statement& s : known.statements) {
    if (s.role != role || s.inside != inside) continue;
    if (found != nullptr && found->value != s.value)
      throw input_error(place,
                        fmt::format("{} {} ({}) and {} {} ({})", found->key, found->value,
                                    found->where, s.key, s.value, s.where),
                        "one value");
    if (found == nullptr) found = &s;
  }
  return found;
}

std::optional<resolved_number> resolve_statement(const std::string& place,
                                                 const configuration& known, key_role role,
                                                 const char* option,
                                                 const std::optional<double>& given) {
  const statement* const inside = find_statement(place, known, role, true);
  const statement* const beside = find_statement(place, known, role, false);
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

void cross_check(const std::string& place, const configuration& known, key_role role,
                 std::uint64_t actual, const std::string& shown_by) {
  for (const bool inside : {true, false})
    if (const statement* const s = find_statement(place, known, role, inside);
        s != nullptr && s->value != static_cast<double>(actual))
      throw input_error(place, fmt::format("{} {} ({})", s->key, s->value, s->where),
                        fmt::format("{}, {}", actual, shown_by));
}

}  // namespace bdh
