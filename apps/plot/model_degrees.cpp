#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "apps/common/signals.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "graph/structure/heavy_tail.hpp"
#include "graph/structure/optional_igraph.hpp"

namespace bdh::app {
namespace {

using figure::mark;

constexpr std::size_t few = 60;  // points that are drawn one by one

// How many neurons have a degree of at least each that occurs, 0 left out.
struct survival {
  std::vector<std::uint32_t> degree;
  std::vector<std::uint64_t> neurons, at_least;
};

survival survival_of(std::vector<std::uint32_t> degrees) {
  std::sort(degrees.begin(), degrees.end());
  survival s;
  for (std::size_t k = 0; k < degrees.size();) {
    std::size_t end = k;
    while (end < degrees.size() && degrees[end] == degrees[k]) ++end;
    if (degrees[k] != 0) {
      s.degree.push_back(degrees[k]);
      s.neurons.push_back(end - k);
      s.at_least.push_back(degrees.size() - k);
    }
    k = end;
  }
  return s;
}

// Share of all neurons with at least this degree, by the fit.
double fitted_share(const tail_fit& fit, double neurons, std::uint32_t degree) {
  return static_cast<double>(fit.tail) / neurons *
         std::exp(log_hurwitz_zeta(fit.alpha, degree) - log_hurwitz_zeta(fit.alpha, fit.xmin));
}

std::string comparison_with(const likelihood_ratio& r, const char* other) {
  if (r.p >= 0.1) return fmt::format("{} as good (p = {:.2g})", other, r.p);
  return fmt::format("{} {} (p = {:.2g})", other, r.log_ratio > 0 ? "worse" : "better", r.p);
}

struct drawn_degrees {
  std::vector<mark> marks;
  std::string note;     // of the fit
  std::string without;  // "out, excitatory" where there is no fit
};

drawn_degrees drawn(const std::vector<std::uint32_t>& degrees, const char* direction, bool excites,
                    std::string& csv) {
  const survival s = survival_of(degrees);
  const auto neurons = static_cast<double>(degrees.size());
  const char* name = excites ? "excitatory" : "inhibitory";
  mark line{.how = figure::form::line,
            .name = name,
            .of = excites ? figure::excitatory : figure::inhibitory,
            .size = excites ? 1.5 : 2.5};
  for (std::size_t k = 0; k < s.degree.size(); ++k) {
    line.x.push_back(s.degree[k]);
    line.y.push_back(static_cast<double>(s.at_least[k]) / neurons);
  }
  drawn_degrees d;
  const std::optional<tail_fit> fit = fit_tail(degrees, stop_if_requested);
  for (std::size_t k = 0; k < s.degree.size(); ++k)
    csv += fmt::format("{},{},{},{},{},{}\n", direction, name, s.degree[k], s.neurons[k],
                       static_cast<double>(s.at_least[k]) / neurons,
                       fit && s.degree[k] >= fit->xmin
                           ? fmt::format("{:.6g}", fitted_share(*fit, neurons, s.degree[k]))
                           : "");
  if (s.degree.size() <= few) {
    mark points = line;
    points.how = figure::form::points;
    points.name.clear();
    points.with = excites ? figure::shape::disc : figure::shape::square;
    points.size = excites ? 7 : 5;
    d.marks.push_back(std::move(points));
  }
  d.marks.push_back(std::move(line));
  if (!fit) {
    d.without = fmt::format("{}, {}", direction, name);
    return d;
  }
  mark curve{.name = "fitted power law", .of = figure::ink, .size = 1.2, .dashed = true};
  const double last = s.degree.back(), first = fit->xmin;
  constexpr int points = 60;
  for (int k = 0; k <= points; ++k) {
    const double degree =
        std::round(first * std::pow(last / first, static_cast<double>(k) / points));
    if (!curve.x.empty() && degree <= curve.x.back()) continue;
    curve.x.push_back(degree);
    curve.y.push_back(fitted_share(*fit, neurons, static_cast<std::uint32_t>(degree)));
  }
  d.marks.push_back(std::move(curve));
  d.note = fmt::format("{}, {}: exponent {:.2f} from degree {} on ({}); {}, {}.", direction, name,
                       fit->alpha, with_separators(fit->xmin), counted(fit->tail, "neuron"),
                       comparison_with(fit->exponential, "exponential"),
                       comparison_with(fit->lognormal, "lognormal"));
  return d;
}

bool has_fit(const figure::drawing& d) {
  return std::any_of(d.panels.begin(), d.panels.end(), [](const figure::panel& of) {
    return std::any_of(of.marks.begin(), of.marks.end(), [](const mark& k) { return k.dashed; });
  });
}

}  // namespace

figure::picture degrees_of(const model& m, const std::string& name, const graph_choice& choice) {
  const model_graph g(m, choice, choice.beta || (!choice.keep && m.is_direct()) ? 1 : 2);
  const float beta = g.threshold();
  const thresholded_graph cut_at =
      apply_thresholds(g.rows(), g.window(), {beta, beta}, g.work(), {.most_edges = 0}, g.watch());
  figure::picture p{{.title = fmt::format("Degrees in {} of {}", g.name(), name),
                     .columns = 2,
                     .panel_height = 300},
                    "direction,sign,degree,neurons,share_with_at_least,fitted_share\n"};
  const std::uint64_t edges = cut_at.excitatory.edges + cut_at.inhibitory.edges;
  p.what.notes.push_back(
      fmt::format("{}, {} with |W| > {:.4g}: {} of the pairs.", counted(m.neurons(), "neuron"),
                  counted(edges, "edge"), beta,
                  percent(static_cast<double>(edges) / std::max(1.0, g.window().pairs()))));
  std::string not_fitted;
  for (const bool out : {true, false}) {
    const char* direction = out ? "out" : "in";
    figure::panel panel{
        .title = out ? "Out-degree" : "In-degree",
        .x = {.label = out ? "edges that leave a neuron" : "edges that arrive at a neuron",
              .kind = figure::spacing::logarithmic,
              .whole = true},
        .y = {.label = "share of neurons with so many or more",
              .kind = figure::spacing::logarithmic},
        .nothing = "no edges"};
    std::uint64_t without = 0;
    for (const bool excites : {true, false}) {
      const sign_sums& sums = excites ? cut_at.excitatory : cut_at.inhibitory;
      const auto& degrees = out ? sums.out_edges : sums.in_edges;
      if (sums.edges == 0) continue;
      g.show(fmt::format("fitting a power law to {}-degrees", direction));
      drawn_degrees d = drawn(degrees, direction, excites, p.csv);
      panel.marks.insert(panel.marks.end(), d.marks.begin(), d.marks.end());
      if (!d.without.empty()) not_fitted += (not_fitted.empty() ? "" : "; ") + d.without;
      if (!d.note.empty()) p.what.notes.push_back(d.note);
    }
    for (neuron_id i = 0; i < m.neurons(); ++i)
      without += out ? cut_at.excitatory.out_edges[i] + cut_at.inhibitory.out_edges[i] == 0
                     : cut_at.excitatory.in_edges[i] + cut_at.inhibitory.in_edges[i] == 0;
    if (without != 0)
      p.what.notes.push_back(
          fmt::format("{} no {} edges: not on a logarithmic axis.",
                      counted(without, "neuron") + (without == 1 ? " has" : " have"),
                      out ? "outgoing" : "incoming"));
    // The fits on top of the data.
    std::stable_partition(panel.marks.begin(), panel.marks.end(),
                          [](const mark& k) { return !k.dashed; });
    p.what.panels.push_back(std::move(panel));
  }
  if (!not_fitted.empty()) {
    p.what.panels.back().marks.push_back(
        {.name = !has_fit(p.what) ? "no power law fitted" : "no power law: " + not_fitted});
    p.what.notes.push_back(
        has_igraph()
            ? "No power law is fitted where too few neurons are in the tail, or all have as many "
              "edges."
            : "No power law is fitted: this build is without igraph.");
  }
  return p;
}

}  // namespace bdh::app
