// Trains of spikes: a raster in ms, and how long the intervals are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/plot/run_figures.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "io/recording/spike_trains.hpp"

namespace bdh::app {
namespace {

using figure::mark;
using figure::panel;
using figure::picture;

constexpr std::size_t most_dots = 20000, most_trains = 200;

// Those in windows of the chosen layer.
std::vector<recorded_spike> chosen_spikes(const spike_trains& t,
                                          const std::optional<layer_id>& layer) {
  if (!layer) return t.spikes;
  std::vector<recorded_spike> some;
  std::copy_if(
      t.spikes.begin(), t.spikes.end(), std::back_inserter(some), [&](const recorded_spike& s) {
        const std::uint64_t bin = s.bin % t.token_bins;
        return std::any_of(t.windows.begin(), t.windows.end(), [&](const recorded_window& w) {
          return w.layer == *layer && bin >= w.first_bin && bin < w.first_bin + w.bins &&
                 w.variable == spike_variables[s.variable];
        });
      });
  return some;
}

double at_ms(const spike_trains& t, const recorded_spike& s) {
  return static_cast<double>(s.bin + 1) * t.bin_ms;
}

// Of the first trains and spikes, as many as can be seen; a series for each variable.
panel dots(const spike_trains& t, const std::vector<recorded_spike>& spikes, picture& p) {
  panel dotted{.title = "Spikes",
               .x = {.label = "time (ms)"},
               .y = {.label = "neuron", .whole = true},
               .nothing = "no spikes"};
  std::map<std::uint32_t, mark> by_variable;
  std::set<std::uint32_t> shown(
      t.neurons.begin(),
      t.neurons.begin() + static_cast<std::ptrdiff_t>(std::min(most_trains, t.neurons.size())));
  std::size_t drawn = 0, left_out = 0;
  for (const recorded_spike& s : spikes) {
    if (!shown.contains(s.node)) continue;
    if (drawn == most_dots) {
      ++left_out;
      continue;
    }
    ++drawn;
    mark& m = by_variable[s.variable];
    m.x.push_back(at_ms(t, s));
    m.y.push_back(s.node);
  }
  static constexpr const char* names[] = {"X", "Y", "W", "A"};
  for (auto& [variable, m] : by_variable) {
    m.how = figure::form::points;
    m.name = names[variable];
    m.of = figure::series_colour(variable, 4);
    m.size = 2;
    dotted.marks.push_back(std::move(m));
  }
  if (shown.size() < t.neurons.size())
    p.what.notes.push_back(
        fmt::format("The first {} of {} recorded neurons.", shown.size(), t.neurons.size()));
  if (left_out != 0)
    p.what.notes.push_back(fmt::format("The first {} of {} spikes.",
                                       shown_count(static_cast<double>(drawn)),
                                       shown_count(static_cast<double>(drawn + left_out))));
  return dotted;
}

// Of all recorded neurons, in the mean over tokens.
panel over_the_token(const spike_trains& t, const std::vector<recorded_spike>& spikes) {
  std::vector<double> counts(t.token_bins);
  for (const recorded_spike& s : spikes)
    counts[s.bin % t.token_bins] += 1 / std::max(1.0, static_cast<double>(t.tokens));
  panel p{.title = "Recorded neurons in the course of a token",
          .x = {.label = "time from its beginning (ms)", .tight = true},
          .y = {.label = "spikes in a bin", .least = 0}};
  mark m{.how = figure::form::steps, .of = figure::series_colour(0, 7)};
  for (std::size_t b = 0; b < counts.size(); ++b) {
    m.x.push_back(static_cast<double>(b + 1) * t.bin_ms);
    m.y.push_back(counts[b]);
  }
  p.marks = {std::move(m)};
  return p;
}

// Shares of values, multiples of `unit` or any (0), in classes of equal ratio; classes in which no
// multiple lies are left out.
panel histogram(const char* title, const char* label, const char* of,
                const std::vector<double>& values, double unit, std::string& csv,
                const char* name) {
  panel p{.title = title,
          .x = {.label = label, .kind = figure::spacing::logarithmic},
          .y = {.label = of, .least = 0},
          .nothing = "none"};
  if (values.empty()) return p;
  constexpr double classes = 8;  // in a factor of 10
  std::map<long, double> share;
  for (const double v : values)
    share[std::lround(std::log10(v) * classes)] += 100 / static_cast<double>(values.size());
  mark m{.how = figure::form::line, .of = figure::series_colour(0, 7), .marked = true};
  const auto multiples_to = [&](double at) {
    return std::floor(std::pow(10, at / classes) / unit);
  };
  for (long k = share.begin()->first; k <= share.rbegin()->first; ++k) {
    const auto at = static_cast<double>(k);
    if (unit > 0 && !share.contains(k) && multiples_to(at - 0.5) == multiples_to(at + 0.5))
      continue;
    m.x.push_back(std::pow(10, at / classes));
    m.y.push_back(share.contains(k) ? share[k] : 0);
    csv += fmt::format("{},{:.6g},{:.6g}\n", name, m.x.back(), m.y.back());
  }
  p.marks = {std::move(m)};
  return p;
}

}  // namespace

picture spikes_of(const run_reader& run, const figure_choice& choice) {
  const spike_trains t = read_spike_trains(run);
  const std::vector<recorded_spike> spikes = chosen_spikes(t, choice.layer);
  picture p{{.title = "Spikes of " + described(run), .width = choice.width, .panel_height = 260},
            "ms,neuron,variable\n"};
  p.what.panels = {dots(t, spikes, p), over_the_token(t, spikes)};
  for (const recorded_spike& s : spikes)
    p.csv += fmt::format("{:.10g},{},{}\n", at_ms(t, s), s.node, spike_variables[s.variable]);
  note_interventions(run, p.what, true);
  return p;
}

picture intervals_picture(const run_reader& run, const figure_choice& choice) {
  const spike_trains t = read_spike_trains(run);
  std::map<std::uint32_t, double> last, count;
  std::vector<double> intervals, rates;
  for (const recorded_spike& s : chosen_spikes(t, choice.layer)) {
    const double now = at_ms(t, s);
    if (last.contains(s.node) && now > last[s.node]) intervals.push_back(now - last[s.node]);
    last[s.node] = now;
    ++count[s.node];
  }
  const double seconds = static_cast<double>(t.tokens * t.token_bins) * t.bin_ms / 1000;
  for (const auto& [neuron, spikes] : count) rates.push_back(spikes / seconds);
  picture p{{.title = "Intervals and rates of " + described(run),
             .width = choice.width,
             .columns = 2,
             .panel_height = 240},
            "histogram,value,percent\n"};
  p.what.panels = {
      histogram("Intervals between spikes", "interval (ms)", "intervals (%)", intervals, t.bin_ms,
                p.csv, "interval_ms"),
      histogram("Rates", "rate (Hz)", "neurons with spikes (%)", rates, 0, p.csv, "rate_hz")};
  p.what.notes.push_back(fmt::format("{} of {} recorded neurons have no spike.",
                                     t.neurons.size() - count.size(), t.neurons.size()));
  note_interventions(run, p.what, true);
  return p;
}

}  // namespace bdh::app
