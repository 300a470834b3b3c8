#include "io/protocol/initial_synapses.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "io/files/csv_table.hpp"
#include "io/files/error_context.hpp"

namespace bdh {
namespace {

float strength_of(const std::string& text, const std::string& place) {
  float value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw input_error(place, "strength '" + text + "'", "a number, finite in float32");
  return value;
}

edge_id edge_of(const model& m, const std::string& source, const std::string& target,
                const std::string& place) {
  const auto [pre, post] =
      with_context([&](const std::string& what) { return place + ", " + what; },
                   [&] { return std::pair(select_neuron(m, source), select_source(m, target)); });
  const auto edge = m.direct().gs.find(pre, post);
  if (!edge) throw input_error(place, "no synapse " + shown_pair(m, {pre, post}), "an edge of gs");
  return *edge;
}

}  // namespace

std::vector<initial_synapses> read_initial_synapses(const std::filesystem::path& file,
                                                    const model& m) {
  if (!m.is_direct())
    throw unavailable_error(file.string(), "strengths for circuits through hubs",
                            "a model with explicit edges",
                            "--state begins from the synapses that a run has saved");
  const csv_table table = read_csv_table(file);
  for (const std::string& name : table.columns)
    if (name != "source" && name != "target" && name != "strength" && name != "layer")
      throw input_error(table.file, "column '" + name + "'", "source, target, strength or layer");
  const auto source = table.column("source"), target = table.column("target"),
             strength = table.column("strength"), layer = table.column("layer");
  if (!source || !target || !strength)
    throw input_error(table.file, "no columns source, target and strength",
                      "the columns source, target, strength and, if wished, layer");
  std::vector<std::map<edge_id, float>> all(m.layers());
  for (const csv_table::row& row : table.rows) {
    const std::string place = table.place(row);
    const edge_id edge = edge_of(m, row.fields[*source], row.fields[*target], place);
    const float value = strength_of(row.fields[*strength], place);
    const std::string which = layer ? row.fields[*layer] : std::string();
    const std::vector<layer_id> layers = with_context(
        [&](const std::string& what) { return place + ", " + what; },
        [&] {
          return select_layers(m, which.empty() ? "1-" + std::to_string(m.layers()) : which);
        });
    for (const layer_id l : layers)
      if (!all[l - 1].emplace(edge, value).second)
        throw input_error(place, "a synapse that was listed before", "each synapse once");
  }
  std::vector<initial_synapses> made;
  for (layer_id l = 1; l <= m.layers(); ++l) {
    initial_synapses of{l, {}, {}};
    for (const auto& [edge, value] : all[l - 1]) {
      of.edges.push_back(edge);
      of.values.push_back(value);
    }
    if (!of.edges.empty()) made.push_back(std::move(of));
  }
  return made;
}

}  // namespace bdh
