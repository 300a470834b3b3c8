#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <bdh/error.hpp>

#include "apps/analysis/run_activity.hpp"
#include "apps/common/signals.hpp"
#include "apps/plot/run_figures.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "apps/runs/run_names.hpp"
#include "io/files/csv.hpp"
#include "io/recording/time_series.hpp"

namespace bdh::app {
namespace {

using figure::panel;
using figure::picture;

constexpr std::size_t most_layers = 8;
constexpr std::size_t most_marked = 40;  // tokens of a series whose points are drawn

// The time series of one synapse by layer, under the name that the picture gives it.
struct followed {
  std::string name;
  std::vector<time_series> series;
};

using pair = std::pair<neuron_id, neuron_id>;

bool is_frames_of_synapses(const recording_reader& reader, bool by_y) {
  const recording_description& d = reader.what();
  return d.what == quantity::synapses && d.layout == recording_layout::frames && d.by_y == by_y;
}

// The largest absolute strength of each recorded pair.
std::map<pair, float> largest(const run_reader& run, const figure_choice& choice) {
  std::map<pair, float> all;
  for (const listed_recording& r : run.recordings) {
    if (!r.request.starts_with("synapses:") || (choice.layer && r.layer != *choice.layer)) continue;
    recording_reader reader = run.open(r);
    if (!is_frames_of_synapses(reader, choice.by_y)) continue;
    const auto& synapses = reader.what().synapses;
    std::vector<float> most(synapses.size(), 0);
    recording_row row;
    while (reader.next(row)) {
      stop_if_requested();
      for (std::size_t k = 0; k < most.size(); ++k)
        if (std::abs(row.values[k]) > most[k]) most[k] = std::abs(row.values[k]);
    }
    for (std::size_t k = 0; k < most.size(); ++k) {
      float& known = all[{synapses[k].pre, synapses[k].post}];
      known = std::max(known, most[k]);
    }
  }
  return all;
}

// With the arrow of texts.
std::string shown(const run_names& names, const synapse_name& s) {
  std::string text = names.shown(s);
  if (const std::size_t arrow = text.find("->", names.shown(s.pre).size()); arrow != text.npos)
    text.replace(arrow, 2, "→");
  return text;
}

std::vector<followed> strongest(const run_reader& run, const figure_choice& choice) {
  const std::map<pair, float> all = largest(run, choice);
  std::vector<std::pair<pair, float>> order(all.begin(), all.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  order.resize(std::min<std::size_t>(order.size(), choice.top));
  const run_names names(run);
  std::vector<followed> chosen;
  for (const auto& [s, strength] : order) {
    const synapse_name name{s.first, s.second, false};
    chosen.push_back(
        {shown(names, name), synapse_series(run, name, nullptr, choice.layer, choice.by_y)});
  }
  return chosen;
}

std::vector<followed> chosen_synapses(const run_reader& run, const figure_choice& choice) {
  const run_names names(run);
  std::vector<followed> chosen;
  for (const std::string& text : choice.synapses) {
    const synapse_name s = names.synapse(text);
    followed f{shown(names, s), synapse_series(run, s, names.subject(), choice.layer, choice.by_y)};
    if (f.series.empty())
      throw input_error(run.folder.string(), "nothing recorded of synapse " + text,
                        "what bdh inspect lists", "bdh run --record 'synapses:" + text + "'");
    chosen.push_back(std::move(f));
  }
  return chosen;
}

struct of_layer {
  panel of;
  std::vector<std::uint64_t> positions;
};

bool all_zero(const panel& p) {
  return !p.marks.empty() && std::all_of(p.marks.begin(), p.marks.end(), [](const figure::mark& m) {
    return !m.y.empty() && std::all_of(m.y.begin(), m.y.end(), [](double v) { return v == 0; });
  });
}

// One synapse in one layer; its lines of CSV are added to `csv`.
figure::mark line_of(const run_reader& run, const time_series& c, const std::string& name,
                     std::uint64_t most_tips, std::string& csv) {
  figure::mark m{.name = name, .marked = true};
  const std::size_t tip_step =
      std::max<std::size_t>(1, (c.positions.size() + most_tips - 1) / most_tips);
  m.hidden_points = c.positions.size() > most_marked;
  const bool changes =
      std::any_of(c.values.begin(), c.values.end(), [](float v) { return v != 0; });
  for (std::size_t i = 0; i < c.positions.size(); ++i) {
    const std::uint64_t position = c.positions[i];
    m.x.push_back(static_cast<double>(position));
    m.y.push_back(c.values[i]);
    const std::size_t token = position - run.first;
    csv += fmt::format("{},{},{},{},{},", position, run.tokens[token], csv_quoted(run.texts[token]),
                       c.layer, csv_quoted(name));
    csv += std::isnan(c.values[i]) ? std::string("\n") : fmt::format("{}\n", c.values[i]);
    const bool has_tip = changes && i % tip_step == 0 && !std::isnan(c.values[i]);
    m.tips.push_back(has_tip ? fmt::format("{} after token {} '{}', {}: {:.4g}", name, position,
                                           run.texts[token], layer_name(c.layer), c.values[i])
                             : std::string());
  }
  return m;
}

}  // namespace

picture synapses_of(const run_reader& run, const figure_choice& choice) {
  picture p{{.title = "Synapses of " + described(run), .width = figure_width},
            "position,token,text,layer,synapse,strength\n"};
  std::vector<layer_id> layers = drawn_layers(run, choice, most_layers, p.what);
  const std::vector<followed> all =
      choice.synapses.empty() ? strongest(run, choice) : chosen_synapses(run, choice);
  if (all.empty())
    throw input_error(
        run.folder.string(),
        choice.by_y ? "no synapse was recorded by factor y" : "no synapse was recorded",
        "a run with synapses", "bdh run --record 'synapses:3->7'");
  std::set<layer_id> recorded;
  for (const followed& f : all)
    for (const time_series& c : f.series) recorded.insert(c.layer);
  std::erase_if(layers, [&](layer_id l) { return !recorded.contains(l); });

  std::uint64_t since = 0;
  std::vector<of_layer> drawn, flat;
  for (layer_id l : layers) {
    std::vector<std::uint64_t> positions;
    panel of{.title = layer_name(l),
             .y = {.label = choice.by_y ? "strength by Y (Eq. 16)" : "strength σ"},
             .nothing = "no token was recorded"};
    for (std::size_t k = 0; k < all.size(); ++k)
      for (const time_series& c : all[k].series) {
        if (c.layer != l) continue;
        figure::mark m = line_of(run, c, all[k].name, choice.most_tips, p.csv);
        m.of = figure::series_colour(k, all.size());
        m.with = series_shape(k);
        if (of.marks.empty()) positions = c.positions;
        since = std::max(since, c.since);
        of.marks.push_back(std::move(m));
      }
    (all_zero(of) ? flat : drawn).push_back({std::move(of), std::move(positions)});
  }
  // Flat lines show no more than a note.
  std::string names;
  for (const of_layer& l : flat) names += (names.empty() ? "" : ", ") + l.of.title;
  if (drawn.empty() && !flat.empty())
    p.what.panels.push_back({.title = names, .nothing = "all strengths are 0"});
  else if (!flat.empty())
    p.what.notes.push_back(fmt::format("All strengths are 0 in {}: not drawn.", names));
  p.what.columns = drawn.size() > 2 ? 2 : 1;
  p.what.panel_height = drawn.size() > 2 ? 200 : 250;
  for (of_layer& l : drawn) {
    l.of.x = token_axis(run, l.positions, figure_width / static_cast<double>(p.what.columns) - 90);
    p.what.panels.push_back(std::move(l.of));
  }
  if (choice.synapses.empty())
    p.what.notes.push_back(fmt::format(
        "Of the recorded synapses those with the largest strength at any token, at most {}.",
        choice.top));
  p.what.notes.push_back("Strength after the token: what the next one reads.");
  if (since != 0)
    p.what.notes.push_back(
        fmt::format("Followed by probes, which know nothing of the tokens before {}.", since));
  return p;
}

}  // namespace bdh::app
