#include "io/recording/recording_plan.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "graph/edge_ids.hpp"
#include "io/files/error_context.hpp"
#include "io/files/json.hpp"
#include "io/files/text_start.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

constexpr const char* known =
    "logits, events, summary, snapshot, x:NEURONS, y:NEURONS, spikes:NEURONS, synapses:SYNAPSES or "
    "pairs:top:K";
constexpr std::uintmax_t largest_plan = std::uintmax_t{16} << 20;  // bytes

std::uint64_t parse_every(std::string_view text, const std::string& place) {
  std::uint64_t every = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), every);
  if (failed != std::errc() || end != text.data() + text.size() || every == 0)
    throw input_error(place, "every '" + std::string(text) + "'", "a number of tokens, 1 or more");
  return every;
}

bool parse_factor(std::string_view text, const std::string& place) {
  if (text != "w" && text != "y")
    throw input_error(place, "factor '" + std::string(text) + "'",
                      "w, what acts, or y, the paper's Eq. 16");
  return text == "y";
}

// "x" of "x:0-9"; the whole of "logits".
std::string_view kind_of(std::string_view what) { return what.substr(0, what.find(':')); }
std::string_view choice_of(std::string_view what) {
  return what.substr(std::min(what.find(':'), what.size() - 1) + 1);
}

// K of "pairs:top:K".
std::uint64_t pair_count(const recording_request& r) {
  constexpr std::uint64_t most = 1'000'000;
  const std::string_view choice = choice_of(r.what);
  std::uint64_t k = 0;
  if (choice.starts_with("top:")) {
    const char* const end = choice.data() + choice.size();
    const auto [at, failed] = std::from_chars(choice.data() + 4, end, k);
    if (failed != std::errc() || at != end) k = 0;
  }
  if (k == 0 || k > most)
    throw input_error(r.place, "'" + r.what + "'",
                      "pairs:top:K, K from 1 to " + std::to_string(most));
  return k;
}

void check(const recording_request& r) {
  static constexpr std::string_view alone[] = {"logits", "events", "summary", "snapshot"},
                                    choosing[] = {"x", "y", "spikes", "synapses", "pairs"};
  const auto is_one_of = [](auto& names, std::string_view what) {
    return std::find(std::begin(names), std::end(names), what) != std::end(names);
  };
  const bool chooses = r.what.find(':') != r.what.npos;
  if (chooses ? !is_one_of(choosing, kind_of(r.what)) || choice_of(r.what).empty()
              : !is_one_of(alone, r.what))
    throw input_error(r.place, "'" + r.what + "'", known);
  if (r.layers && r.what == "logits")
    throw input_error(r.place, "layers " + *r.layers, "none: logits are of no layer");
  if (r.by_y && kind_of(r.what) != "synapses" && kind_of(r.what) != "pairs")
    throw input_error(r.place, "a factor of '" + r.what + "'", "synapses:SYNAPSES or pairs:top:K");
  if (kind_of(r.what) == "spikes" && (r.layers || r.every != 1))
    throw input_error(r.place, "layers or every K of spikes", "all windows of all tokens");
  if (kind_of(r.what) == "pairs") pair_count(r);
  if (r.what == "summary" && (r.layers || r.every != 1))
    throw input_error(r.place, "a part of the summary", "summary alone");
}

// ---- recordings

recording_description described(const recording_request& r, quantity what, recording_layout layout,
                                layer_id layer, std::uint64_t position) {
  recording_description d;
  d.request = r.what + (r.every == 1 ? "" : " every " + std::to_string(r.every)) +
              (r.layers ? " layers " + *r.layers : "") + (r.by_y ? " factor y" : "");
  d.what = what;
  d.layout = layout;
  d.layer = layer;
  d.every = r.every;
  d.by_y = r.by_y;
  d.start = (position / r.every + (position % r.every != 0)) * r.every;
  return d;
}

// The side of the synapses that receives.
std::string postsynaptic(const model& m) { return m.sensory_are_sources() ? "sources" : "neurons"; }

