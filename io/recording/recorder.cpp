#include "io/recording/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/top_k.hpp"
#include "graph/edge_ids.hpp"
#include "io/recording/recording_plan.hpp"

namespace bdh {
namespace {

constexpr std::size_t chunk = 65536;  // synapses read at a time

// The positions of the k largest of `values` that are not zero, ascending; the lower position where
// two are equal.
template <class Size>
std::vector<std::size_t> largest(std::span<const float> values, std::uint64_t k, Size size) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != 0) found.push_back(i);
  if (k != 0 && found.size() > k) {
    const auto first = [&](std::size_t a, std::size_t b) {
      return size(values[a]) != size(values[b]) ? size(values[a]) > size(values[b]) : a < b;
    };
    keep_top_k(found, k, first);
    std::sort(found.begin(), found.end());
  }
  return found;
}

// Strengths of all synapses of a layer, in the order of their ids.
void read_layer(const simulator& brain, layer_id layer, std::vector<float>& out) {
  std::vector<edge_id> ids;
  out.resize(brain.model().synapses());
  for (std::size_t first = 0; first < out.size(); first += chunk) {
    ids.resize(std::min(chunk, out.size() - first));
    std::iota(ids.begin(), ids.end(), edge_id{first});
    brain.synapses(layer, ids, std::span(out).subspan(first, ids.size()));
  }
}

std::vector<edge_id> all_file_positions(const projection& p) {
  std::vector<edge_id> all(p.edges());
  std::iota(all.begin(), all.end(), edge_id{0});
  return file_positions(p, all);
}

// Descriptions may come from a file: nothing in them is used as an index before this.
bool fits(const recording_description& d, const model& m) {
  if (d.what == quantity::logits)
    return d.layout == recording_layout::logits && m.readout_nodes() != 0 &&
           d.width == m.readout_nodes();
  if (d.what == quantity::spikes)
    return d.layout == recording_layout::trains && d.node_ids.size() == d.width &&
           std::all_of(d.node_ids.begin(), d.node_ids.end(),
                       [&](std::uint64_t i) { return i < m.neurons(); });
  if (d.layout == recording_layout::logits || d.layer < 1 || d.layer > m.layers()) return false;
  const bool frames = d.layout == recording_layout::frames;
  switch (d.what) {
    case quantity::snapshot:
      return frames && d.width == m.synapses();
    case quantity::synapses: {
      if (!frames) return m.is_direct() && d.top != 0 && d.synapses.empty();
      const auto known = [&](const recorded_synapse& s) {
        return s.pre < m.neurons() && s.post < m.sources() &&
               (s.edge == recorded_synapse::no_edge ||
                (m.is_direct() && m.direct().gs.find(s.pre, s.post)));
      };
      return d.top == 0 && d.synapses.size() == d.width &&
             std::all_of(d.synapses.begin(), d.synapses.end(), known);
    }
    case quantity::pairs:
      return !frames && !m.is_direct() && d.top != 0;
    default:
      return !frames || (d.node_ids.size() == d.width &&
                         std::all_of(d.node_ids.begin(), d.node_ids.end(),
                                     [&](std::uint64_t i) { return i < m.neurons(); }));
  }
}

}  // namespace

struct recorder::source {
  recording_description what;
  std::vector<edge_id> edges;                               // chosen synapses, ids of the model ...
  std::vector<std::size_t> edge_slots;                      // ... and their places in a row
  std::vector<std::pair<std::size_t, std::size_t>> probes;  // number, place in a row
};

