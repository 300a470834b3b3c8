#include "apps/plot/run_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <bdh/error.hpp>

#include "apps/analysis/run_activity.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

using figure::axis;
using figure::drawing;
using figure::mark;
using figure::panel;
using figure::picture;

constexpr std::size_t most_points = 400;  // of a line over tokens; more are averaged
constexpr double percent = 100;
const std::string activity_hint = "bdh run --record events";

constexpr quantity both[] = {quantity::x, quantity::y};

// Share of the neurons (%) that are active in at least this share of the tokens (%).
mark survival_line(const run_reader& run, const recorded_activity& a) {
  std::vector<std::uint64_t> counts(a.neurons.empty() ? run.neurons : a.neurons.size(), 0);
  for_each_active(run, a, [&](std::size_t, std::uint64_t neuron, float) {
    const auto at =
        a.neurons.empty()
            ? neuron
            : static_cast<std::uint64_t>(
                  std::lower_bound(a.neurons.begin(), a.neurons.end(), neuron) - a.neurons.begin());
    if (at < counts.size()) ++counts[at];
  });
  std::sort(counts.begin(), counts.end());
  mark m;
  const auto all = static_cast<double>(counts.size()),
             tokens = static_cast<double>(a.positions.size());
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0 || (k != 0 && counts[k] == counts[k - 1])) continue;
    m.x.push_back(percent * static_cast<double>(counts[k]) / tokens);
    m.y.push_back(percent * (all - static_cast<double>(k)) / all);
  }
  return m;
}

// Nothing where that was not recorded.
std::optional<mark> how_often(const run_reader& run, quantity what, layer_id layer) {
  const auto activity = find_activity(run, what, layer);
  if (!activity || activity->top != 0 || activity->positions.empty()) return std::nullopt;
  mark often = survival_line(run, *activity);
  often.marked = true;
  often.name = layer_name(layer);
  return often;
}

// A line over tokens. Of many: means of equal pieces, and how far the values of each reach.
struct line_of_tokens {
  mark line, reach;
};

line_of_tokens over_tokens(const run_reader& run, const std::vector<std::uint64_t>& positions,
                           const std::vector<double>& values, const std::string& name,
                           bool has_tips) {
  const std::size_t piece = (positions.size() + most_points - 1) / most_points;
  line_of_tokens m{{.name = name}, {.how = figure::form::segments, .size = 0.8}};
  for (std::size_t first = 0; first < positions.size(); first += piece) {
    const std::size_t last = std::min(first + piece, positions.size());
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first),
               end = values.begin() + static_cast<std::ptrdiff_t>(last);
    const double x = 0.5 * static_cast<double>(positions[first] + positions[last - 1]),
                 mean =
                     percent * std::accumulate(begin, end, 0.0) / static_cast<double>(last - first);
    m.line.x.push_back(x);
    m.line.y.push_back(mean);
    if (piece == 1) continue;
    const auto [least, most] = std::minmax_element(begin, end);
    m.reach.x.insert(m.reach.x.end(), {x, x});
    m.reach.y.insert(m.reach.y.end(), {percent * *least, percent * *most});
    if (has_tips)
      m.line.tips.push_back(
          fmt::format("{}, positions {} to {}: {:.4g} % on average, {:.4g} to {:.4g} %", name,
                      token_name(run, positions[first]), token_name(run, positions[last - 1]), mean,
                      percent * *least, percent * *most));
  }
  m.line.hidden_points = true;
  return m;
}

void add_rows(std::string& csv, const char* what, quantity of, layer_id layer, const mark& m,
              std::size_t first = 0, std::size_t step = 1) {
  for (std::size_t k = first; k < m.x.size(); k += step)
    csv += fmt::format("{},{},{},{},{}\n", what, variable_name(of), layer, m.x[k], m.y[k]);
}

}  // namespace

const std::vector<double>& active_shares(const token_table& t, quantity what, layer_id layer) {
  return (what == quantity::x ? t.active_x : t.active_y)[layer - 1];
}

const char* variable_name(quantity what) { return what == quantity::x ? "X" : "Y"; }

std::string token_name(const run_reader& run, std::uint64_t position) {
  const std::size_t k = position - run.first;
  if (k >= run.tokens.size()) return std::to_string(position);
  return run.texts[k].empty() ? fmt::format("{} (token {})", position, run.tokens[k])
                              : fmt::format("{} '{}'", position, run.texts[k]);
}

axis token_axis(const run_reader& run, const std::vector<std::uint64_t>& positions, double room) {
  axis a{.label = "position (tokens)", .whole = true, .tight = true};
  if (positions.empty()) return a;
  const std::uint64_t step = positions.size() > 1 ? positions[1] - positions[0] : 1;
  a.least = static_cast<double>(positions.front()) - 0.5 * static_cast<double>(step);
  a.most = static_cast<double>(positions.back()) + 0.5 * static_cast<double>(step);
  a.names_from = static_cast<double>(positions.front());
  a.names_step = static_cast<double>(step);
  for (std::uint64_t p : positions) a.names.push_back(token_name(run, p));
  constexpr double text = 10, longest = 70;  // px
  const double spacing = room / static_cast<double>(positions.size());
  // Texts beside each other are read as one.
  const bool all = positions.size() == positions.back() - positions.front() + 1;
  if (!all || spacing < text * 0.7) return a;
  double widest = 0;
  for (std::uint64_t p : positions)
    widest = std::max(widest, figure::text_width(axis_label(run, p), text));
  a.upwards = widest + 2 > spacing;
  if (a.upwards && spacing < text * 1.2) return a.upwards = false, a;
  for (std::uint64_t p : positions)
    a.ticks.push_back({static_cast<double>(p), figure::cut(axis_label(run, p), longest, text)});
  a.label = "token";
  return a;
}