recording_description logits(const model& m, const recording_request& r, std::uint64_t position) {
  if (m.readout_nodes() == 0)
    throw unavailable_error(r.place, "no readout nodes, and so no logits", "a model with a readout",
                            "bdh import --readout FILE gives a graph its readout");
  recording_description d = described(r, quantity::logits, recording_layout::logits, 0, position);
  d.population = "readout";
  d.width = m.readout_nodes();
  return d;
}

recording_description activity(const model& m, const recording_request& r, quantity what,
                               const neuron_choice& chosen, bool all_events, layer_id layer,
                               std::uint64_t position) {
  const bool events = all_events || chosen.top != 0;
  recording_description d = described(
      r, what, events ? recording_layout::events : recording_layout::frames, layer, position);
  d.population = "neurons";
  d.top = chosen.top;
  d.width = events ? m.neurons() : chosen.neurons.size();
  if (events) return d;
  d.node_ids.assign(chosen.neurons.begin(), chosen.neurons.end());
  d.index_pointers.resize(d.width + 1);
  std::iota(d.index_pointers.begin(), d.index_pointers.end(), 0);
  d.element_ids.assign(d.width, 0);
  return d;
}

std::uint32_t as_element(std::uint64_t id, const std::string& place) {
  if (id > 0xffffffffu)
    throw unavailable_error(place, "synapse " + std::to_string(id),
                            "SONATA's element ids, which end at 4294967295");
  return static_cast<std::uint32_t>(id);
}

// The pairs by target and source; edges of gs with their positions in the file.
std::vector<recorded_synapse> located(const model& m, const std::vector<neuron_pair>& pairs,
                                      bool by_y) {
  std::vector<recorded_synapse> all;
  std::vector<edge_id> edges;        // ascending: the pairs are, and so are edges by source
  std::vector<std::size_t> edge_of;  // positions in `all`
  for (const neuron_pair& p : pairs) {
    if (m.is_direct() && !by_y)
      if (const auto edge = m.direct().gs.find(p.pre, p.post)) {
        edges.push_back(*edge);
        edge_of.push_back(all.size());
      }
    all.push_back({p.pre, p.post});
  }
  if (!edges.empty()) {
    const std::vector<edge_id> positions = file_positions(m.direct().gs, edges);
    for (std::size_t k = 0; k < edges.size(); ++k) all[edge_of[k]].edge = positions[k];
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.post, a.pre) < std::tie(b.post, b.pre);
  });
  return all;
}

recording_description synapses(const model& m, const recording_request& r,
                               const std::vector<recorded_synapse>& chosen, std::uint64_t top,
                               layer_id layer, std::uint64_t position) {
  recording_description d =
      described(r, quantity::synapses,
                top != 0 ? recording_layout::events : recording_layout::frames, layer, position);
  d.population = postsynaptic(m);
  d.top = top;
  d.width = top != 0 ? m.synapses() : chosen.size();
  if (top != 0) return d;
  d.synapses = chosen;
  std::uint64_t behind = m.is_direct() ? m.synapses() : 0;  // probes come behind all edge ids
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const recorded_synapse& s = chosen[k];
    if (d.node_ids.empty() || d.node_ids.back() != s.post) {
      d.node_ids.push_back(s.post);
      d.index_pointers.push_back(k);
    }
    d.element_ids.push_back(
        as_element(s.edge == recorded_synapse::no_edge ? behind++ : s.edge, r.place));
  }
  d.index_pointers.push_back(chosen.size());
  return d;
}

// All synapses of a layer, as the file has them: by target. Through hubs the targets are the hubs,
// and an element is hub * neurons + neuron.
recording_description snapshot(const model& m, const recording_request& r, layer_id layer,
                               std::uint64_t position) {
  if (m.synapses() == 0)
    throw unavailable_error(r.place, "a model without synapses", "one that has some");
  as_element(m.synapses() - 1, r.place);
  recording_description d =
      described(r, quantity::snapshot, recording_layout::frames, layer, position);
  d.population = m.is_direct() ? postsynaptic(m) : "hubs";
  d.width = m.synapses();
  const neuron_id targets = m.is_direct() ? m.sources() : m.hubs();
  d.node_ids.resize(targets);
  std::iota(d.node_ids.begin(), d.node_ids.end(), 0);
  d.index_pointers.assign(targets + std::size_t{1}, 0);
  const projection* gs = m.is_direct() && !m.direct().gs.is_dense() ? &m.direct().gs : nullptr;
  for (neuron_id j = 0; j < targets && gs == nullptr; ++j)
    d.index_pointers[j + std::size_t{1}] = m.neurons();
  if (gs != nullptr)
    for (neuron_id target : gs->indices()) ++d.index_pointers[target + std::size_t{1}];
  std::partial_sum(d.index_pointers.begin(), d.index_pointers.end(), d.index_pointers.begin());
  d.element_ids.resize(d.width);
  std::iota(d.element_ids.begin(), d.element_ids.end(), 0u);
  return d;
}

