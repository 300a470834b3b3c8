#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

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
    {"freeze", intervention_kind::freeze, "freeze"},
    {"inhibition", intervention_kind::inhibition, "inhibition FACTOR"},
    {"reset", intervention_kind::reset, "reset, or reset synapses:i->j"},
    {"set", intervention_kind::set, "set synapses:i->j VALUE"},
};

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
    const auto v = value<double>(expected);
    if (!std::isfinite(static_cast<float>(v)) || v < least)
      throw input_error("intervention", shown(v), expected);
    return v;
  }

 private:
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

void take_time(const model& m, intervention& p, words& left) {
  bool layers = false, time = false;
  while (left.left()) {
    const std::string_view key = left.next("");
    if (bool& seen = key == "layers" ? layers : time; std::exchange(seen, true))
      throw input_error("intervention", "'" + std::string(key) + "', a second limit",
                        "layers once, and one of tokens, from and at");
    if (key == "layers") {
      p.layers = select_layers(m, left.next("layers 1-2,4"));
    } else if (key == "from") {
      p.first = left.value<std::uint64_t>("from POSITION");
      p.last = std::numeric_limits<std::uint64_t>::max();
    } else if (key == "at") {
      p.first = p.last = left.value<std::uint64_t>("at POSITION");
    } else if (key == "tokens") {
      const std::string_view range = left.next("tokens FIRST-LAST");
      const std::size_t dash = range.find('-');
      const auto first = number<std::uint64_t>(range.substr(0, dash));
      const auto last = dash == range.npos ? first : number<std::uint64_t>(range.substr(dash + 1));
      if (!first || !last || *first > *last)
        throw input_error("intervention", "tokens '" + std::string(range) + "'",
                          "tokens FIRST-LAST, positions from 0, FIRST <= LAST");
      p.first = *first;
      p.last = *last;
    } else {
      throw input_error("intervention", "'" + std::string(key) + "'",
                        "layers, tokens, from or at, after " + std::string(usage(p.what)));
    }
  }
}

template <class T, class Show>
std::string joined(const std::vector<T>& all, Show show) {
  std::string text;
  for (const T& one : all) text += (text.empty() ? "" : ",") + show(one);
  return text;
}

}  // namespace

intervention parse_intervention(const model& m, std::string_view text, std::uint64_t now) {
  words left(text);
  const std::string_view first =
      left.next("lesion, silence, clamp, stimulate, freeze, inhibition, reset or set");
  const auto known = std::find_if(std::begin(verbs), std::end(verbs),
                                  [&](const verb& v) { return first == v.word; });
  if (known == std::end(verbs))
    throw input_error("intervention", "'" + std::string(first) + "'",
                      "lesion, silence, clamp, stimulate, freeze, inhibition, reset or set");
  intervention p;
  p.what = known->what;
  p.first = now;
  const std::string_view next = left.peek();
  const bool bare =
      p.what == intervention_kind::freeze || p.what == intervention_kind::inhibition ||
      (p.what == intervention_kind::reset &&
       (next.empty() || next == "layers" || next == "tokens" || next == "from" || next == "at"));
  if (!bare) take_subject(m, p, left.next(known->usage));
  check_subject(p, text);
  if (p.what == intervention_kind::clamp) p.value = left.real(0, "a value >= 0, finite in float32");
  if (p.what == intervention_kind::inhibition)
    p.value = left.real(0, "a factor >= 0, finite in float32");
  if (p.what == intervention_kind::stimulate || p.what == intervention_kind::set)
    p.value = left.real(-std::numeric_limits<float>::max(), "a value, finite in float32");
  take_time(m, p, left);
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
  if (p.what == intervention_kind::clamp || p.what == intervention_kind::stimulate ||
      p.what == intervention_kind::inhibition || p.what == intervention_kind::set)
    text += " " + shown(p.value);
  if (!p.layers.empty())
    text += " layers " + joined(p.layers, [](layer_id l) { return std::to_string(l); });
  if (p.last == std::numeric_limits<std::uint64_t>::max())
    text += " from " + std::to_string(p.first);
  else
    text += " tokens " + std::to_string(p.first) + "-" + std::to_string(p.last);
  return text;
}

}  // namespace bdh
