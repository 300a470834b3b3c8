// How much recordings take on disk, and those of pairs of neurons in memory.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/analysis/pair_strengths.hpp"
#include "io/recording/recording_plan.hpp"

namespace bdh {
namespace {

// Shares of the neurons that are active in trained models.
constexpr double usual_active_x = 0.25, usual_active_y = 0.05;
constexpr double usual_spikes = 10;  // of a neuron and token
// Of a file without rows; of a synapse in its tables; of a row and of an event in a journal.
constexpr double file_bytes = 6000, synapse_row_bytes = 32, journal_row_bytes = 16 + 40,
                 journal_event_bytes = 12;

// A dataset of so many values grows by whole chunks; while it has none, there is no chunk.
double grown(double values, double value_bytes, double row_values = 1) {
  const double chunk_rows = std::max(
      1.0, std::floor(static_cast<double>(recording_chunk_bytes) / (row_values * value_bytes)));
  return std::ceil(values / (row_values * chunk_rows)) * chunk_rows * row_values * value_bytes;
}

// Values of a recorded token, in the mean.
double values_of_row(const recording_description& d,
                     const std::optional<expected_activity>& active) {
  const double width = static_cast<double>(d.width);
  if (d.layout != recording_layout::events && d.layout != recording_layout::trains) return width;
  if (d.what == quantity::pairs && d.layer == 1) return 0;  // none of layer 1 is ever written
  double all = width;
  // With K = 32, or as measured.
  if (d.what == quantity::spikes) return width * (active ? active->spikes : usual_spikes);
  if (d.what == quantity::x) all = active ? active->x.at(d.layer - 1) : width * usual_active_x;
  if (d.what == quantity::y) all = active ? active->y.at(d.layer - 1) : width * usual_active_y;
  return d.top != 0 ? std::min(static_cast<double>(d.top), all) : all;
}

}  // namespace

predicted_bytes predict_bytes(const std::vector<recording_description>& recordings, double tokens,
                              const std::optional<expected_activity>& active) {
  predicted_bytes p;
  for (const recording_description& d : recordings) {
    const double rows = std::ceil(tokens / static_cast<double>(d.every)),
                 values = rows * values_of_row(d, active), width = static_cast<double>(d.width);
    const double once = 8.0 * static_cast<double>(d.node_ids.size() + d.index_pointers.size()) +
                        4.0 * static_cast<double>(d.element_ids.size()) + file_bytes;
    const bool events =
        d.layout == recording_layout::events || d.layout == recording_layout::trains;
    const bool edges = events && has_edges(d.what);
    p.recordings += once + synapse_row_bytes * static_cast<double>(d.synapses.size());
    if (d.layout == recording_layout::trains)
      p.recordings += grown(values, 8) * 2 + grown(values, 4);
    else if (events)
      p.recordings += grown(values, 8) * (edges ? 3 : 2) + grown(values, 4);
    else
      p.recordings += grown(values, 4, std::max(1.0, width));
    if (d.layout == recording_layout::logits) p.recordings += grown(rows, 4);
    double value_bytes = 4;
    if (events) value_bytes = journal_event_bytes + (edges ? 8 : 0);
    p.journals += once + static_cast<double>(d.synapses.size() * sizeof(recorded_synapse)) +
                  journal_row_bytes * rows + value_bytes * values;
  }
  return p;
}

namespace {

// Above it the history is kept: of a neuron and token so much, in trained models.
constexpr double most_strength_bytes = 2e9, history_bytes = 6;

}  // namespace

pair_costs predict_pair_costs(const model& m, const std::vector<recording_description>& recordings,
                              double tokens) {
  pair_costs all;
  std::set<std::pair<layer_id, bool>> kept;  // by layer and factor
  for (const recording_description& d : recordings) {
    if (d.what != quantity::pairs || d.layer == 1) continue;
    kept.emplace(d.layer, d.by_y);
    all.looks += std::ceil(tokens / static_cast<double>(d.every));
  }
  all.layers = kept.size();
  all.bytes = static_cast<double>(kept.size()) * pair_strengths::bytes(m);
  if (all.bytes <= most_strength_bytes) return all;
  all.what = kept_pairs::history;
  all.bytes = static_cast<double>(kept.size()) * tokens * m.neurons() * history_bytes;
  return all;
}

}  // namespace bdh