// Strengths of pairs through hubs are known from what has been written since the first token.
recording_description pairs(const model& m, const recording_request& r, layer_id layer,
                            std::uint64_t position) {
  if (m.is_direct())
    throw unavailable_error(r.place, "a model whose synapses are explicit edges",
                            "synapses:top:K, the strongest of these", "");
  if (position != 0)
    throw unavailable_error(
        r.place, "strengths of pairs after token " + std::to_string(position - 1),
        "a run from token 0 on, without --state: they are known from what all tokens wrote");
  recording_description d =
      described(r, quantity::pairs, recording_layout::events, layer, position);
  d.population = "neurons";
  d.top = pair_count(r);
  d.width = std::min(std::uint64_t{m.neurons()} * m.neurons(), std::uint64_t{0xffffffff});
  d.top = std::min(d.top, d.width);
  return d;
}

// Trains; how long a bin is and whether hubs spike, the recorder knows.
recording_description trains(const model& m, const recording_request& r, std::uint64_t position) {
  const neuron_choice chosen = select_neurons(m, choice_of(r.what));
  if (chosen.top != 0)
    throw input_error(r.place, "spikes of the most active neurons",
                      "neurons that are named or drawn");
  recording_description d = described(r, quantity::spikes, recording_layout::trains, 0, position);
  d.population = "neurons";
  d.node_ids.assign(chosen.neurons.begin(), chosen.neurons.end());
  d.width = d.node_ids.size();
  d.bin_ms = 1;
  return d;
}

// "x", "events_x", "top_x": the second request of a kind is called x-2, and so on.
std::string stem(const recording_request& r, const recording_description& d) {
  if (r.what == "events") return std::string("events_") + name(d.what);
  return std::string(d.top != 0 ? "top_" : "") + name(d.what);
}

class planner {
 public:
  planner(const model& m, std::uint64_t position) : m_(m), position_(position) {}

  void add(const recording_request& r) {
    check(r);
    std::vector<recording_description> made = with_context(
        [&](const std::string& place) { return place == r.place ? place : r.place + ": " + place; },
        [&] { return recordings_of(r); });
    std::map<std::string, int> numbers;
    for (recording_description& d : made) {
      const std::string s = stem(r, d);
      const int number = numbers.contains(s) ? numbers[s] : numbers[s] = ++seen_[s];
      d.name = s + (number == 1 ? "" : "-" + std::to_string(number)) +
               (d.layer == 0 ? "" : "_" + std::to_string(d.layer)) + ".h5";
      all_.push_back(std::move(d));
    }
  }
  std::vector<recording_description> take() { return std::move(all_); }

 private:
  std::vector<recording_description> recordings_of(const recording_request& r) const {
    std::vector<recording_description> made;
    if (r.what == "summary") return made;  // every run has it
    if (r.what == "logits") return {logits(m_, r, position_)};
    if (kind_of(r.what) == "spikes") return {trains(m_, r, position_)};
    const auto layers = select_layers(m_, r.layers.value_or("1-" + std::to_string(m_.layers())));
    const std::string_view kind = kind_of(r.what), choice = choice_of(r.what);
    if (r.what == "events") {
      for (quantity q : {quantity::x, quantity::y})
        for (layer_id l : layers) made.push_back(activity(m_, r, q, {}, true, l, position_));
    } else if (r.what == "snapshot") {
      for (layer_id l : layers) made.push_back(snapshot(m_, r, l, position_));
    } else if (kind == "pairs") {
      for (layer_id l : layers) made.push_back(pairs(m_, r, l, position_));
    } else if (kind == "synapses") {
      if (choice.starts_with("top:") && !m_.is_direct())
        throw unavailable_error(
            r.place, "circuits through hubs, which store no synapse of a neuron pair",
            "pairs:" + std::string(choice) + ", the strongest of all pairs of neurons");
      const synapse_choice chosen = select_synapses(m_, choice);
      if (r.by_y && chosen.top != 0)
        throw input_error(r.place, "top:K by factor y", "synapses that are named or drawn");
      const auto all = located(m_, chosen.pairs, r.by_y);
      for (layer_id l : layers) made.push_back(synapses(m_, r, all, chosen.top, l, position_));
    } else {
      const neuron_choice chosen = select_neurons(m_, choice);
      for (layer_id l : layers)
        made.push_back(
            activity(m_, r, kind == "x" ? quantity::x : quantity::y, chosen, false, l, position_));
    }
    return made;
  }