std::vector<layer_id> drawn_layers(const run_reader& run, const figure_choice& choice,
                                   std::size_t most, drawing& d) {
  if (choice.layer) {
    if (*choice.layer == 0 || *choice.layer > run.layers)
      throw input_error("--layer", std::to_string(*choice.layer),
                        "1 to " + std::to_string(run.layers));
    return {*choice.layer};
  }
  std::vector<layer_id> all;
  if (run.layers <= most) {
    for (layer_id l = 1; l <= run.layers; ++l) all.push_back(l);
    return all;
  }
  for (std::size_t k = 0; k < most; ++k)
    all.push_back(static_cast<layer_id>(1 + k * (run.layers - 1) / (most - 1)));
  d.notes.push_back(fmt::format("{} of {} layers; --layer chooses one.", most, run.layers));
  return all;
}

std::string run_name(const run_reader& run) {
  const std::filesystem::path folder = std::filesystem::weakly_canonical(run.folder);
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

std::string described(const run_reader& run) {
  return fmt::format("{}: {} token{}, {} neuron{}, {} layer{}", run_name(run), run.tokens.size(),
                     run.tokens.size() == 1 ? "" : "s", run.neurons, run.neurons == 1 ? "" : "s",
                     run.layers, run.layers == 1 ? "" : "s");
}

std::string layer_name(layer_id layer) { return fmt::format("layer {}", layer); }

figure::shape series_shape(std::size_t k) {
  using enum figure::shape;
  static constexpr figure::shape all[] = {disc, square, triangle, diamond, cross};
  return all[k % std::size(all)];
}

picture rates_of(const run_reader& run, const figure_choice& choice) {
  const token_table t = read_token_table(run);
  picture p{{.title = "Activity of " + described(run),
             .width = choice.width,
             .columns = 2,
             .panel_height = 210},
            "what,variable,layer,x_percent_or_position,y_percent\n"};
  const std::vector<layer_id> layers = drawn_layers(run, choice, 12, p.what);
  panel distributions[2], series_panels[2];
  bool some = false;
  for (std::size_t v = 0; v < 2; ++v) {
    distributions[v] = {
        .title = fmt::format("How often neurons are active: {}", variable_name(both[v])),
        .x = {.label = "tokens at which it is active (%)", .least = 0},
        .y = {.label = "neurons (%)", .kind = figure::spacing::logarithmic},
        .nothing = "needs --record events"};
    series_panels[v] = {
        .title = fmt::format("How many are active: {}", variable_name(both[v])),
        .x = token_axis(run, t.positions, choice.width / 2 - 80),
        .y = {.label = fmt::format("active {} (% of neurons)", variable_name(both[v])),
              .least = 0}};
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const figure::colour of = figure::series_colour(k, layers.size());
      auto [series, reach] = over_tokens(run, t.positions, active_shares(t, both[v], layers[k]),
                                         layer_name(layers[k]), choice.interactive);
      series.of = reach.of = of;
      series.with = series_shape(k);
      series.marked = true;
      add_rows(p.csv, "tokens", both[v], layers[k], series);
      add_rows(p.csv, "least", both[v], layers[k], reach, 0, 2);
      add_rows(p.csv, "largest", both[v], layers[k], reach, 1, 2);
      if (!reach.x.empty()) series_panels[v].marks.push_back(std::move(reach));
      series_panels[v].marks.push_back(std::move(series));
      auto often = how_often(run, both[v], layers[k]);
      if (!often) continue;
      some = true;
      distributions[v].nothing = "no neuron was active";
      often->of = of;
      often->with = series_shape(k);
      add_rows(p.csv, "neurons", both[v], layers[k], *often);
      distributions[v].marks.push_back(std::move(*often));
    }
  }
  for (panel& series : series_panels) mark_interventions(run, series);
  if (some) p.what.panels = {distributions[0], distributions[1]};
  p.what.panels.insert(p.what.panels.end(), {series_panels[0], series_panels[1]});
  if (some)
    p.what.notes.push_back(
        "Above: share of the neurons that are active at this share of the tokens or more.");
  else
    p.what.notes.push_back("How often each neuron is active was not recorded: " + activity_hint +
                           ".");
  if (t.positions.size() > most_points)
    p.what.notes.push_back(
        fmt::format("Lines are means over {} tokens each; thin lines reach from the least of them "
                    "to the largest.",
                    (t.positions.size() + most_points - 1) / most_points));
  note_interventions(run, p.what);
  return p;
}

}  // namespace bdh::app
