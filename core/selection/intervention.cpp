#include "core/selection/intervention.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "core/base/error.hpp"
#include "core/selection/quoting.hpp"

namespace bdh {
namespace {

struct verb {
  const char* word;
  intervention what;
  const char* usage;
};

constexpr verb verbs[] = {
    {"lesion", intervention::lesion, "lesion NEURONS, or gx:, gy: or synapses: and pairs i->j"},
    {"silence", intervention::silence, "silence x:NEURONS or y:NEURONS"},
    {"clamp", intervention::clamp, "clamp x:NEURONS VALUE, or y:"},
    {"stimulate", intervention::stimulate, "stimulate x:NEURONS VALUE, or y:"},
    {"freeze", intervention::freeze, "freeze"},
    {"inhibition", intervention::inhibition, "inhibition FACTOR"},
    {"reset", intervention::reset, "reset, or reset synapses:i->j"},
    {"set", intervention::set, "set synapses:i->j VALUE"},
};

const char* usage(intervention what) {
  for (const verb& v : verbs)
    if (v.what == what) return v.usage;
  return "";
}

const char* word(intervention what) {
  for (const verb& v : verbs)
    if (v.what == what) return v.word;
  return "";
}

const char* prefix(subject on) {
  switch (on) {
    case subject::x:
      return "x:";
    case subject::y:
      return "y:";
    case subject::gx:
      return "gx:";
    case subject::gy:
      return "gy:";
    case subject::synapses:
      return "synapses:";
    default:
      return "";
  }
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
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
    if (!v) throw input_error("intervention", "'" + std::string(text) + "' in '" + std::string(text_) + "'", expected);
    return *v;
  }
  double real(double least, const char* expected) {
    const auto v = value<double>(expected);
    if (!std::isfinite(static_cast<float>(v)) || v < least) throw input_error("intervention", shown(v), expected);
    return v;
  }

 private:
  std::string_view text_, rest_;
};

void take_subject(const model& m, perturbation& p, std::string_view text) {
  for (const subject on : {subject::x, subject::y, subject::gx, subject::gy, subject::synapses}) {
    if (!text.starts_with(prefix(on)) || m.neuron_named(text)) continue;
    p.on = on;
    text.remove_prefix(std::string_view(prefix(on)).size());
    if (on == subject::gx || on == subject::gy) {
      p.pairs = select_edges(m, text);
    } else if (on == subject::synapses) {
      synapse_choice chosen = select_synapses(m, text);
      if (chosen.top != 0) throw input_error("intervention", "'" + std::string(text) + "'", "synapses that are named or drawn, not top:K");
      p.pairs = std::move(chosen.pairs);
    }
    break;
  }
  if (p.on == subject::everything) p.on = subject::neurons;
  if (!p.pairs.empty()) return;
  neuron_choice chosen = select_neurons(m, text);
  if (chosen.top != 0) throw input_error("intervention", "'" + std::string(text) + "'", "neurons that are named or drawn, not top:K");
  p.neurons = std::move(chosen.neurons);
}

void check_subject(const perturbation& p, std::string_view text) {
  const bool fits = [&] {
    switch (p.what) {
      case intervention::lesion:
        return p.on == subject::neurons || !p.pairs.empty();
      case intervention::silence:
      case intervention::clamp:
      case intervention::stimulate:
        return p.on == subject::x || p.on == subject::y;
      case intervention::reset:
        return p.on == subject::everything || p.on == subject::synapses;
      case intervention::set:
        return p.on == subject::synapses;
      default:
        return p.on == subject::everything;
    }
  }();
  if (!fits) throw input_error("intervention", "'" + std::string(text) + "'", usage(p.what));
}

void take_time(const model& m, perturbation& p, words& left) {
  bool layers = false, time = false;
  while (left.left()) {
    const std::string_view key = left.next("");
    if (bool& seen = key == "layers" ? layers : time; std::exchange(seen, true))
      throw input_error("intervention", "'" + std::string(key) + "', a second limit", "layers once, and one of tokens, from and at");
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
        throw input_error("intervention", "tokens '" + std::string(range) + "'", "tokens FIRST-LAST, positions from 0, FIRST <= LAST");
      p.first = *first;
      p.last = *last;
    } else {
      throw input_error("intervention", "'" + std::string(key) + "'", "layers, tokens, from or at, after " + std::string(usage(p.what)));
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

perturbation parse_perturbation(const model& m, std::string_view text, std::uint64_t now) {
  words left(text);
  const std::string_view first = left.next("lesion, silence, clamp, stimulate, freeze, inhibition, reset or set");
  const auto known = std::find_if(std::begin(verbs), std::end(verbs), [&](const verb& v) { return first == v.word; });
  if (known == std::end(verbs))
    throw input_error("intervention", "'" + std::string(first) + "'",
                      "lesion, silence, clamp, stimulate, freeze, inhibition, reset or set");
  perturbation p;
  p.what = known->what;
  p.first = now;
  const std::string_view next = left.peek();
  const bool bare =
      p.what == intervention::freeze || p.what == intervention::inhibition ||
      (p.what == intervention::reset && (next.empty() || next == "layers" || next == "tokens" || next == "from" || next == "at"));
  if (!bare) take_subject(m, p, left.next(known->usage));
  check_subject(p, text);
  if (p.what == intervention::clamp) p.value = left.real(0, "a value >= 0, finite in float32");
  if (p.what == intervention::inhibition) p.value = left.real(0, "a factor >= 0, finite in float32");
  if (p.what == intervention::stimulate || p.what == intervention::set)
    p.value = left.real(-std::numeric_limits<float>::max(), "a value, finite in float32");
  take_time(m, p, left);
  return p;
}

std::string describe(const model& m, const perturbation& p) {
  std::string text = word(p.what);
  if (p.on != subject::everything) {
    // Names may look like anything; numbers are certain.
    const bool named = !m.neuron_names().empty();
    const auto neuron = [&](neuron_id i) { return (named ? "#" : "") + std::to_string(i); };
    const auto source = [&](neuron_id i) { return i < m.neurons() ? neuron(i) : shown_source(m, i); };
    text += std::string(" ") + prefix(p.on);
    text += p.pairs.empty() ? joined(p.neurons, neuron)
                            : joined(p.pairs, [&](const neuron_pair& e) { return source(e.pre) + "->" + source(e.post); });
  }
  if (p.what == intervention::clamp || p.what == intervention::stimulate || p.what == intervention::inhibition ||
      p.what == intervention::set)
    text += " " + shown(p.value);
  if (!p.layers.empty()) text += " layers " + joined(p.layers, [](layer_id l) { return std::to_string(l); });
  if (p.last == std::numeric_limits<std::uint64_t>::max())
    text += " from " + std::to_string(p.first);
  else
    text += " tokens " + std::to_string(p.first) + "-" + std::to_string(p.last);
  return text;
}

}  // namespace bdh
