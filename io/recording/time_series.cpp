#include "io/recording/time_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <bdh/error.hpp>

#include "graph/edge_ids.hpp"

namespace bdh {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

bool requests_any(const listed_recording& r, std::initializer_list<const char*> kinds) {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const char* kind) { return r.request.starts_with(kind); });
}

time_series empty_series(const recording_reader& from) {
  time_series c;
  c.file = from.what().name;
  c.what = from.what().what;
  c.layer = from.what().layer;
  for (std::uint64_t row = 0; row < from.rows(); ++row) c.positions.push_back(from.position(row));
  return c;
}

time_series of_column(recording_reader& from, std::uint64_t value) {
  time_series c = empty_series(from);
  c.values = from.column(value);
  return c;
}

// What is not among the events is 0, unless there were more of them than the recording takes.
template <class Ids>
time_series of_events(recording_reader& from, std::uint64_t id, Ids ids) {
  time_series c = empty_series(from);
  recording_row row;
  while (from.next(row)) {
    const std::vector<std::uint64_t>& all = ids(row);
    const auto found = std::find(all.begin(), all.end(), id);
    const bool full = from.what().top != 0 && row.values.size() >= from.what().top;
    const float other = full ? unknown : 0.0f;
    c.values.push_back(
        found == all.end() ? other : row.values[static_cast<std::size_t>(found - all.begin())]);
  }
  return c;
}

time_series of_pair(recording_reader& from, const synapse_name& s) {
  time_series c = empty_series(from);
  recording_row row;
  while (from.next(row)) {
    // Of top:K pairs one that is not listed is smaller than these, or 0.
    c.values.push_back(row.values.size() < from.what().top ? 0.0f : unknown);
    for (std::size_t k = 0; k < row.values.size(); ++k)
      if (row.nodes[k] == s.post && row.edges[k] == s.pre) c.values.back() = row.values[k];
  }
  return c;
}

std::size_t known(const time_series& c) {
  return static_cast<std::size_t>(
      std::count_if(c.values.begin(), c.values.end(), [](float v) { return !std::isnan(v); }));
}

// Of each variable and layer the course that knows most, in order of layers.
class best_series {
 public:
  void add(time_series c) {
    const auto same = std::find_if(all_.begin(), all_.end(), [&](const time_series& o) {
      return variable(o) == variable(c) && o.layer == c.layer;
    });
    if (same == all_.end())
      all_.push_back(std::move(c));
    else if (known(c) > known(*same))
      *same = std::move(c);
  }
  std::vector<time_series> take() {
    std::sort(all_.begin(), all_.end(), [](const time_series& a, const time_series& b) {
      return a.layer != b.layer ? a.layer < b.layer : variable(a) < variable(b);
    });
    return std::move(all_);
  }

 private:
  static quantity variable(const time_series& c) {
    const bool of_synapses = c.what == quantity::snapshot || c.what == quantity::pairs;
    return of_synapses ? quantity::synapses : c.what;
  }
  std::vector<time_series> all_;
};

std::optional<time_series> of_neuron(recording_reader from, neuron_id neuron) {
  const recording_description& d = from.what();
  if (d.what != quantity::x && d.what != quantity::y) return std::nullopt;
  if (d.layout == recording_layout::events)
    return of_events(
        from, neuron, [](const recording_row& r) -> auto& { return r.nodes; });
  const auto at = std::lower_bound(d.node_ids.begin(), d.node_ids.end(), neuron);
  if (at == d.node_ids.end() || *at != neuron) return std::nullopt;
  return of_column(from, static_cast<std::uint64_t>(at - d.node_ids.begin()));
}

// The column of a snapshot: of dense rows, and through hubs, by its source, else by the edge's
// position in the file.
std::optional<std::uint64_t> snapshot_column(const recording_description& d, const synapse_name& s,
                                             std::optional<edge_id> edge, neuron_id neurons) {
  if (s.to_hub != (d.population == "hubs")) return std::nullopt;
  const auto at = std::lower_bound(d.node_ids.begin(), d.node_ids.end(), s.post);
  if (at == d.node_ids.end() || *at != s.post) return std::nullopt;
  const auto target = static_cast<std::size_t>(at - d.node_ids.begin());
  const std::uint64_t first = d.index_pointers[target], last = d.index_pointers[target + 1];
  if (last - first == neurons) return first + s.pre;
  if (edge)
    for (std::uint64_t k = first; k < last; ++k)
      if (d.element_ids[k] == *edge) return k;
  return std::nullopt;
}

