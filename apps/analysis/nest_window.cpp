#include "apps/analysis/nest_window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/queries.hpp>

#include "apps/common/command_line.hpp"
#include "apps/common/console.hpp"
#include "apps/runs/run_names.hpp"
#include "core/model/hub_weights.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/recording/run_reader.hpp"
#include "io/recording/spike_trains.hpp"

namespace bdh::app {
namespace {

struct sent_window {
  std::string variable;
  std::uint64_t layer = 0, token = 0;
};

sent_window parse_window(const std::string& text) {
  const std::size_t colon = text.find(':'), at = text.find('@');
  const auto number = [&](std::size_t first, std::size_t last) {
    return parse_number(std::string_view(text).substr(first, last - first), any_count);
  };
  sent_window w;
  if (colon != text.npos && at != text.npos && colon < at) {
    const auto layer = number(colon + 1, at), token = number(at + 1, text.size());
    w.variable = text.substr(0, colon);
    if ((w.variable == "y" || w.variable == "w") && layer && token) {
      w.layer = *layer;
      w.token = *token;
      return w;
    }
  }
  throw usage_error("--nest", "'" + text +
                                  "', expected y:LAYER@TOKEN or w:LAYER@TOKEN: the window whose "
                                  "spikes Y sends to the hubs, or W over Gx to X of the layer");
}

// Edges that leave a source: target, weight.
using edge_list = std::vector<std::pair<neuron_id, double>>;

edge_list row_of(const projection& p, neuron_id row) {
  edge_list all;
  if (p.is_dense()) {
    for (neuron_id k = 0; k < p.columns(); ++k)
      all.emplace_back(k, p.weight(edge_id{row} * p.columns() + k));
  } else {
    for (edge_id e = p.indptr()[row]; e < p.indptr()[row + 1]; ++e)
      all.emplace_back(p.indices()[e], p.weight(e));
  }
  return all;
}

// Of a node as the trains number it: a neuron, or one of the two of a hub.
edge_list nest_edges(const model& m, const std::string& variable, std::uint32_t node) {
  if (variable == "y") return row_of(m.circuits().e, node);
  edge_list all;
  if (m.is_direct()) {
    for (const weighted_edge& e : edges_from(m, circuit::gx, node))
      all.emplace_back(e.end, e.weight);
    return all;
  }
  for (neuron_id k = 0; k < m.neurons(); ++k)
    all.emplace_back(k, hub_row(m.circuits().dx, k)[node / 2] * (node % 2 == 0 ? 1 : -1));
  return all;
}

const recorded_window& window_in(const spike_trains& t, const sent_window& w,
                                 const std::string& run) {
  const std::uint32_t round = w.variable == "y" ? 2 : 3;
  const auto at = std::find_if(t.windows.begin(), t.windows.end(), [&](const auto& one) {
    return one.variable == w.variable && one.layer == w.layer && one.round == round;
  });
  if (at == t.windows.end())
    throw input_error(run, fmt::format("no window of {} in layer {}", w.variable, w.layer),
                      "one of options.spikes.windows in run.json");
  if (w.token < t.first_token || w.token >= t.first_token + t.tokens)
    throw input_error(
        run, fmt::format("token {}", w.token),
        fmt::format("one of the {} from {} on, which were recorded", t.tokens, t.first_token));
  return *at;
}

}  // namespace

void export_nest_window(const std::string& run, const std::string& text, const std::string& target,
                        bool force) {
  const sent_window w = parse_window(text);
  if (!force) const atomic_file free(target, false);
  const run_reader recorded(run);
  const model m = model_of(recorded);
  if (w.variable == "y" && m.hubs() == 0)
    throw input_error(run, "a model without hubs", "one whose Y is sent to them");
  const spike_trains t = read_spike_trains(recorded);
  const recorded_window& window = window_in(t, w, run);
  const bool of_hubs = w.variable == "w" && !m.is_direct();
  const std::uint64_t first = w.token * t.token_bins + window.first_bin;
  std::map<std::uint32_t, std::vector<double>> times;  // ms from the beginning of the window
  for (const recorded_spike& s : of_hubs ? t.hubs : t.spikes)
    if (s.bin >= first && s.bin < first + window.bins &&
        w.variable == spike_variables[s.variable]) {
      if (s.node >= (of_hubs ? 2 * m.hubs() : m.neurons()))
        throw input_error(run, fmt::format("a spike of node {}", s.node), "one of the model");
      times[s.node].push_back(static_cast<double>(s.bin - first + 1) * t.bin_ms);
    }
  const auto scales = t.scales.find(w.variable);
  if (scales == t.scales.end() || scales->second.size() < w.layer)
    throw input_error(run, "no scale of " + w.variable, "one in run.json");
  const double quantum = scales->second[w.layer - 1] / window.bins;
  std::vector<double> potential(w.variable == "y" ? m.hubs() : m.neurons());
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
  for (const auto& [node, train] : times) {
    nlohmann::ordered_json targets = nlohmann::ordered_json::array(),
                           weights = nlohmann::ordered_json::array();
    for (const auto& [k, weight] : nest_edges(m, w.variable, node)) {
      targets.push_back(k);
      weights.push_back(weight * quantum);
      potential[k] += weight * quantum * static_cast<double>(train.size());
    }
    sources.push_back(
        {{"node", node}, {"times_ms", train}, {"targets", targets}, {"weights_mv", weights}});
  }
  const nlohmann::ordered_json all{
      {"format", "bdh-nest-window"}, {"format_version", 1}, {"window", text},
      {"bins", window.bins},         {"dt_ms", t.bin_ms},   {"targets", potential.size()},
      {"v_m_at_the_end", potential}, {"sources", sources}};
  write_text(target, json_text(all) + "\n");
  print(fmt::format("{} sources with spikes, {} targets\nwrote {}\n", times.size(),
                    potential.size(), target));
}

}  // namespace bdh::app