recorder::recorder(simulator& brain, std::vector<recording_description>& recordings,
                   std::size_t threads)
    : brain_(brain), rows_(recordings.size()) {
  const model& m = brain.model();
  for (const recording_description& d : recordings)
    if (!fits(d, m))
      throw input_error(d.name, "a recording that does not fit the model",
                        "one that was planned for it");
  bool watches = false;
  for (recording_description& d : recordings) {
    source s;
    for (std::size_t k = 0; k < d.synapses.size(); ++k) {
      recorded_synapse& chosen = d.synapses[k];
      if (chosen.edge != recorded_synapse::no_edge) {
        s.edges.push_back(*m.direct().gs.find(chosen.pre, chosen.post));
        s.edge_slots.push_back(k);
      } else {
        const std::size_t number = brain.probes().add(
            {{chosen.pre, chosen.post}, d.layer, d.by_y ? probe_factor::y : probe_factor::w});
        chosen.since = brain.probes().since(number);
        s.probes.emplace_back(number, k);
      }
    }
    if (d.what == quantity::snapshot && m.is_direct() && file_position_.empty())
      file_position_ = all_file_positions(m.direct().gs);
    if (d.what == quantity::pairs) {
      if (!work_) work_ = default_executor(threads);
      auto& of = pairs_[{d.layer, d.by_y}];
      if (!of)
        of = std::make_unique<pair_strengths>(m, brain.retention(), d.layer,
                                              d.by_y ? probe_factor::y : probe_factor::w, *work_,
                                              predict_pair_costs(m, recordings, 1).what);
    }
    if (d.what == quantity::spikes) {
      if (!brain.spikes())
        throw unavailable_error(d.request, "activity that travels as it is", "a run with --spikes");
      windows_ = windows_of(*brain.spikes(), m);
      trains_of_.assign(d.node_ids.begin(), d.node_ids.end());
      std::sort(trains_of_.begin(), trains_of_.end());
    }
    watches =
        watches || d.what == quantity::x || d.what == quantity::y || d.what == quantity::spikes;
    s.what = d;
    sources_.push_back(std::move(s));
  }
  if (watches)
    observer_ = brain.observe([this](layer_id layer, moment at) { after_round(layer, at); },
                              observation::activity);
  for (auto& [what, of] : pairs_) of->follow(brain);
}

recorder::~recorder() {
  if (observer_) brain_.stop_observing(*observer_);
}

void recorder::catch_up(simulator& again, std::span<const token_id> tokens,
                        const std::function<void()>& before_token) {
  for (auto& [what, of] : pairs_) of->follow(again);
  try {
    for (const token_id token : tokens) {
      if (before_token) before_token();
      again.step(token);
      for (auto& [what, of] : pairs_) of->settle();
    }
  } catch (...) {
    for (auto& [what, of] : pairs_) of->stop();  // `again` need not outlive this
    throw;
  }
  for (auto& [what, of] : pairs_) of->follow(brain_);
}

// The trains of a moment: they follow from the values that are emitted.
void recorder::take_spikes(layer_id layer, moment at) {
  const model& m = brain_.model();
  if (layer == 1 && at == moment::x_ready) spikes_.clear();
  for (const spike_time& w : windows_) {
    if (w.layer != layer || moment_of(w) != at) continue;
    const bool hubs = is_of_hubs(m, w), paired = is_signed(m, w.source);
    const auto width = hubs ? m.hubs() : m.sources();
    const float code = static_cast<float>(static_cast<int>(w.source)) + (paired ? spike_of_hub : 0);
    for (const emitter& e : emitters_of(brain_, w)) {
      if (!hubs && !std::binary_search(trains_of_.begin(), trains_of_.end(), e.id)) continue;
      std::uint64_t node = e.id;
      if (paired) node = 2 * (node + std::uint64_t{e.head} * width) + (e.value < 0 ? 1 : 0);
      const auto train = train_of(brain_, w, e);
      for (std::uint32_t b = 0; b < w.bins; ++b)
        if (train[b / 64] >> (b % 64) & 1) spikes_.push_back({w.first_bin + b, node, code});
    }
  }
}

void recorder::end_spikes(recording_row& row) const {
  auto all = spikes_;
  std::sort(all.begin(), all.end());
  const std::uint64_t first = (brain_.tokens() - 1) * bins_of_token(windows_);
  row = {};
  for (const spike& s : all) {
    row.edges.push_back(first + s.bin);
    row.nodes.push_back(s.node);
    row.values.push_back(s.variable);
  }
}

