#include "io/text/read_pattern.hpp"

#include <bdh/error.hpp>

#include "io/text/unicode.hpp"

namespace bdh::text {

std::shared_ptr<const pattern> read_pattern(const settings& from) {
  constexpr std::size_t longest = 4096;
  const settings one(from.member("pattern"), from.at("pattern"));
  one.expect_only({"String", "Regex"});
  const bool regular = one.find("Regex") != nullptr;
  const std::string text = one.text(regular ? "Regex" : "String");
  if (text.empty() || text.size() > longest)
    throw input_error(one.place(), "a pattern of " + std::to_string(text.size()) + " bytes",
                      "1 to " + std::to_string(longest));
  if (regular) return regular_expression(text, one.at("Regex"));
  return literal(text);
}

replacement_settings read_replacement(const settings& from) {
  from.expect_only({"pattern", "content"});
  const nlohmann::json& what = from.member("pattern");
  replacement_settings all{read_pattern(from), from.text("content"), false};
  all.one_for_one = what.contains("String") &&
                    characters_in(what["String"].get<std::string>()) == 1 &&
                    characters_in(all.by) == 1;
  return all;
}

}  // namespace bdh::text
