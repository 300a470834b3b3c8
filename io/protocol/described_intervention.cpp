#include "io/protocol/described_intervention.hpp"

#include <algorithm>
#include <vector>

#include <bdh/error.hpp>

#include "io/files/csv_table.hpp"

namespace bdh {
namespace {

constexpr std::size_t longest_course = 100'000;
// In the order of the text. The words of those before `seed` are not written.
constexpr const char* values_of_text[] = {"value", "mean", "deviation", "rate", "size"};
constexpr const char* limits_of_text[] = {"seed", "stream", "layers", "tokens",
                                          "from", "at",     "every",  "for"};
constexpr const char* all_keys =
    "do, on, value, course, mean, deviation, rate, size, seed, stream, layers, tokens, from, at, "
    "every or for";

std::string course_text(const std::string& what, const std::filesystem::path& folder,
                        const std::string& place) {
  const std::size_t colon = what.rfind(':');
  if (colon == what.npos || colon == 0 || colon + 1 == what.size())
    throw input_error(place, "course '" + what + "'", "FILE:COLUMN, a CSV file with a header");
  const std::vector<double> values =
      read_csv_column(folder / what.substr(0, colon), what.substr(colon + 1));
  if (values.size() > longest_course)
    throw input_error(place, "a course of " + std::to_string(values.size()) + " tokens",
                      "at most " + std::to_string(longest_course));
  std::string text;
  for (const double v : values) text += (text.empty() ? "" : ",") + shown(v);
  return text;
}

// "0.1, 0.2" as the one word that it is to be.
std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

}  // namespace

std::string intervention_text(const std::map<std::string, std::string>& keys,
                              const std::filesystem::path& folder, const std::string& place) {
  const auto has = [&](const char* key) { return keys.contains(key); };
  const auto known = [](const auto& list, const std::string& key) {
    return std::ranges::find(list, key) != std::end(list);
  };
  for (const auto& [key, value] : keys)
    if (key != "do" && key != "on" && key != "course" && !known(values_of_text, key) &&
        !known(limits_of_text, key))
      throw input_error(place, "'" + key + "'", all_keys);
  if (!has("do"))
    throw input_error(place, "no 'do'", "what is done: lesion, silence, clamp, stimulate, ...");
  if (has("value") && has("course"))
    throw input_error(place, "'value' and 'course'", "one of the two");
  const bool gaussian = has("mean") || has("deviation"), poisson = has("rate") || has("size");
  if (gaussian && poisson)
    throw input_error(place, "keys of both kinds of noise", "mean and deviation, or rate and size");
  std::string text = keys.at("do");
  if (has("on")) text += " " + keys.at("on");
  if (gaussian) text += " gaussian";
  if (poisson) text += " poisson";
  if (has("course")) text += " " + course_text(keys.at("course"), folder, place);
  for (const char* key : values_of_text)
    if (has(key)) text += " " + without_blanks(keys.at(key));
  for (const char* key : limits_of_text)
    if (has(key)) text += std::string(" ") + key + " " + without_blanks(keys.at(key));
  return text;
}

}  // namespace bdh
