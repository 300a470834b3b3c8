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

constexpr std::size_t most_points = 400;      // of a line over tokens; more are averaged
constexpr std::size_t most_scattered = 3000;  // tokens that are drawn as points
constexpr double percent = 100;
const std::string activity_hint = "bdh run --record events";

const std::vector<double>& shares(const token_table& t, quantity what, layer_id layer) {
  return (what == quantity::x ? t.active_x : t.active_y)[layer - 1];
}
const char* variable(quantity what) { return what == quantity::x ? "X" : "Y"; }

constexpr quantity both[] = {quantity::x, quantity::y};

// ---- rates

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

// A line over many tokens as means of equal pieces.
mark averaged(const std::vector<std::uint64_t>& positions, const std::vector<double>& values) {
  const std::size_t piece = (positions.size() + most_points - 1) / most_points;
  mark m;
  for (std::size_t first = 0; first < positions.size(); first += piece) {
    const std::size_t last = std::min(first + piece, positions.size());
    m.x.push_back(0.5 * static_cast<double>(positions[first] + positions[last - 1]));
    m.y.push_back(percent *
                  std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(first),
                                  values.begin() + static_cast<std::ptrdiff_t>(last), 0.0) /
                  static_cast<double>(last - first));
  }
  return m;
}

void add_rows(std::string& csv, const char* what, quantity of, layer_id layer, const mark& m) {
  for (std::size_t k = 0; k < m.x.size(); ++k)
    csv += fmt::format("{},{},{},{},{}\n", what, variable(of), layer, m.x[k], m.y[k]);
}

// ---- sparsity

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto k = static_cast<std::size_t>(at);
  return k + 1 == sorted.size() ? sorted[k]
                                : std::lerp(sorted[k], sorted[k + 1], at - static_cast<double>(k));
}

// Median, quartiles and the middle 90 % of the tokens, by layer.
panel by_layer(const token_table& t, quantity what, const std::vector<layer_id>& layers,
               figure::colour of) {
  panel p{.title = fmt::format("{} by layer", variable(what)),
          .x = {.label = "layer", .least = 0.5, .most = static_cast<double>(layers.size()) + 0.5},
          .y = {.label = fmt::format("active {} (% of neurons)", variable(what)), .least = 0}};
  mark thin{.how = figure::form::segments, .of = of, .size = 1},
      thick{.how = figure::form::segments, .of = of, .size = 5},
      median{.how = figure::form::points, .of = of, .size = 7};
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const double x = static_cast<double>(k + 1);
    p.x.ticks.push_back({x, std::to_string(layers[k])});
    std::vector<double> sorted = shares(t, what, layers[k]);
    std::erase_if(sorted, [](double v) { return !std::isfinite(v); });
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) continue;
    for (auto [m, low] : {std::pair{&thin, 0.05}, {&thick, 0.25}})
      for (double share : {low, 1 - low}) {
        m->x.push_back(x);
        m->y.push_back(percent * quantile(sorted, share));
      }
    median.x.push_back(x);
    median.y.push_back(percent * quantile(sorted, 0.5));
  }
  p.marks = {std::move(thin), std::move(thick), std::move(median)};
  return p;
}

// Ranks from 1, equal values their mean.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> all(values.size());
  for (std::size_t k = 0; k < order.size();) {
    std::size_t end = k;
    while (end < order.size() && values[order[end]] == values[order[k]]) ++end;
    for (std::size_t i = k; i < end; ++i) all[order[i]] = 0.5 * static_cast<double>(k + 1 + end);
    k = end;
  }
  return all;
}

// Spearman's; nothing where one of them is constant.
std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> ra = ranks(a), rb = ranks(b);
  const double middle = 0.5 * static_cast<double>(a.size() + 1);
  double product = 0, of_a = 0, of_b = 0;
  for (std::size_t k = 0; k < ra.size(); ++k) {
    product += (ra[k] - middle) * (rb[k] - middle);
    of_a += (ra[k] - middle) * (ra[k] - middle);
    of_b += (rb[k] - middle) * (rb[k] - middle);
  }
  return of_a > 0 && of_b > 0 ? std::optional(product / std::sqrt(of_a * of_b)) : std::nullopt;
}

struct scattered {
  std::vector<double> surprisal, active;  // %, mean over layers
};