  const model& m_;
  std::uint64_t position_;
  std::map<std::string, int> seen_;
  std::vector<recording_description> all_;
};

recording_request from_json(const nlohmann::json& item, const std::string& place) {
  if (item.is_string()) {
    recording_request r = parse_recording(item.get<std::string>());
    r.place = place;
    return r;
  }
  if (!item.is_object() || !item.contains("what") || !item["what"].is_string())
    throw input_error(place, "no 'what'", "a text, or an object with what, every and layers");
  recording_request r;
  r.place = place;
  for (const auto& [key, value] : item.items()) {
    if (key == "what") {
      r.what = value.get<std::string>();
    } else if (key == "every" && value.is_number_integer()) {
      r.every = parse_every(json_text(value), place);
    } else if (key == "factor" && value.is_string()) {
      r.by_y = parse_factor(value.get<std::string>(), place);
    } else if (key == "layers" && (value.is_string() || value.is_number_unsigned())) {
      r.layers = value.is_string() ? value.get<std::string>() : json_text(value);
    } else {
      throw input_error(place, "'" + key + "': " + json_text(value),
                        "what (a text), every (a number), layers (\"1-3\") or factor (\"y\")");
    }
  }
  check(r);
  return r;
}

}  // namespace

recording_request parse_recording(std::string_view text) {
  recording_request r;
  r.place = "--record '" + std::string(text) + "'";
  // From the end: names of neurons may have blanks in them.
  bool every = false, factor = false;
  for (std::string_view rest = text;;) {
    while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
    r.what = rest;
    const std::size_t value = rest.rfind(' ');
    if (value == rest.npos) break;
    std::string_view before = rest.substr(0, value);
    while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
    const std::size_t key_at = before.rfind(' ');
    if (key_at == before.npos) break;
    const std::string_view key = before.substr(key_at + 1);
    if (key == "every" && !every) {
      r.every = parse_every(rest.substr(value + 1), r.place);
      every = true;
    } else if (key == "layers" && !r.layers) {
      r.layers = rest.substr(value + 1);
    } else if (key == "factor" && !factor) {
      factor = true;
      r.by_y = parse_factor(rest.substr(value + 1), r.place);
    } else {
      break;
    }
    rest = before.substr(0, key_at);
  }
  r.what.erase(0, std::min(r.what.find_first_not_of(' '), r.what.size()));
  check(r);
  return r;
}

std::vector<recording_request> read_recordings(const std::filesystem::path& file) {
  const std::string text = read_whole_file(file, largest_plan, "a JSON list of what to record");
  const nlohmann::json all =
      nlohmann::json::parse(without_byte_order_mark(text, file.string()), nullptr, false);
  if (!all.is_array())
    throw input_error(file.string(), "no JSON list",
                      "[\"x:0-99 every 10\", {\"what\": \"events\", \"layers\": \"1-2\"}]");
  std::vector<recording_request> requests;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const std::string place = file.string() + "[" + std::to_string(k) + "]";
    requests.push_back(with_context([&](const std::string&) { return place; },
                                    [&] { return from_json(all[k], place); }));
  }
  return requests;
}

std::vector<recording_description> plan_recordings(const model& m,
                                                   const std::vector<recording_request>& requests,
                                                   std::uint64_t position) {
  planner plan(m, position);
  for (const recording_request& r : requests) plan.add(r);
  return plan.take();
}

}  // namespace bdh
