// What was done to the model while it ran, as marks of figures. The texts are those of run.json, so
// that no model is needed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "apps/plot/figure/text.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "core/selection/quoting.hpp"

namespace bdh::app {
namespace {

using token_range = std::pair<std::uint64_t, std::uint64_t>;

constexpr std::size_t most_shown = 6;         // kinds of interventions with a colour of their own
constexpr std::size_t most_ranges = 1 << 16;  // of one of them
constexpr std::size_t most_times = 4;         // times in a legend

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const std::size_t end = std::min(find_unquoted(text, " "), text.size());
    if (end != 0) all.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

// "5,7-9"; nothing where there is anything else.
std::optional<std::vector<token_range>> ranges_of(std::string_view text) {
  std::vector<token_range> all;
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t dash = part.find('-');
    const auto first = whole_number(part.substr(0, dash));
    const auto last = dash == part.npos ? first : whole_number(part.substr(dash + 1));
    if (!first || !last || *first > *last || all.size() == most_ranges) return std::nullopt;
    all.emplace_back(*first, *last);
    if (part.size() == text.size()) return all;
    text.remove_prefix(part.size() + 1);
  }
}

bool is_time(std::string_view word) {
  return word == "tokens" || word == "from" || word == "at" || word == "every" || word == "for";
}
bool is_limit(std::string_view word) {
  return is_time(word) || word == "layers" || word == "seed" || word == "stream";
}

// One intervention, or several that differ by their times only.
struct action {
  std::string what;              // its text without its times
  std::vector<layer_id> layers;  // empty: all
  std::vector<token_range> tokens;
  std::vector<std::string> times;  // as written
};

// The time of an action from its words. False for what has another form.
class limits_reader {
 public:
  explicit limits_reader(const run_reader& run) : last_(run.end() == 0 ? 0 : run.end() - 1) {}

  bool read(std::string_view key, std::string_view value) {
    if (key == "layers") return read_layers(value);
    if (key == "seed" || key == "stream") return true;
    if (key == "every" || key == "for") {
      const std::uint64_t tokens = whole_number(value).value_or(0);
      (key == "every" ? every_ : lasting_) = tokens;
      return tokens != 0;
    }
    pulses_ = key == "at";
    const auto ranges = ranges_of(value);
    if (!ranges) return false;
    tokens_ = *ranges;
    if (key == "from") tokens_ = {{ranges->front().first, last_}};
    return true;
  }

  std::vector<token_range> tokens() const {
    std::vector<token_range> all = tokens_;
    if (all.empty()) all = {{0, last_}};
    const auto pulse = [&](std::uint64_t at, std::uint64_t last) {
      return token_range{at, at + std::min(lasting_ - 1, last - at)};
    };
    if (pulses_ && every_ == 0)
      for (token_range& one : all) one = pulse(one.first, std::max(one.first, last_));
    if (every_ == 0) return all;
    std::vector<token_range> series;
    for (const auto& [first, last] : all)
      for (std::uint64_t at = first, end = std::min(pulses_ ? last_ : last, last_);
           at <= end && series.size() < most_ranges; at += std::min(every_, end - at + 1))
        series.push_back(pulse(at, end));
    return series;
  }
  const std::vector<layer_id>& layers() const { return layers_; }

 private:
  bool read_layers(std::string_view value) {
    const auto ranges = ranges_of(value);
    if (!ranges) return false;
    for (const auto& [first, last] : *ranges)
      for (std::uint64_t l = first; l <= std::min<std::uint64_t>(last, 1 << 16); ++l)
        layers_.push_back(static_cast<layer_id>(l));
    return true;
  }

