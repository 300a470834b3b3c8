#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "core/selection/normalize.hpp"
#include "core/selection/quoting.hpp"

namespace bdh {
namespace {

struct verb {
  const char* word;
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

const char* usage(intervention_kind what) {
  for (const verb& v : verbs)
    if (v.what == what) return v.usage;
  return "";
}

const char* word(intervention_kind what) {
  for (const verb& v : verbs)
    if (v.what == what) return v.word;
  return "";
}

const char* prefix(target on) {
  switch (on) {
    case target::x:
      return "x:";
    case target::y:
      return "y:";
    case target::gx:
      return "gx:";
    case target::gy:
      return "gy:";
    case target::synapses:
      return "synapses:";
    default:
      return "";
  }
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
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
    const std::string_view list = next(expected);
    std::vector<double> all;
    for (std::string_view rest = list;;) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const auto v = number<double>(rest.substr(0, end));
      if (!v)
        throw input_error("intervention",
                          "'" + std::string(list) + "' in '" + std::string(text_) + "'", expected);
      all.push_back(checked(*v, least, expected));
      if (end == rest.size()) return all;
      rest.remove_prefix(end + 1);
    }
  }

 private:
  static double checked(double v, double least, const char* expected) {
    if (!std::isfinite(static_cast<float>(v)) || v < least)
      throw input_error("intervention", shown(v), expected);
    return v;
  }

  std::string_view text_, rest_;
};

void take_subject(const model& m, intervention& p, std::string_view text) {
  for (const target on : {target::x, target::y, target::gx, target::gy, target::synapses}) {
    if (!text.starts_with(prefix(on)) || m.neuron_named(text)) continue;
    p.on = on;
    text.remove_prefix(std::string_view(prefix(on)).size());
    if (on == target::gx || on == target::gy) {
      p.pairs = select_edges(m, text);
    } else if (on == target::synapses) {
      synapse_choice chosen = select_synapses(m, text);
      if (chosen.top != 0)
        throw input_error("intervention", "'" + std::string(text) + "'",
                          "synapses that are named or drawn, not top:K");
      p.pairs = std::move(chosen.pairs);
    }
    break;
  }
  if (p.on == target::everything) p.on = target::neurons;
  if (!p.pairs.empty()) return;
  neuron_choice chosen = select_neurons(m, text);
  if (chosen.top != 0)
    throw input_error("intervention", "'" + std::string(text) + "'",
                      "neurons that are named or drawn, not top:K");
  p.neurons = std::move(chosen.neurons);
}

void check_subject(const intervention& p, std::string_view text) {
  const bool fits = [&] {
    switch (p.what) {
      case intervention_kind::lesion:
        return p.on == target::neurons || !p.pairs.empty();
      case intervention_kind::silence:
      case intervention_kind::clamp:
      case intervention_kind::stimulate:
      case intervention_kind::noise:
        return p.on == target::x || p.on == target::y;
      case intervention_kind::reset:
        return p.on == target::everything || p.on == target::synapses;
      case intervention_kind::set:
        return p.on == target::synapses;
      default:
        return p.on == target::everything;
    }
  }();
  if (!fits) throw input_error("intervention", "'" + std::string(text) + "'", usage(p.what));
}

// What follows an intervention: layers, positions, the seed of noise.
class limit_reader {
 public:
  limit_reader(const model& m, intervention& p, words& left) : model_(m), p_(p), left_(left) {}

  void take() {
    while (left_.left()) take(left_.next(""));
    finish();
  }

 private:
  void take(std::string_view key) {
    const bool range = key == "tokens" || key == "from" || key == "at";
    if (!seen_.insert(std::string(range ? "tokens" : key)).second)
      throw input_error("intervention", "'" + std::string(key) + "', a second limit",
                        "layers once, and one of tokens, from and at");
    if (key == "layers") {
      p_.layers = select_layers(model_, left_.next("layers 1-2,4"));
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
          "layers, tokens, from, at, every or for, after " + std::string(usage(p_.what)));
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
    for (std::string_view rest = list;;) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const auto position = number<std::uint64_t>(rest.substr(0, end));
      if (!position || (!p_.onsets.empty() && *position <= p_.onsets.back()))
        throw input_error("intervention", "at '" + std::string(list) + "'",
                          "positions from 0, ascending, separated by commas: at 0,50,100");
      p_.onsets.push_back(*position);
      if (end == rest.size()) return;
      rest.remove_prefix(end + 1);
    }
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