void recorder::after_round(layer_id layer, moment at) {
  if (!windows_.empty()) take_spikes(layer, at);
  if (at != moment::y_ready && at != moment::x_ready) return;
  const quantity complete = at == moment::x_ready ? quantity::x : quantity::y;
  const variable v = at == moment::x_ready ? variable::x : variable::y;
  bool have_all = false, have_active = false;
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    const recording_description& d = sources_[k].what;
    if (d.what != complete || d.layer != layer || !d.due(brain_.tokens())) continue;
    if (d.layout == recording_layout::frames) {
      if (!std::exchange(have_all, true)) {
        neurons_.resize(brain_.size(v));
        brain_.read(v, neurons_);
      }
      take_neurons(d, rows_[k]);
    } else {
      if (!std::exchange(have_active, true)) brain_.active(v, active_, active_values_);
      take_events(d, rows_[k]);
    }
  }
}

void recorder::take_neurons(const recording_description& d, recording_row& row) const {
  row.values.clear();
  for (std::uint64_t i : d.node_ids) row.values.push_back(neurons_[i]);
}

void recorder::take_events(const recording_description& d, recording_row& row) const {
  if (d.top == 0) {
    row.nodes.assign(active_.begin(), active_.end());
    row.values = active_values_;
    return;
  }
  row.nodes.clear();
  row.values.clear();
  for (std::size_t k : largest(active_values_, d.top, [](float v) { return v; })) {
    row.nodes.push_back(active_[k]);
    row.values.push_back(active_values_[k]);
  }
}

std::span<const recording_row> recorder::rows(std::uint64_t position) {
  for (auto& [what, of] : pairs_) of->settle();
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    const source& s = sources_[k];
    if (!s.what.due(position)) continue;
    switch (s.what.what) {
      case quantity::logits:
        rows_[k].values.assign(brain_.logits().begin(), brain_.logits().end());
        break;
      case quantity::synapses:
        if (s.what.top != 0)
          take_strongest(s.what, rows_[k]);
        else
          take_chosen(s, rows_[k]);
        break;
      case quantity::snapshot:
        take_snapshot(s.what, rows_[k]);
        break;
      case quantity::pairs:
        take_pairs(s.what, rows_[k]);
        break;
      case quantity::spikes:
        end_spikes(rows_[k]);
        break;
      default:
        break;  // gathered while the token was read
    }
  }
  return rows_;
}

void recorder::take_chosen(const source& s, recording_row& row) {
  row.values.resize(s.what.width);
  strengths_.resize(s.edges.size());
  if (!s.edges.empty()) brain_.synapses(s.what.layer, s.edges, strengths_);
  for (std::size_t k = 0; k < s.edges.size(); ++k) row.values[s.edge_slots[k]] = strengths_[k];
  for (const auto& [number, slot] : s.probes)
    row.values[slot] = static_cast<float>(brain_.probes().strength(number));
}

void recorder::take_strongest(const recording_description& d, recording_row& row) {
  const projection& gs = brain_.model().direct().gs;
  read_layer(brain_, d.layer, strengths_);
  const auto found = largest(strengths_, d.top, [](float v) { return std::abs(v); });
  row = {};
  row.edges = file_positions(gs, std::vector<edge_id>(found.begin(), found.end()));
  for (std::size_t e : found) {
    row.nodes.push_back(gs.is_dense() ? e % gs.columns() : gs.indices()[e]);
    row.values.push_back(strengths_[e]);
  }
}

void recorder::take_pairs(const recording_description& d, recording_row& row) {
  auto found = pairs_.at({d.layer, d.by_y})->strongest(d.top);
  std::ranges::sort(found, {},
                    [](const weighted_pair& p) { return std::pair(p.pair.post, p.pair.pre); });
  row = {};
  for (const weighted_pair& p : found) {
    row.nodes.push_back(p.pair.post);
    row.edges.push_back(p.pair.pre);
    row.values.push_back(p.weight);
  }
}

void recorder::take_snapshot(const recording_description& d, recording_row& row) {
  const model& m = brain_.model();
  read_layer(brain_, d.layer, strengths_);
  row.values.resize(strengths_.size());
  const std::size_t neurons = m.neurons(), hubs = m.hubs();
  for (std::size_t e = 0; e < strengths_.size(); ++e)
    row.values[m.is_direct() ? file_position_[e] : e % hubs * neurons + e / hubs] = strengths_[e];
}

}  // namespace bdh
