#include "apps/step/arguments.hpp"

#include <algorithm>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"

namespace bdh::app {

arguments::arguments(std::string_view command, std::string_view rest, const char* usage)
    : place_(command), text_(rest), usage_(usage) {
  std::string word;
  bool quoted = false, any = false;
  for (const char c : rest) {
    const bool blank = c == ' ' || c == '\t';
    if (c == '"') quoted = !quoted;
    if (!blank || quoted) {
      word += c;
      any = true;
    } else if (any) {
      words_.push_back(std::exchange(word, {}));
      any = false;
    }
  }
  if (any) words_.push_back(word);
}

void arguments::refuse(std::string_view found) const {
  throw input_error(place_, std::string(found), usage_);
}

std::string arguments::next_word() {
  if (words_.empty()) refuse("nothing more");
  std::string word = std::move(words_.front());
  words_.erase(words_.begin());
  return word;
}

std::string arguments::next() {
  std::string word = next_word();
  std::erase(word, '"');
  return word;
}

std::string arguments::selection(const model& m) {
  std::string word = next_word();
  if (m.neuron_named(word)) return word;
  const bool quoted =
      word.size() > 1 && word.front() == '"' && word.find('"', 1) == word.size() - 1;
  if (std::string inner = quoted ? word.substr(1, word.size() - 2) : "";
      quoted && !m.neuron_named(inner))
    return inner;
  return word;
}

std::optional<std::string> arguments::next_if_any() {
  return words_.empty() ? std::nullopt : std::optional(next());
}

bool arguments::take(std::string_view word) {
  if (words_.empty() || words_.front() != word) return false;
  words_.erase(words_.begin());
  return true;
}

std::optional<std::string> arguments::option(std::string_view name) {
  const auto at = std::find(words_.begin(), words_.end(), name);
  if (at == words_.end()) return std::nullopt;
  if (at + 1 == words_.end()) refuse(std::string(name) + " without a value");
  std::string value = *(at + 1);
  words_.erase(at, at + 2);
  return value;
}

std::uint64_t arguments::number(std::string_view word, std::uint64_t least) const {
  const auto value = parse_number<std::uint64_t>(word, any_count);
  if (!value || *value < least)
    throw input_error(place_, "'" + std::string(word) + "'",
                      "an integer >= " + std::to_string(least) + " and below 2^64", usage_);
  return *value;
}

std::optional<std::uint64_t> arguments::count(std::string_view name, std::uint64_t least) {
  const auto word = option(name);
  return word ? std::optional(number(*word, least)) : std::nullopt;
}

std::optional<layer_id> arguments::layer(const model& m) {
  const auto word = option("layer");
  if (!word) return std::nullopt;
  const std::vector<layer_id> chosen = select_layers(m, *word);
  if (chosen.size() != 1) refuse("layer " + *word);
  return chosen[0];
}

void arguments::end() const {
  if (!words_.empty()) refuse("'" + words_.front() + "'");
}

}  // namespace bdh::app
