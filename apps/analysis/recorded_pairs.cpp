#include "apps/analysis/recorded_pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "io/recording/recording_reader.hpp"

namespace bdh::app {
namespace {

// By target, each row by source, as recordings list them.
weight_matrix matrix_of(const recording_row& row, const model& m, const std::string& place) {
  array<edge_id> indptr(std::size_t{m.neurons()} + 1);
  array<neuron_id> indices(row.values.size());
  array<float> values(row.values.size());
  for (std::size_t k = 0; k < row.values.size(); ++k) {
    const std::uint64_t largest = std::max(row.nodes[k], row.edges[k]);
    if (largest >= m.neurons())
      throw input_error(place, fmt::format("neuron {}", largest),
                        fmt::format("0 to {}", m.neurons() - 1));
    ++indptr[row.nodes[k] + 1];
    indices[k] = static_cast<neuron_id>(row.edges[k]);
    values[k] = row.values[k];
  }
  for (neuron_id i = 0; i < m.neurons(); ++i) indptr[i + 1] += indptr[i];
  return weight_matrix::of_edges(
      projection::sparse("sigma", {"neurons", m.neurons()}, {"neurons", m.neurons()}, major::target,
                         std::move(indptr), std::move(indices), std::move(values)));
}

}  // namespace

recorded_pairs pairs_of_run(const run_reader& run, const model& m, layer_id layer, bool by_y,
                            std::optional<std::uint64_t> position) {
  std::optional<recording_reader> found;
  for (const listed_recording& r : run.recordings) {
    if (!r.request.starts_with("pairs:") || r.layer != layer) continue;
    recording_reader from = run.open(r);
    if (from.what().what != quantity::pairs || from.what().by_y != by_y) continue;
    if (!found || from.what().top > found->what().top) found.emplace(std::move(from));
  }
  const std::string factor = by_y ? " factor y" : "";
  if (!found || found->rows() == 0)
    throw input_error(
        run.folder.string(), fmt::format("no pairs of layer {}{} recorded", layer, factor),
        "a run that recorded them", fmt::format("bdh run --record 'pairs:top:1000{}'", factor));
  const std::uint64_t last = found->position(found->rows() - 1), at = position.value_or(last);
  const auto number = found->row_from(at);
  if (!number || found->position(*number) != at)
    throw input_error(
        "--at", std::to_string(at),
        fmt::format("a position that was recorded: {} to {}{}", found->position(0), last,
                    found->what().every == 1 ? "" : fmt::format(", each {}", found->what().every)));
  found->seek(*number);
  recording_row row;
  found->next(row);
  return {matrix_of(row, m, (run.folder / found->what().name).string()), at, found->what().top};
}

}  // namespace bdh::app