  std::uint64_t last_, every_ = 0, lasting_ = 1;
  bool pulses_ = false;
  std::vector<token_range> tokens_;
  std::vector<layer_id> layers_;
};

action action_of(const run_reader& run, const std::string& text) {
  const std::vector<std::string_view> words = words_of(text);
  std::size_t limits = std::min<std::size_t>(1, words.size());
  // A name may be one of the words that limits begin with.
  constexpr std::string_view bare[] = {"freeze", "inhibition", "reset"};
  if (!words.empty() && std::find(std::begin(bare), std::end(bare), words[0]) == std::end(bare))
    limits = std::min<std::size_t>(2, words.size());
  while (limits < words.size() && !is_limit(words[limits])) ++limits;
  action a;
  limits_reader reader(run);
  std::string time;
  bool known = (words.size() - limits) % 2 == 0;
  for (std::size_t k = limits; known && k + 1 < words.size(); k += 2) {
    known = reader.read(words[k], words[k + 1]);
    if (is_time(words[k]))
      time += fmt::format("{}{} {}", time.empty() ? "" : " ", words[k], words[k + 1]);
  }
  for (std::size_t k = 0; k < words.size(); ++k) {
    const bool of_time = k >= limits && known && is_time(words[k - (k - limits) % 2]);
    if (!of_time) a.what += fmt::format("{}{}", a.what.empty() ? "" : " ", words[k]);
  }
  if (!known) return a;
  a.layers = reader.layers();
  a.tokens = reader.tokens();
  a.times = {time};
  return a;
}

std::vector<action> actions_of(const run_reader& run) {
  std::vector<action> all;
  const auto listed = run.options.find("interventions");
  if (listed == run.options.end()) return all;
  const nlohmann::json texts = nlohmann::json::parse(listed->second, nullptr, false);
  if (!texts.is_array()) return all;
  for (const nlohmann::json& text : texts) {
    if (!text.is_string()) continue;
    action a = action_of(run, text.get<std::string>());
    const auto same = std::find_if(all.begin(), all.end(), [&](const action& o) {
      return o.what == a.what && o.tokens.empty() == a.tokens.empty();
    });
    if (same == all.end()) {
      all.push_back(std::move(a));
      continue;
    }
    same->tokens.insert(same->tokens.end(), a.tokens.begin(), a.tokens.end());
    same->times.insert(same->times.end(), a.times.begin(), a.times.end());
  }
  return all;
}

std::string action_text(const action& a) {
  std::string text = a.what;
  for (std::size_t k = 0; k < std::min(a.times.size(), most_times); ++k)
    if (!a.times[k].empty()) text += (k == 0 ? " " : ", ") + a.times[k];
  return a.times.size() > most_times ? text + ", …" : text;
}

figure::colour band_colour(std::size_t k) {
  static constexpr figure::colour all[] = {{0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00},
                                           {0x56, 0xb4, 0xe9}, {0x99, 0x99, 0x99},
                                           {0x80, 0x60, 0x30}, {0x9f, 0xc1, 0x3b}};
  return all[k % std::size(all)];
}

}  // namespace

void mark_interventions(const run_reader& run, figure::panel& p, std::optional<layer_id> layer) {
  const std::vector<action> all = actions_of(run);
  for (std::size_t k = 0; k < std::min(all.size(), most_shown); ++k) {
    const action& a = all[k];
    if (a.tokens.empty()) continue;
    if (layer && !a.layers.empty() &&
        std::find(a.layers.begin(), a.layers.end(), *layer) == a.layers.end())
      continue;
    figure::mark band{.how = figure::form::bands,
                      .name = figure::without_controls(action_text(a)),
                      .of = band_colour(k)};
    for (const auto& [first, last] : a.tokens) {
      if (last < run.first || first >= run.end()) continue;
      band.x.push_back(static_cast<double>(first) - 0.5);
      band.x.push_back(static_cast<double>(std::min(last, run.end() - 1)) + 0.5);
    }
    if (!band.x.empty()) p.marks.push_back(std::move(band));
  }
}

void note_interventions(const run_reader& run, figure::drawing& d, bool all_of_them) {
  const std::vector<action> all = actions_of(run);
  std::string text;
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all_of_them || k >= most_shown || all[k].tokens.empty())
      text += (text.empty() ? "" : "; ") + action_text(all[k]);
  if (text.size() > 600) text = figure::cut(text, 400, 1) + " (all in run.json)";
  if (!text.empty())
    d.notes.push_back((all_of_them ? "Interventions: " : "Interventions not marked: ") + text +
                      ".");
}

}  // namespace bdh::app
