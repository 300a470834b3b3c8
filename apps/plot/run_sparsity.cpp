#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "apps/analysis/run_activity.hpp"
#include "apps/analysis/structure_numbers.hpp"
#include "apps/plot/run_figures.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

using figure::drawing;
using figure::mark;
using figure::panel;
using figure::picture;

constexpr std::size_t most_scattered = 3000;  // tokens that are drawn as points
constexpr double to_percent = 100;
constexpr quantity x_and_y[] = {quantity::x, quantity::y};

// Median, quartiles and the middle 90 % of the tokens, by layer.
panel by_layer(const token_table& t, quantity what, const std::vector<layer_id>& layers,
               figure::colour of) {
  panel p{.title = fmt::format("{} by layer", variable_name(what)),
          .x = {.label = "layer", .least = 0.5, .most = static_cast<double>(layers.size()) + 0.5},
          .y = {.label = fmt::format("active {} (% of neurons)", variable_name(what)), .least = 0}};
  mark thin{.how = figure::form::segments, .of = of, .size = 1},
      thick{.how = figure::form::segments, .of = of, .size = 5},
      median{.how = figure::form::points, .of = of, .size = 7};
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const double x = static_cast<double>(k + 1);
    p.x.ticks.push_back({x, std::to_string(layers[k])});
    std::vector<double> sorted = active_shares(t, what, layers[k]);
    std::erase_if(sorted, [](double v) { return !std::isfinite(v); });
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) continue;
    for (auto [m, low] : {std::pair{&thin, 0.05}, {&thick, 0.25}})
      for (double share : {low, 1 - low}) {
        m->x.push_back(x);
        m->y.push_back(to_percent * quantile(sorted, share));
      }
    median.x.push_back(x);
    median.y.push_back(to_percent * quantile(sorted, 0.5));
    const auto at = [&](double share) { return to_percent * quantile(sorted, share); };
    median.tips.push_back(fmt::format(
        "layer {}, active {}: median of the tokens {:.4g} %, quartiles {:.4g} and {:.4g} %, 5 to "
        "95 % of them from {:.4g} to {:.4g} %",
        layers[k], variable_name(what), at(0.5), at(0.25), at(0.75), at(0.05), at(0.95)));
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
  std::vector<std::uint64_t> positions;
};

scattered against_surprisal(const token_table& t, quantity what,
                            const std::vector<layer_id>& layers) {
  scattered s;
  for (std::size_t row = 0; row < t.positions.size(); ++row) {
    double sum = 0;
    for (layer_id l : layers) sum += active_shares(t, what, l)[row];
    if (!std::isfinite(t.surprisal[row]) || !std::isfinite(sum)) continue;
    s.positions.push_back(t.positions[row]);
    s.surprisal.push_back(t.surprisal[row]);
    s.active.push_back(to_percent * sum / static_cast<double>(layers.size()));
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
    m.tips.push_back(fmt::format("{} tokens of about {:.3g} nats: active {:.4g} % on average",
                                 last - first, m.x.back(), m.y.back()));
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

std::vector<std::string> tips_of(const run_reader& run, const scattered& s, quantity what) {
  std::vector<std::string> tips;
  for (std::size_t k = 0; k < s.positions.size(); ++k)
    tips.push_back(fmt::format("position {}: surprisal {:.4g} nats, active {} {:.4g} %",
                               token_name(run, s.positions[k]), s.surprisal[k], variable_name(what),
                               s.active[k]));
  return tips;
}

panel scatter(const run_reader& run, const scattered& s, quantity what, bool interactive,
              drawing& d) {
  panel p{.title = fmt::format("{} (mean of layers) against surprisal", variable_name(what)),
          .x = {.label = "surprisal of the token (nats)"},
          .y = {.label = fmt::format("active {} (% of neurons)", variable_name(what))}};
  if (s.active.size() > most_scattered)
    p.heat = crowd(s);
  else
    p.marks.push_back({.how = figure::form::points,
                       .of = figure::series_colour(5, 7),
                       .x = s.surprisal,
                       .y = s.active,
                       .size = 3,
                       .tips = interactive ? tips_of(run, s, what) : std::vector<std::string>()});
  p.marks.push_back(means_of_tenths(s));
  if (s.surprisal.size() > 2)
    if (const auto rho = rank_correlation(s.surprisal, s.active))
      d.notes.push_back(
          fmt::format("{} and surprisal: rank correlation (Spearman) {:.2f} over {} tokens.",
                      variable_name(what), *rho, s.surprisal.size()));
  return p;
}

}  // namespace

picture sparsity_of(const run_reader& run, const figure_choice& choice) {
  const token_table t = read_token_table(run);
  picture p{{.title = "Sparsity of " + described(run),
             .width = choice.width,
             .columns = 2,
             .panel_height = 220},
            {}};
  const std::vector<layer_id> layers = drawn_layers(run, choice, 24, p.what);
  for (std::size_t v = 0; v < 2; ++v)
    p.what.panels.push_back(
        by_layer(t, x_and_y[v], layers, figure::series_colour(v == 0 ? 0 : 2, 7)));
  p.what.notes.push_back("By layer: median of the tokens, quartiles (thick), 5 to 95 % (thin).");
  if (std::any_of(t.surprisal.begin(), t.surprisal.end(),
                  [](double s) { return std::isfinite(s); }))
    for (quantity v : x_and_y)
      p.what.panels.push_back(
          scatter(run, against_surprisal(t, v, layers), v, choice.interactive, p.what));
  else
    p.what.notes.push_back(
        "No surprisals are recorded in this run, so that there is no surprisal to compare with.");
  note_interventions(run, p.what, true);
  p.csv = "position,token,text,surprisal_nats";
  for (quantity v : x_and_y)
    for (layer_id l : layers)
      p.csv += fmt::format(",active_{}_{}", v == quantity::x ? "x" : "y", l);
  p.csv += "\n";
  for (std::size_t row = 0; row < t.positions.size(); ++row) {
    const std::size_t at = t.positions[row] - run.first;
    p.csv += fmt::format("{},{},{},", t.positions[row], run.tokens[at], csv_quoted(run.texts[at]));
    if (std::isfinite(t.surprisal[row])) p.csv += fmt::format("{}", t.surprisal[row]);
    for (quantity v : x_and_y)
      for (layer_id l : layers)
        p.csv += std::isfinite(active_shares(t, v, l)[row])
                     ? fmt::format(",{}", active_shares(t, v, l)[row])
                     : std::string(",");
    p.csv += "\n";
  }
  return p;
}

}  // namespace bdh::app
