#include <algorithm>
#include <cmath>

#include <bdh/error.hpp>
#include <bdh/queries.hpp>

#include "core/base/top_k.hpp"

namespace bdh {
namespace {

// Calls `see` at this moment of the last token.
template <class See>
void at_moment(const experiment& e, layer_id layer, moment at, See see) {
  e.replay(1, [&](const simulator& brain, std::optional<round_mark> mark) {
    if (!mark || mark->layer != layer || mark->at != at) return true;
    see(brain);
    return false;
  });
}

std::vector<float> read_values(const simulator& brain, variable v) {
  return v == variable::w ? brain.sources().activity() : brain.read(v);
}

neuron_id target_of(const model& m, edge_id first, std::size_t k) {
  return m.is_direct() ? m.direct().gs.indices()[first + k] : static_cast<neuron_id>(k);
}

// All synapses of a neuron in a layer, by the change of their strengths since `before`, or by
// strength where it is null.
void offer_synapses(const model& m, const simulator& now, const simulator* before, layer_id layer,
                    neuron_id neuron, top_k<synapse_strength>& to) {
  const std::vector<float> strengths = now.synapses(layer, neuron);
  const std::vector<float> old =
      before ? before->synapses(layer, neuron) : std::vector<float>(strengths.size());
  const edge_id first = m.synapses_of(neuron).first;
  for (std::size_t k = 0; k < strengths.size(); ++k)
    to.offer(std::abs(static_cast<double>(strengths[k]) - old[k]),
             {layer, neuron, target_of(m, first, k), old[k], strengths[k]});
}

ranked_synapses ranked(const top_k<synapse_strength>& found) {
  return {found.nonzero(), found.entries(), {}};
}

ranked_synapses rank_synapses(const experiment& e, const simulator* before,
                              std::optional<layer_id> layer, std::size_t count) {
  const model& m = e.model();
  top_k<synapse_strength> found(count);
  for (layer_id l = layer.value_or(1); l <= layer.value_or(m.layers()); ++l)
    for (neuron_id i = 0; i < m.neurons(); ++i) offer_synapses(m, e.current(), before, l, i, found);
  return ranked(found);
}

ranked_edges rank_edges(const std::vector<weighted_edge>& edges, std::size_t count) {
  top_k<weighted_edge> found(count);
  for (const weighted_edge& w : edges) found.offer(std::abs(w.weight), w);
  return {found.nonzero(), found.entries()};
}

ranked_synapses synapses_into(const experiment& e, neuron_id neuron, std::size_t count) {
  const model& m = e.model();
  top_k<synapse_strength> found(count);
  for (neuron_id j = 0; j < m.neurons(); ++j) {
    if (!m.direct().gs.find(j, neuron)) continue;
    for (layer_id l = 1; l <= m.layers(); ++l) {
      const double now = e.current().synapse(l, j, neuron);
      found.offer(std::abs(now), {l, j, neuron, 0, now});
    }
  }
  return ranked(found);
}

shown_values counted(const experiment& e, variable v, layer_id layer,
                     const std::vector<float>& values) {
  const auto active = std::count_if(values.begin(), values.end(), [](float f) { return f != 0; });
  return {.what = v,
          .layer = layer,
          .position = last_position(e),
          .active = static_cast<std::size_t>(active),
          .size = values.size(),
          .entries = {}};
}

explanation question(const experiment& e, variable v, neuron_id neuron, layer_id layer) {
  return {.what = v,
          .neuron = neuron,
          .layer = layer,
          .position = last_position(e),
          .value = 0,
          .other = 0,
          .cause = {}};
}

}  // namespace

moment moment_of(variable v) noexcept {
  switch (v) {
    case variable::x:
      return moment::x_ready;
    case variable::a:
      return moment::a_ready;
    default:
      return moment::y_ready;
  }
}

layer_id last_layer(const experiment& e, moment at, const std::string& place) {
  if (e.tokens_read() == 0)
    throw input_error(place, "no token has been read here", "a token or a text before it");
  const auto last = e.round();
  if (!last) return e.model().layers();
  layer_id done = last->layer;
  if (done != 0 && last->at < at) --done;
  if (done == 0)
    throw input_error(place, "not known yet in this token",
                      "round " + std::to_string(round_of(at)) + " of layer 1", "round");
  return done;
}

layer_id reached_layer(const experiment& e, std::optional<layer_id> wanted, moment at,
                       const std::string& place) {
  const layer_id last = last_layer(e, at, place);
  if (wanted && *wanted > last)
    throw input_error(place,
                      "layer " + std::to_string(*wanted) + ", which this token has not reached",
                      "1 to " + std::to_string(last), "layer");
  return wanted.value_or(last);
}

std::uint64_t last_position(const experiment& e) {
  return e.current().tokens() - (e.round() ? 0 : 1);
}

std::vector<float> activity(const experiment& e, variable v, layer_id layer) {
  const moment ready = moment_of(v);
  if (reached_layer(e, layer, ready, "activity") == last_layer(e, ready, "activity"))
    return read_values(e.current(), v);
  std::vector<float> values;
  at_moment(e, layer, ready, [&](const simulator& brain) { values = read_values(brain, v); });
  return values;
}

std::vector<std::vector<float>> activity_history(const experiment& e, variable v, layer_id layer,
                                                 std::uint64_t tokens) {
  std::vector<std::vector<float>> history;
  e.replay(tokens, [&](const simulator& brain, std::optional<round_mark> mark) {
    if (mark && mark->layer == layer && mark->at == moment_of(v)) history.push_back(brain.read(v));
    return true;
  });
  return history;
}

shown_values show(const experiment& e, variable v, layer_id layer, std::size_t count) {
  const std::vector<float> values = activity(e, v, layer);
  shown_values shown = counted(e, v, layer, values);
  top_k<std::size_t> top(count);
  for (std::size_t i = 0; i < values.size(); ++i) top.offer(std::abs(values[i]), i);
  for (const std::size_t i : top.entries()) shown.entries.push_back({i, values[i]});
  return shown;
}

shown_values show(const experiment& e, variable v, layer_id layer,
                  std::span<const neuron_id> neurons) {
  const model& m = e.model();
  if (v == variable::a && !m.is_direct())
    throw unavailable_error("show a", "neurons, where A arrives at hubs",
                            "show a, which lists hubs");
  const std::vector<float> values = activity(e, v, layer);
  shown_values shown = counted(e, v, layer, values);
  const std::size_t each = m.is_direct() ? m.sources() : values.size();
  for (const neuron_id i : neurons)
    for (std::size_t at = i; at < values.size(); at += each)
      shown.entries.push_back({at, values[at]});
  return shown;
}

explanation explain_x(const experiment& e, neuron_id neuron, layer_id layer) {
  explanation why = question(e, variable::x, neuron, layer);
  if (layer > 1)
    at_moment(e, layer - 1, moment::x_ready,
              [&](const simulator& brain) { why.other = brain.read(variable::x)[neuron]; });
  at_moment(e, layer, moment::x_ready, [&](const simulator& brain) {
    why.value = brain.read(variable::x)[neuron];
    why.cause = drive_of_x(brain, layer, neuron);
  });
  return why;
}

explanation explain_y(const experiment& e, neuron_id neuron, layer_id layer) {
  explanation why = question(e, variable::y, neuron, layer);
  at_moment(e, layer, moment::y_ready, [&](const simulator& brain) {
    why.value = brain.read(variable::y)[neuron];
    why.other = brain.read(variable::x)[neuron];
    why.cause = drive_of_y(brain, layer, neuron);
  });
  return why;
}

ranked_synapses strongest_synapses(const experiment& e, std::optional<layer_id> layer,
                                   std::size_t count) {
  return rank_synapses(e, nullptr, layer, count);
}

ranked_synapses changed_synapses(const experiment& e, const simulator& before,
                                 std::optional<layer_id> layer, std::size_t count) {
  ranked_synapses found = rank_synapses(e, &before, layer, count);
  found.changed_by = last_position(e);
  return found;
}

std::vector<std::vector<double>> strength_history(const experiment& e,
                                                  std::span<const probe_spec> specs,
                                                  std::uint64_t tokens) {
  std::vector<std::vector<double>> history(specs.size());
  e.replay(tokens, [&](const simulator& brain, std::optional<round_mark> mark) {
    for (std::size_t p = 0; !mark && p < specs.size(); ++p)
      history[p].push_back(brain.probes().strength(specs[p]).value());
    return true;
  });
  return history;
}

neighborhood neighbors(const experiment& e, neuron_id neuron, std::size_t count) {
  const model& m = e.model();
  neighborhood found;
  found.neuron = neuron;
  found.gx_in = rank_edges(edges_into(m, circuit::gx, neuron), count);
  found.gx_out = rank_edges(edges_from(m, circuit::gx, neuron), count);
  found.gy_in = rank_edges(edges_into(m, circuit::gy, neuron), count);
  found.gy_out = rank_edges(edges_from(m, circuit::gy, neuron), count);
  const auto [first, last] = m.synapses_of(neuron);
  found.synapses_per_layer = last - first;
  top_k<synapse_strength> out(count);
  for (layer_id l = 1; l <= m.layers(); ++l)
    offer_synapses(m, e.current(), nullptr, l, neuron, out);
  found.synapses_out = ranked(out);
  if (m.is_direct()) found.synapses_in = synapses_into(e, neuron, count);
  return found;
}

}  // namespace bdh