scattered against_surprisal(const token_table& t, quantity what,
                            const std::vector<layer_id>& layers) {
  scattered s;
  for (std::size_t row = 0; row < t.positions.size(); ++row) {
    double sum = 0;
    for (layer_id l : layers) sum += shares(t, what, l)[row];
    if (!std::isfinite(t.surprisal[row]) || !std::isfinite(sum)) continue;
    s.surprisal.push_back(t.surprisal[row]);
    s.active.push_back(percent * sum / static_cast<double>(layers.size()));
  }
  return s;
}

// Means of ten groups of equally many tokens, by surprisal.
mark means_of_tenths(const scattered& s) {
  constexpr std::size_t groups = 10;
  std::vector<std::size_t> order(s.surprisal.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return s.surprisal[a] < s.surprisal[b]; });
  mark m{.how = figure::form::line,
         .name = "mean of each tenth of the tokens",
         .of = figure::series_colour(1, 2),
         .size = 2};
  if (order.size() < 3 * groups) return {};
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t first = g * order.size() / groups, last = (g + 1) * order.size() / groups;
    double x = 0, y = 0;
    for (std::size_t k = first; k < last; ++k) x += s.surprisal[order[k]], y += s.active[order[k]];
    m.x.push_back(x / static_cast<double>(last - first));
    m.y.push_back(y / static_cast<double>(last - first));
  }
  return m;
}

// How many tokens are where, for more than can be seen as points. Cells without any are
// white.
figure::heat_map crowd(const scattered& s) {
  constexpr std::size_t across = 60, down = 40;
  const auto [left, right] = std::minmax_element(s.surprisal.begin(), s.surprisal.end());
  const auto [bottom, top] = std::minmax_element(s.active.begin(), s.active.end());
  figure::heat_map h{.rows = down,
                     .columns = across,
                     .values = std::vector<double>(down * across, std::nan("")),
                     .left = *left,
                     .right = *right,
                     .bottom = *bottom,
                     .top = *top,
                     .least = 0,
                     .label = "tokens in a cell"};
  if (h.right <= h.left) h.right = h.left + 1;
  if (h.top <= h.bottom) h.top = h.bottom + 1;
  const auto cell = [](double v, double least, double most, std::size_t count) {
    return std::min(
        static_cast<std::size_t>((v - least) / (most - least) * static_cast<double>(count)),
        count - 1);
  };
  for (std::size_t k = 0; k < s.active.size(); ++k) {
    double& count = h.values[cell(s.active[k], h.bottom, h.top, down) * across +
                             cell(s.surprisal[k], h.left, h.right, across)];
    count = std::isnan(count) ? 1 : count + 1;
  }
  return h;
}

panel scatter(const scattered& s, quantity what, drawing& d) {
  panel p{.title = fmt::format("{} (mean of layers) against surprisal", variable(what)),
          .x = {.label = "surprisal of the token (nats)"},
          .y = {.label = fmt::format("active {} (% of neurons)", variable(what))}};
  if (s.active.size() > most_scattered)
    p.heat = crowd(s);
  else
    p.marks.push_back({.how = figure::form::points,
                       .of = figure::series_colour(5, 7),
                       .x = s.surprisal,
                       .y = s.active,
                       .size = 3});
  p.marks.push_back(means_of_tenths(s));
  if (s.surprisal.size() > 2)
    if (const auto rho = rank_correlation(s.surprisal, s.active))
      d.notes.push_back(
          fmt::format("{} and surprisal: rank correlation (Spearman) {:.2f} over {} tokens.",
                      variable(what), *rho, s.surprisal.size()));
  return p;
}

}  // namespace