  const model& model_;
  intervention& p_;
  words& left_;
  std::set<std::string> seen_;
};

template <class T, class Show>
std::string joined(const std::vector<T>& all, Show show) {
  std::string text;
  for (const T& one : all) text += (text.empty() ? "" : ",") + show(one);
  return text;
}

// Numbers separated by commas.
std::string listed(const std::vector<double>& values) {
  return joined(values, [](double v) { return shown(v); });
}

std::string described_value(const intervention& p) {
  if (!p.course.empty()) return " " + listed(p.course);
  switch (p.what) {
    case intervention_kind::clamp:
    case intervention_kind::stimulate:
    case intervention_kind::inhibition:
    case intervention_kind::set:
      return " " + shown(p.value);
    case intervention_kind::noise:
      return p.noise.by == noise_current::law::gaussian
                 ? " gaussian " + shown(p.noise.mean) + " " + shown(p.noise.deviation)
                 : " poisson " + shown(p.noise.rate) + " " + shown(p.noise.size);
    default:
      return "";
  }
}

std::string described_times(const intervention& p) {
  std::string text;
  if (!p.onsets.empty())
    text = " at " + joined(p.onsets, [](std::uint64_t t) { return std::to_string(t); });
  else if (p.last == without_end)
    text = " from " + std::to_string(p.first);
  else
    text = " tokens " + std::to_string(p.first) + "-" + std::to_string(p.last);
  if (p.every != 0) text += " every " + std::to_string(p.every);
  if (p.pulses() && p.length != 1 && p.course.empty()) text += " for " + std::to_string(p.length);
  return text;
}

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
    throw input_error("intervention", "'" + std::string(law) + "'", usage(p.what));
  }
}

}  // namespace

intervention parse_intervention(const model& m, std::string_view text, std::uint64_t now) {
  words left(text);
  const std::string_view first = left.next(all_verbs);
  const auto known = std::find_if(std::begin(verbs), std::end(verbs),
                                  [&](const verb& v) { return first == v.word; });
  if (known == std::end(verbs))
    throw input_error("intervention", "'" + std::string(first) + "'", all_verbs);
  intervention p;
  p.what = known->what;
  p.first = now;
  const std::string_view next = left.peek();
  const bool limited = next.empty() || std::ranges::count(limit_words, next) != 0;
  const bool bare = p.what == intervention_kind::freeze ||
                    p.what == intervention_kind::inhibition ||
                    (p.what == intervention_kind::reset && limited);
  if (!bare) take_subject(m, p, left.next(known->usage));
  check_subject(p, text);
  take_value(p, left);
  limit_reader(m, p, left).take();
  return p;
}

std::string describe(const model& m, const intervention& p) {
  std::string text = word(p.what);
  if (p.on != target::everything) {
    // Names may look like anything; numbers are certain.
    const bool named = !m.neuron_names().empty();
    const auto neuron = [&](neuron_id i) { return (named ? "#" : "") + std::to_string(i); };
    const auto source = [&](neuron_id i) {
      return i < m.neurons() ? neuron(i) : shown_source(m, i);
    };
    text += std::string(" ") + prefix(p.on);
    text +=
        p.pairs.empty() ? joined(p.neurons, neuron) : joined(p.pairs, [&](const neuron_pair& e) {
          return source(e.pre) + "->" + source(e.post);
        });
  }
  text += described_value(p);
  if (p.noise.seed) text += " seed " + std::to_string(*p.noise.seed);
  if (p.noise.stream != 0) text += " stream " + std::to_string(p.noise.stream);
  if (!p.layers.empty())
    text += " layers " + joined(p.layers, [](layer_id l) { return std::to_string(l); });
  text += described_times(p);
  return text;
}

}  // namespace bdh
