#include "core/selection/intervention_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <bdh/error.hpp>

#include "core/selection/normalize.hpp"
#include "core/selection/quoting.hpp"

namespace bdh {
namespace {

struct verb {
  std::string_view word;
  intervention_kind what;
  const char* usage;
};

constexpr verb verbs[] = {
    {"lesion", intervention_kind::lesion,
     "lesion NEURONS, or gx:, gy: or synapses: and pairs i->j"},
    {"silence", intervention_kind::silence, "silence x:NEURONS or y:NEURONS"},
    {"clamp", intervention_kind::clamp, "clamp x:NEURONS VALUE, or y:"},
    {"stimulate", intervention_kind::stimulate, "stimulate x:NEURONS VALUE, or y:"},
    {"noise", intervention_kind::noise,
     "noise x:NEURONS gaussian MEAN DEVIATION, or poisson RATE SIZE, or y:"},
    {"freeze", intervention_kind::freeze, "freeze"},
    {"inhibition", intervention_kind::inhibition, "inhibition FACTOR"},
    {"reset", intervention_kind::reset, "reset, or reset synapses:i->j"},
    {"set", intervention_kind::set, "set synapses:i->j VALUE"},
};

constexpr std::string_view limit_words[] = {"layers", "tokens", "from", "at", "every", "for"};
constexpr const char* all_verbs =
    "lesion, silence, clamp, stimulate, noise, freeze, inhibition, reset or set";

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

// Separated by commas; nothing where one of them is no number.
template <class T>
std::optional<std::vector<T>> numbers(std::string_view list) {
  std::vector<T> all;
  for (;;) {
    const std::size_t end = std::min(list.find(','), list.size());
    const auto one = number<T>(list.substr(0, end));
    if (!one) return std::nullopt;
    all.push_back(*one);
    if (end == list.size()) return all;
    list.remove_prefix(end + 1);
  }
}

// The words of one intervention, taken one by one.
class words {
 public:
  explicit words(std::string_view text) : text_(text), rest_(text) {}

  std::string_view next(const char* expected) {
    const std::string_view word = peek();
    if (word.empty()) throw input_error("intervention", "'" + std::string(text_) + "'", expected);
    rest_.remove_prefix(static_cast<std::size_t>(word.data() + word.size() - rest_.data()));
    return word;
  }
  std::string_view peek() const {
    const std::size_t begin = rest_.find_first_not_of(' ');
    if (begin == rest_.npos) return {};
    const std::string_view from = rest_.substr(begin);
    return from.substr(0, find_unquoted(from, " "));
  }
  bool left() const { return !peek().empty(); }
  std::string_view rest() const { return rest_; }  // what has not been taken

  template <class T>
  T value(const char* expected) {
    const std::string_view text = next(expected);
    const auto v = number<T>(text);
    if (!v)
      throw input_error("intervention",
                        "'" + std::string(text) + "' in '" + std::string(text_) + "'", expected);
    return *v;
  }
  double real(double least, const char* expected) {
    return checked(value<double>(expected), least, expected);
  }
  // "0.1", or "0.1,0.2,0.3".
  std::vector<double> reals(double least, const char* expected) {
    const std::string_view text = next(expected);
    const auto all = numbers<double>(text);
    if (!all)
      throw input_error("intervention",
                        "'" + std::string(text) + "' in '" + std::string(text_) + "'", expected);
    for (const double v : *all) checked(v, least, expected);
    return *all;
  }

 private:
  static double checked(double v, double least, const char* expected) {
    if (!std::isfinite(static_cast<float>(v)) || v < least)
      throw input_error("intervention", shown(v), expected);
    return v;
  }

  std::string_view text_, rest_;
};

// What follows an intervention: layers, positions, the seed of noise.
class limit_reader {
 public:
  limit_reader(intervention_text& to, words& left) : text_(to), p_(to.parsed), left_(left) {}

  void take() {
    while (left_.left()) take(left_.next(""));
    finish();
  }

 private:
  void take(std::string_view key) {
    const std::string_view before = left_.rest();
    take_value_of(key);
    std::string& kept = is_time(key) ? text_.times : text_.what;
    const std::string_view value = before.substr(0, before.size() - left_.rest().size());
    kept += (kept.empty() ? "" : " ") + std::string(key) + std::string(value);
  }

  static bool is_time(std::string_view key) {
    return key != "layers" && key != "seed" && key != "stream";
  }

  void take_value_of(std::string_view key) {
    const bool range = key == "tokens" || key == "from" || key == "at";
    if (!seen_.insert(std::string(range ? "tokens" : key)).second)
      throw input_error("intervention", "'" + std::string(key) + "', a second limit",
                        "layers once, and one of tokens, from and at");
    if (key == "layers") {
      text_.layers = left_.next("layers 1-2,4");
    } else if (key == "from") {
      p_.first = left_.value<std::uint64_t>("from POSITION");
      p_.last = without_end;
    } else if (key == "at") {
      take_positions(left_.next("at POSITION, or at 0,50,100"));
    } else if (key == "tokens") {
      take_range(left_.next("tokens FIRST-LAST"));
    } else if (key == "every" || key == "for") {
      const auto tokens = left_.value<std::uint64_t>("a number of tokens, 1 or more");
      if (tokens == 0) throw input_error("intervention", std::string(key) + " 0", "1 or more");
      (key == "every" ? p_.every : p_.length) = tokens;
    } else if (p_.what == intervention_kind::noise && key == "seed") {
      p_.noise.seed = left_.value<std::uint64_t>("seed N, below 2^64");
    } else if (p_.what == intervention_kind::noise && key == "stream") {
      p_.noise.stream = left_.value<std::uint32_t>("stream N, 1 to 4294967295");
      if (p_.noise.stream == 0) throw input_error("intervention", "stream 0", "1 or more");
    } else {
      throw input_error(
          "intervention", "'" + std::string(key) + "'",
          "layers, tokens, from, at, every or for, after " + std::string(usage_of(p_.what)));
    }
  }