axis token_axis(const run_reader& run, const std::vector<std::uint64_t>& positions, double room) {
  axis a{.label = "position (tokens)", .whole = true, .tight = true};
  if (positions.empty()) return a;
  const std::uint64_t step = positions.size() > 1 ? positions[1] - positions[0] : 1;
  a.least = static_cast<double>(positions.front()) - 0.5 * static_cast<double>(step);
  a.most = static_cast<double>(positions.back()) + 0.5 * static_cast<double>(step);
  constexpr double text = 10, longest = 70;  // px
  const double spacing = room / static_cast<double>(positions.size());
  if (spacing < text * 0.7) return a;
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
             .width = figure_width,
             .columns = 2,
             .panel_height = 210},
            "what,variable,layer,x_percent_or_position,y_percent\n"};
  const std::vector<layer_id> layers = drawn_layers(run, choice, 12, p.what);
  panel distributions[2], series_panels[2];
  bool some = false;
  for (std::size_t v = 0; v < 2; ++v) {
    distributions[v] = {.title = fmt::format("How often neurons are active: {}", variable(both[v])),
                        .x = {.label = "tokens at which it is active (%)", .least = 0},
                        .y = {.label = "neurons (%)", .kind = figure::spacing::logarithmic},
                        .nothing = "needs --record events"};
    series_panels[v] = {
        .title = fmt::format("How many are active: {}", variable(both[v])),
        .x = token_axis(run, t.positions, figure_width / 2 - 80),
        .y = {.label = fmt::format("active {} (% of neurons)", variable(both[v])), .least = 0}};
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const figure::colour of = figure::series_colour(k, layers.size());
      mark series = averaged(t.positions, shares(t, both[v], layers[k]));
      series.of = of;
      series.with = series_shape(k);
      series.marked = true;
      series.name = layer_name(layers[k]);
      add_rows(p.csv, "tokens", both[v], layers[k], series);
      series_panels[v].marks.push_back(std::move(series));
      const auto activity = find_activity(run, both[v], layers[k]);
      if (!activity || activity->top != 0 || activity->positions.empty()) continue;
      some = true;
      distributions[v].nothing = "no neuron was active";
      mark often = survival_line(run, *activity);
      often.of = of;
      often.with = series_shape(k);
      often.marked = true;
      often.name = layer_name(layers[k]);
      add_rows(p.csv, "neurons", both[v], layers[k], often);
      distributions[v].marks.push_back(std::move(often));
    }
  }
  if (some) p.what.panels = {distributions[0], distributions[1]};
  p.what.panels.insert(p.what.panels.end(), {series_panels[0], series_panels[1]});
  if (some)
    p.what.notes.push_back(
        "Above: share of the neurons that are active at this share of the tokens or more.");
  else
    p.what.notes.push_back("How often each neuron is active was not recorded: " + activity_hint +
                           ".");
  if (t.positions.size() > most_points)
    p.what.notes.push_back(fmt::format("Means over {} tokens each.",
                                       (t.positions.size() + most_points - 1) / most_points));
  return p;
}

picture sparsity_of(const run_reader& run, const figure_choice& choice) {
  const token_table t = read_token_table(run);
  picture p{{.title = "Sparsity of " + described(run),
             .width = figure_width,
             .columns = 2,
             .panel_height = 220},
            {}};
  const std::vector<layer_id> layers = drawn_layers(run, choice, 24, p.what);
  for (std::size_t v = 0; v < 2; ++v)
    p.what.panels.push_back(by_layer(t, both[v], layers, figure::series_colour(v == 0 ? 0 : 2, 7)));
  p.what.notes.push_back("By layer: median of the tokens, quartiles (thick), 5 to 95 % (thin).");
  if (std::any_of(t.surprisal.begin(), t.surprisal.end(),
                  [](double s) { return std::isfinite(s); }))
    for (quantity v : both)
      p.what.panels.push_back(scatter(against_surprisal(t, v, layers), v, p.what));
  else
    p.what.notes.push_back(
        "No surprisals are recorded in this run, so that there is no surprisal to compare with.");
  p.csv = "position,token,text,surprisal_nats";
  for (quantity v : both)
    for (layer_id l : layers)
      p.csv += fmt::format(",active_{}_{}", v == quantity::x ? "x" : "y", l);
  p.csv += "\n";
  for (std::size_t row = 0; row < t.positions.size(); ++row) {
    const std::size_t at = t.positions[row] - run.first;
    p.csv += fmt::format("{},{},{},", t.positions[row], run.tokens[at], csv_quoted(run.texts[at]));
    if (std::isfinite(t.surprisal[row])) p.csv += fmt::format("{}", t.surprisal[row]);
    for (quantity v : both)
      for (layer_id l : layers)
        p.csv += std::isfinite(shares(t, v, l)[row]) ? fmt::format(",{}", shares(t, v, l)[row])
                                                     : std::string(",");
    p.csv += "\n";
  }
  return p;
}

}  // namespace bdh::app
