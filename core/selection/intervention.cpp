#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "core/selection/intervention_text.hpp"
#include "core/selection/normalize.hpp"

namespace bdh {
namespace {

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
  if (!fits) throw input_error("intervention", "'" + std::string(text) + "'", usage_of(p.what));
}

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

bool is_plain(const std::string& name) {
  const auto of_words = [](unsigned char c) { return c < 128 && (std::isalnum(c) || c == '_'); };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') && name != "all" &&
         std::ranges::all_of(name, of_words);
}

// What selects this neuron: its name, between quotes unless it is a plain word; its number where
// quotes or line ends in names leave a doubt.
std::string selecting(const model& m, neuron_id neuron) {
  if (m.neuron_names().empty()) return std::to_string(neuron);
  const std::string& name = m.neuron_names()[neuron];
  if (is_plain(name)) return name;
  const auto doubtful = [](unsigned char c) { return c < 32 || c == 127 || c == '"'; };
  const std::string quoted = '"' + name + '"';
  if (std::ranges::any_of(name, doubtful) || m.neuron_named(quoted))
    return '#' + std::to_string(neuron);
  return quoted;
}

}  // namespace

intervention parse_intervention(const model& m, std::string_view text, std::uint64_t now) {
  intervention_text read =
      read_intervention(text, now, [&](intervention& p, std::string_view subject) {
        if (!subject.empty()) take_subject(m, p, subject);
        check_subject(p, text);
      });
  if (!read.layers.empty()) read.parsed.layers = select_layers(m, read.layers);
  return std::move(read.parsed);
}

std::string describe(const model& m, const intervention& p) {
  std::string text = word_of(p.what);
  if (p.on != target::everything) {
    const auto neuron = [&](neuron_id i) { return selecting(m, i); };
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