  void take_range(std::string_view range) {
    const std::size_t dash = range.find('-');
    const auto first = number<std::uint64_t>(range.substr(0, dash));
    const auto last = dash == range.npos ? first : number<std::uint64_t>(range.substr(dash + 1));
    if (!first || !last || *first > *last)
      throw input_error("intervention", "tokens '" + std::string(range) + "'",
                        "tokens FIRST-LAST, positions from 0, FIRST <= LAST");
    p_.first = *first;
    p_.last = *last;
  }

  void take_positions(std::string_view list) {
    p_.first = 0;
    p_.last = without_end;
    p_.onsets = positions_in("intervention, at", list);
  }

  void finish() {
    if (p_.every != 0 && p_.onsets.size() == 1) {  // "at 100 every 50": from there on
      p_.first = p_.onsets.front();
      p_.last = without_end;
      p_.onsets.clear();
    }
    if (!p_.course.empty()) {
      if (seen_.contains("for") && p_.length != p_.course.size())
        throw input_error("intervention",
                          "for " + std::to_string(p_.length) + " and " +
                              std::to_string(p_.course.size()) + " values",
                          "one of the two: a course lasts as many tokens as it has values");
      p_.length = p_.course.size();
      if (!p_.pulses()) p_.onsets = {p_.first};
    }
    if (seen_.contains("for") && !p_.pulses())
      throw input_error("intervention", "for " + std::to_string(p_.length),
                        "at or every beside it: it is how long a pulse lasts");
    normalize(p_);
  }

  intervention_text& text_;
  intervention& p_;
  words& left_;
  std::set<std::string> seen_;
};

void take_value(intervention& p, words& left) {
  constexpr double any = -std::numeric_limits<float>::max();
  const bool clamps = p.what == intervention_kind::clamp;
  if (clamps || p.what == intervention_kind::stimulate) {
    std::vector<double> values =
        left.reals(clamps ? 0 : any, clamps ? "a value >= 0, finite in float32, or several: 0.1,0.2"
                                            : "a value, finite in float32, or several: 0.1,0.2");
    p.value = values.front();
    if (values.size() > 1) p.course = std::move(values);
  }
  if (p.what == intervention_kind::inhibition)
    p.value = left.real(0, "a factor >= 0, finite in float32");
  if (p.what == intervention_kind::set) p.value = left.real(any, "a value, finite in float32");
  if (p.what != intervention_kind::noise) return;
  const std::string_view law = left.next("gaussian MEAN DEVIATION, or poisson RATE SIZE");
  if (law == "gaussian") {
    p.noise.mean = left.real(any, "a mean, finite in float32");
    p.noise.deviation = left.real(0, "a standard deviation >= 0, finite in float32");
  } else if (law == "poisson") {
    p.noise.by = noise_current::law::poisson;
    p.noise.rate = left.real(0, "a rate >= 0: spikes a token and layer");
    if (p.noise.rate > most_rate)
      throw input_error("intervention", "rate " + shown(p.noise.rate),
                        "at most " + shown(most_rate));
    p.noise.size = left.real(any, "the size of a spike, finite in float32");
  } else {
    throw input_error("intervention", "'" + std::string(law) + "'", usage_of(p.what));
  }
}

}  // namespace

const char* usage_of(intervention_kind what) noexcept {
  for (const verb& v : verbs)
    if (v.what == what) return v.usage;
  return "";
}

const char* word_of(intervention_kind what) noexcept {
  for (const verb& v : verbs)
    if (v.what == what) return v.word.data();
  return "";
}

std::vector<std::uint64_t> positions_in(const std::string& place, std::string_view list) {
  const auto all = numbers<std::uint64_t>(list);
  if (!all || !std::ranges::is_sorted(*all, std::less_equal<>()))
    throw input_error(place, "'" + std::string(list) + "'",
                      "positions from 0, ascending, separated by commas: 0,50,100");
  return *all;
}

intervention_text read_intervention(
    std::string_view text, std::uint64_t now,
    const std::function<void(intervention&, std::string_view)>& resolve) {
  words left(text);
  const std::string_view first = left.next(all_verbs);
  const auto known = std::ranges::find(verbs, first, &verb::word);
  if (known == std::end(verbs))
    throw input_error("intervention", "'" + std::string(first) + "'", all_verbs);
  intervention_text read;
  intervention& p = read.parsed;
  p.what = known->what;
  p.first = now;
  const std::string_view next = left.peek();
  const bool limited = next.empty() || std::ranges::count(limit_words, next) != 0;
  const bool bare = p.what == intervention_kind::freeze ||
                    p.what == intervention_kind::inhibition ||
                    (p.what == intervention_kind::reset && limited);
  if (!bare) read.subject = left.next(known->usage);
  if (resolve) resolve(p, read.subject);
  take_value(p, left);
  const std::string_view taken = text.substr(0, text.size() - left.rest().size());
  read.what = taken.substr(std::min(taken.find_first_not_of(' '), taken.size()));
  limit_reader(read, left).take();
  return read;
}

}  // namespace bdh