std::optional<time_series> of_synapse(recording_reader from, const synapse_name& s,
                                      std::optional<edge_id> edge, neuron_id neurons, bool by_y) {
  const recording_description& d = from.what();
  if (d.by_y != by_y) return std::nullopt;
  if (d.what == quantity::snapshot && d.layout == recording_layout::frames) {
    const auto value = snapshot_column(d, s, edge, neurons);
    return value ? std::optional(of_column(from, *value)) : std::nullopt;
  }
  if (s.to_hub) return std::nullopt;
  if (d.what == quantity::pairs) return of_pair(from, s);
  if (d.what != quantity::synapses) return std::nullopt;
  if (d.layout == recording_layout::events) {
    if (!edge) return std::nullopt;
    return of_events(
        from, *edge, [](const recording_row& r) -> auto& { return r.edges; });
  }
  for (std::size_t k = 0; k < d.synapses.size(); ++k) {
    if (d.synapses[k].pre != s.pre || d.synapses[k].post != s.post) continue;
    time_series c = of_column(from, k);
    c.since = d.synapses[k].since;
    return c;
  }
  return std::nullopt;
}

std::optional<edge_id> edge_of(const model& m, const synapse_name& s) {
  if (s.to_hub || !m.is_direct() || s.pre >= m.neurons() || s.post >= m.sources())
    return std::nullopt;
  const auto edge = m.direct().gs.find(s.pre, s.post);
  if (!edge) return std::nullopt;
  const edge_id chosen[] = {*edge};
  return file_positions(m.direct().gs, chosen)[0];
}

}  // namespace

std::vector<time_series> neuron_series(const run_reader& run, neuron_id neuron,
                                       std::optional<layer_id> layer) {
  best_series all;
  for (const listed_recording& r : run.recordings)
    if (requests_any(r, {"x:", "y:", "events"}) && layer.value_or(r.layer) == r.layer)
      if (auto c = of_neuron(run.open(r), neuron)) all.add(std::move(*c));
  return all.take();
}

std::vector<time_series> synapse_series(const run_reader& run, const synapse_name& synapse,
                                        const model* m, std::optional<layer_id> layer, bool by_y) {
  const std::optional<edge_id> edge = m != nullptr ? edge_of(*m, synapse) : std::nullopt;
  best_series all;
  for (const listed_recording& r : run.recordings)
    if (requests_any(r, {"synapses:", "snapshot", "pairs:"}) && layer.value_or(r.layer) == r.layer)
      if (auto c = of_synapse(run.open(r), synapse, edge, run.neurons, by_y))
        all.add(std::move(*c));
  return all.take();
}

std::vector<time_series> amplitude_series(const run_reader& run, const synapse_name& synapse,
                                          const model& m, std::optional<layer_id> layer,
                                          bool by_y) {
  if (!m.rotation().present())
    throw unavailable_error("amplitude", "a model without rotation", "one that rotates",
                            "elsewhere strengths do not turn");
  const synapse_name other{synapse.pre ^ 1, synapse.post, synapse.to_hub};
  const std::vector<time_series> partners = synapse_series(run, other, &m, layer, by_y);
  std::vector<time_series> both;
  for (time_series& c : synapse_series(run, synapse, &m, layer, by_y)) {
    const auto partner = std::find_if(partners.begin(), partners.end(),
                                      [&](const time_series& p) { return p.layer == c.layer; });
    if (partner == partners.end()) continue;
    std::size_t kept = 0, at = 0;
    for (std::size_t k = 0; k < c.positions.size(); ++k) {
      while (at < partner->positions.size() && partner->positions[at] < c.positions[k]) ++at;
      if (at == partner->positions.size() || partner->positions[at] != c.positions[k]) continue;
      const double a = c.values[k], b = partner->values[at];
      c.positions[kept] = c.positions[k];
      c.values[kept++] = static_cast<float>(std::sqrt(a * a + b * b));
    }
    c.positions.resize(kept);
    c.values.resize(kept);
    c.since = std::max(c.since, partner->since);
    both.push_back(std::move(c));
  }
  return both;
}

}  // namespace bdh
