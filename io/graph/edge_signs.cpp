#include "io/graph/edge_signs.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

// As column_key writes them. Glutamate is in neither list: it excites in vertebrates and inhibits
// in part of the synapses of insects.
constexpr std::array<std::string_view, 19> excitatory_words{
    "e",      "ex",    "exc",   "excit",   "excitatory", "excitation", "excites",
    "excite", "epsp",  "epsc",  "pos",     "positive",   "plus",       "ampa",
    "nmda",   "ampar", "nmdar", "kainate", "+"};
constexpr std::array<std::string_view, 24> inhibitory_words{
    "i",       "inh",     "inhib",       "inhibitory", "inhibition", "inhibits",
    "inhibit", "ipsp",    "ipsc",        "neg",        "negative",   "minus",
    "gaba",    "gabaa",   "gabab",       "gaba_a",     "gaba_b",     "gabaergic",
    "gly",     "glycine", "glycinergic", "gabaar",     "-",          "\xe2\x88\x92"};
constexpr std::array<std::string_view, 11> undirected_words{
    "undirected",   "mutual",      "bidirectional", "bidirected", "reciprocal", "electrical",
    "gap_junction", "gapjunction", "gap",           "gj",         "ej"};
constexpr std::array<std::string_view, 10> neutral_words{
    "", "null", "none", "nan", "na", "n/a", "directed", "chemical", "synapse", "chem"};

bool holds(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// exc_v1, excitatory synapse, inhib. ...
bool begins(std::string_view text, std::string_view word, std::string_view longer) {
  return text.starts_with(longer) ||
         (text.starts_with(word) && text.size() > word.size() && text[word.size()] == '_');
}

sign_word of_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return sign_word::unknown;
  if (value == 1) return sign_word::excitatory;
  return value == -1 ? sign_word::inhibitory : sign_word::unknown;
}

constexpr const char* known_words = "a word for excitatory or inhibitory";
constexpr const char* leave_out = "--columns sign=none reads edges by their weights alone";

}  // namespace

sign_word meaning_of(column_role role, std::string_view word) {
  const std::size_t first = std::min(word.find_first_not_of(" \t\r\n"), word.size());
  word.remove_prefix(first);
  word = word.substr(0, word.find_last_not_of(" \t\r\n") + 1);
  const std::string key = word == "-" ? "-" : column_key(word);
  if (holds(excitatory_words, key) || begins(key, "exc", "excit")) return sign_word::excitatory;
  if (holds(inhibitory_words, key) || begins(key, "inh", "inhib")) return sign_word::inhibitory;
  if (holds(neutral_words, key)) return sign_word::neutral;
  if (holds(undirected_words, key)) return sign_word::undirected;
  return role == column_role::sign ? of_number(word) : sign_word::unknown;
}

void edge_signs::check(column_role role, std::string_view word, float weight, std::uint64_t line) {
  seen& last = last_[index(role)];
  if (last.word != word) last = {std::string(word), meaning_of(role, word)};
  const auto fail = [&](const char* sign) {
    const std::string shown_word = lower(word) == sign ? "" : shown(word) + ": ";
    throw input_error(of_.place(line), shown_word + sign + " with weight " + std::to_string(weight),
                      "inhibitory edges, and no others, below 0");
  };
  switch (last.means) {
    case sign_word::excitatory:
      if (std::signbit(weight)) fail("excitatory");
      return;
    case sign_word::inhibitory:
      if (weight > 0) fail("inhibitory");
      return;
    case sign_word::undirected:
      throw input_error(
          of_.place(line),
          lower(word) == "undirected" ? "an undirected edge" : "an undirected edge, " + shown(word),
          "directed edges, source -> target",
          "write it once for each direction; --columns sign=none where that is so");
    case sign_word::neutral:
      if (!word.empty()) neutral_[index(role)].insert(column_key(word));
      return;
    case sign_word::unknown:
      throw input_error(of_.place(line),
                        (role == column_role::sign ? "sign " : "type ") + shown(word), known_words,
                        leave_out);
  }
}

void edge_signs::finish(edge_list& to) const {
  for (const column_role role : {column_role::type, column_role::sign})
    for (const std::string& word : neutral_[index(role)])
      if (word != "directed" && !word.empty())
        to.not_used.push_back(std::string(role == column_role::sign ? "sign '" : "type '") + word +
                              "', which is neither excitatory nor inhibitory (" + to.file + ")");
}

stated_signs::stated_signs(const std::string& attribute, bool chosen, std::uint64_t rows)
    : attribute_(attribute),
      signs_(rows),
      each_(chosen || attribute == "sign" || attribute == "ei" || attribute == "synapse_class") {}

void stated_signs::take(std::uint64_t row, std::string_view word) {
  if (word != last_) {
    last_ = word;
    last_means_ = meaning_of(each_ ? column_role::sign : column_role::type, word);
  }
  const sign_word means = last_means_;
  if (means == sign_word::excitatory || means == sign_word::inhibitory) {
    signs_[row] = means == sign_word::excitatory ? 1 : -1;
    any_ = true;
  } else if (means != sign_word::neutral && !has_unknown_) {
    has_unknown_ = true;
    unknown_ = word;
    unknown_row_ = row;
  }
}

std::vector<std::int8_t> stated_signs::finish(const std::string& place) {
  if (has_unknown_ && (any_ || each_))
    throw input_error(place + "[" + std::to_string(unknown_row_) + "]",
                      attribute_ + " " + shown(unknown_), known_words, leave_out);
  return std::move(signs_);
}

}  // namespace bdh::graph_formats
