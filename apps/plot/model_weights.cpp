#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"

namespace bdh::app {
namespace {

// edges in the largest bin: on a logarithmic axis with two labels 3 looks like 2.6
constexpr double few_edges = 10;
// 2 to this: of weights up to a power of two, so that bins begin at numbers that are exact
constexpr int bins_a_side = 6;

using bin_counts = std::map<int, std::uint64_t>;

figure::mark bars_of(const bin_counts& counts, sign which, double width, bool rates) {
  const double side = which == sign::excitatory ? 1 : -1;
  figure::mark bars{.how = figure::form::bars,
                    .name = which == sign::excitatory ? "excitatory" : "inhibitory",
                    .of = which == sign::excitatory ? figure::excitatory : figure::inhibitory,
                    .size = width};
  if (rates) {  // never negative: one series, without a name
    bars.name.clear();
    bars.of = figure::series_colour(2, 7);
  }
  for (const auto& [bin, count] : counts) {
    bars.x.push_back(side * (bin + 0.5) * width);
    bars.y.push_back(static_cast<double>(count));
  }
  return bars;
}

// From the lowest weight up.
std::string csv_rows(const std::string& graph, const bin_counts& counts, double side,
                     double width) {
  std::string csv;
  const auto row = [&](int bin, std::uint64_t count) {
    const double near = side * bin * width, far = side * (bin + 1) * width;
    csv += fmt::format("{},{},{},{}\n", graph, std::min(near, far), std::max(near, far), count);
  };
  if (side > 0)
    for (const auto& [bin, count] : counts) row(bin, count);
  else
    for (auto at = counts.rbegin(); at != counts.rend(); ++at) row(at->first, at->second);
  return csv;
}

}  // namespace

figure::picture weights_of(const model& m, const std::string& name, const graph_choice& choice) {
  std::vector<std::string> graphs{choice.graph};
  if (choice.graph == "all")
    graphs = m.is_direct() ? std::vector<std::string>{"gx", "gy", "gs"}
                           : std::vector<std::string>{"gx", "gy"};
  figure::picture p{{.title = fmt::format("Weights of {}", name), .panel_height = 210},
                    "graph,from,to,edges\n"};
  for (const std::string& graph : graphs) {
    graph_choice one = choice;
    one.graph = graph;
    const model_graph g(m, one, 1);
    const weight_histogram sizes = g.histogram();
    double largest = 0;
    std::uint64_t zeros = 0;
    for (const sign which : {sign::excitatory, sign::inhibitory})
      sizes.each_size(which, [&](float size, std::uint64_t count) {
        largest = std::max<double>(largest, size);
        if (size == 0) zeros += count;
      });
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest < 2^exponent
    const double width = std::ldexp(1.0, exponent - bins_a_side);
    const bool rates = graph == "gs";
    figure::panel panel{.title = g.name(),
                        .x = {.label = rates ? "plasticity rate Gs(i→j)"
                                             : fmt::format("weight {}[post, pre]", g.name())},
                        .y = {.label = rates ? "synapses" : "edges",
                              .kind = figure::spacing::logarithmic,
                              .least = 0.5,
                              .whole = true},
                        .nothing = "no weights other than 0"};
    double most = 0;
    for (const sign which : {sign::inhibitory, sign::excitatory}) {
      bin_counts counts;
      sizes.each_size(which, [&](float size, std::uint64_t count) {
        if (size != 0) counts[static_cast<int>(size / width)] += count;
      });
      const double side = which == sign::excitatory ? 1 : -1;
      figure::mark bars = bars_of(counts, which, width, rates);
      for (double height : bars.y) most = std::max(most, height);
      p.csv += csv_rows(graph, counts, side, width);
      if (counts.empty()) continue;
      if (which == sign::excitatory && panel.marks.empty()) panel.x.least = 0;
      panel.marks.push_back(std::move(bars));
    }
    if (panel.marks.size() == 1 && !panel.x.least) panel.x.most = 0;
    if (most < few_edges) panel.y.kind = figure::spacing::linear, panel.y.least = 0;
    if (zeros != 0)
      p.what.notes.push_back(fmt::format("{}: {} of 0.", g.name(), counted(zeros, "weight")));
    p.what.panels.push_back(std::move(panel));
  }
  p.what.notes.push_back("Between neurons; weights from a neuron to itself are left out.");
  return p;
}

}  // namespace bdh::app
