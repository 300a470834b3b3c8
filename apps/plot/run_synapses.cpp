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
#include "graph/edge_ids.hpp"
#include "io/files/csv.hpp"
#include "io/recording/time_series.hpp"

namespace bdh::app {
namespace {

using figure::panel;
using figure::picture;

constexpr std::size_t most_layers = 8;
constexpr std::size_t amplitudes_tried = 8;  // synapses for each line, whose partner may be unknown
constexpr std::size_t most_marked = 40;      // tokens of a series whose points are drawn

// The time series of one synapse by layer, under the name that the picture gives it.
struct followed {
  std::string name;
  std::vector<time_series> series;
};

using pair = std::pair<neuron_id, neuron_id>;

// The largest absolute strength of each recorded synapse: those that were chosen one by one, and by
// the number of the edge those that were among the largest.
struct recorded_strengths {
  struct edge {
    neuron_id post = 0;
    float most = 0;
  };
  std::map<pair, float> pairs;
  std::map<edge_id, edge> edges;  // by position in the file
  std::uint64_t top = 0;          // != 0: only so many of each token
};

void take_frames(recording_reader& reader, recorded_strengths& to) {
  const auto& synapses = reader.what().synapses;
  std::vector<float> most(synapses.size(), 0);
  recording_row row;
  while (reader.next(row)) {
    stop_if_requested();
    for (std::size_t k = 0; k < most.size(); ++k)
      if (std::abs(row.values[k]) > most[k]) most[k] = std::abs(row.values[k]);
  }
  for (std::size_t k = 0; k < most.size(); ++k) {
    float& known = to.pairs[{synapses[k].pre, synapses[k].post}];
    known = std::max(known, most[k]);
  }
}

void take_largest(recording_reader& reader, recorded_strengths& to) {
  to.top = reader.what().top;
  recording_row row;
  while (reader.next(row)) {
    stop_if_requested();
    for (std::size_t k = 0; k < row.values.size(); ++k) {
      if (reader.what().what == quantity::pairs) {
        float& most =
            to.pairs[{static_cast<neuron_id>(row.edges[k]), static_cast<neuron_id>(row.nodes[k])}];
        most = std::max(most, std::abs(row.values[k]));
        continue;
      }
      recorded_strengths::edge& known = to.edges[row.edges[k]];
      known.post = static_cast<neuron_id>(row.nodes[k]);
      known.most = std::max(known.most, std::abs(row.values[k]));
    }
  }
}

recorded_strengths largest(const run_reader& run, const figure_choice& choice) {
  recorded_strengths all;
  for (const listed_recording& r : run.recordings) {
    if (!r.request.starts_with("synapses:") && !r.request.starts_with("pairs:")) continue;
    if (choice.layer && r.layer != *choice.layer) continue;
    recording_reader reader = run.open(r);
    const recording_description& d = reader.what();
    if ((d.what != quantity::synapses && d.what != quantity::pairs) || d.by_y != choice.by_y)
      continue;
    if (d.layout == recording_layout::frames)
      take_frames(reader, all);
    else
      take_largest(reader, all);
  }
  return all;
}

using ranked = std::vector<std::pair<pair, float>>;

void keep_strongest(ranked& all, std::size_t count) {
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  all.resize(std::min(all.size(), count));
}

// Which neurons the strongest of these edges join.
ranked joined_by(const run_reader& run, const run_names& names, const recorded_strengths& all,
                 std::size_t count) {
  std::vector<std::pair<edge_id, recorded_strengths::edge>> strongest(all.edges.begin(),
                                                                      all.edges.end());
  std::stable_sort(strongest.begin(), strongest.end(),
                   [](const auto& a, const auto& b) { return a.second.most > b.second.most; });
  strongest.resize(std::min(strongest.size(), count));
  if (strongest.empty()) return {};
  const model* const m = names.subject();
  if (m == nullptr || !m->is_direct())
    throw input_error(run.folder.string(), "the largest synapses, by their number in the model",
                      "the model, which knows the neurons that they join: " + names.missing());
  const projection& gs = m->direct().gs;
  std::vector<std::pair<edge_id, pair>> edges;  // that reach one of these targets
  std::set<neuron_id> targets;
  for (const auto& [position, e] : strongest) targets.insert(e.post);
  for (neuron_id post : targets)
    for (neuron_id pre = 0; pre < m->neurons(); ++pre)
      if (const auto edge = gs.find(pre, post)) edges.push_back({*edge, {pre, post}});
  std::sort(edges.begin(), edges.end());
  std::vector<edge_id> ids;
  for (const auto& [id, joined] : edges) ids.push_back(id);
  const std::vector<edge_id> positions = file_positions(gs, ids);
  ranked found;
  for (const auto& [position, e] : strongest) {
    const auto at = std::find(positions.begin(), positions.end(), position);
    if (at == positions.end())
      throw input_error(run.folder.string(), "a synapse " + std::to_string(position),
                        "one of the model's");
    found.push_back({edges[static_cast<std::size_t>(at - positions.begin())].second, e.most});
  }
  return found;
}

// With the arrow of texts.
std::string shown(const run_names& names, const synapse_name& s, bool amplitude) {
  std::string text = amplitude ? names.shown_turning(s) : names.shown(s);
  if (const std::size_t arrow = text.find("->", names.shown(s.pre).size()); arrow != text.npos)
    text.replace(arrow, 2, "→");
  return text;
}

// An amplitude is known where both synapses that turn together were recorded; 0 is one that no
// token has written.
bool is_known(const followed& f) {
  return std::any_of(f.series.begin(), f.series.end(), [](const time_series& c) {
    return std::any_of(c.values.begin(), c.values.end(),
                       [](float v) { return v != 0 && !std::isnan(v); });
  });
}

std::vector<followed> strongest(const run_reader& run, const figure_choice& choice,
                                std::uint64_t& top) {
  const recorded_strengths all = largest(run, choice);
  const run_names names(run);
  ranked order = joined_by(run, names, all, choice.top);
  top = all.top;
  for (const auto& one : all.pairs)
    if (std::none_of(order.begin(), order.end(),
                     [&](const auto& o) { return o.first == one.first; }))
      order.push_back(one);
  keep_strongest(order, choice.amplitude ? amplitudes_tried * choice.top : choice.top);
  std::vector<followed> chosen;
  for (const auto& [s, strength] : order) {
    if (chosen.size() == choice.top) break;
    const synapse_name name{s.first, s.second, false};
    followed f{shown(names, name, choice.amplitude),
               course_of(run, names, name, {choice.layer, choice.by_y, choice.amplitude})};
    if (choice.amplitude && std::any_of(chosen.begin(), chosen.end(),
                                        [&](const followed& o) { return o.name == f.name; }))
      continue;
    if (!choice.amplitude || is_known(f)) chosen.push_back(std::move(f));
  }
  return chosen;
}

std::vector<followed> chosen_synapses(const run_reader& run, const figure_choice& choice) {
  const run_names names(run);
  std::vector<followed> chosen;
  for (const std::string& text : choice.synapses) {
    const synapse_name s = names.synapse(text);
    followed f{shown(names, s, choice.amplitude),
               course_of(run, names, s, {choice.layer, choice.by_y, choice.amplitude})};
    const std::string turning = text + "," + names.shown({s.pre ^ 1, s.post, s.to_hub});
    if (f.series.empty())
      throw input_error(run.folder.string(),
                        choice.amplitude ? "not both recorded of " + turning
                                         : "nothing recorded of synapse " + text,
                        "what bdh inspect lists",
                        "bdh run --record 'synapses:" + (choice.amplitude ? turning : text) + "'");
    chosen.push_back(std::move(f));
  }
  return chosen;
}

struct of_layer {
  panel of;
  std::vector<std::uint64_t> positions;
  layer_id layer = 0;
};

// What the lines of a panel have beside strengths of 0: some other ones, none, or none that are
// known, where others of the layer are larger.
enum class strengths { some, none, unknown };

strengths strengths_of(const panel& p) {
  strengths found = p.marks.empty() ? strengths::some : strengths::none;
  for (const figure::mark& m : p.marks)
    for (const double v : m.y) {
      if (std::isnan(v))
        found = strengths::unknown;
      else if (v != 0)
        return strengths::some;
    }
  const bool empty = std::any_of(p.marks.begin(), p.marks.end(),
                                 [](const figure::mark& m) { return m.y.empty(); });
  return empty ? strengths::some : found;
}

std::string titles(const std::vector<of_layer>& all) {
  std::string names;
  for (const of_layer& l : all) names += (names.empty() ? "" : ", ") + l.of.title;
  return names;
}

struct layer_panels {
  std::vector<of_layer> drawn, zero, others;  // others: where larger ones were recorded

  void add(of_layer one) {
    const strengths found = strengths_of(one.of);
    if (found == strengths::some) return drawn.push_back(std::move(one));
    (found == strengths::none ? zero : others).push_back(std::move(one));
  }
};

// One synapse in one layer; its lines of CSV are added to `csv`.
figure::mark line_of(const run_reader& run, const time_series& c, const std::string& name,
                     const figure_choice& choice, std::string& csv) {
  figure::mark m{.name = name, .marked = true};
  const std::size_t tip_step =
      std::max<std::size_t>(1, (c.positions.size() + choice.most_tips - 1) / choice.most_tips);
  m.hidden_points = c.positions.size() > most_marked;
  if (std::any_of(c.values.begin(), c.values.end(), [](float v) { return std::isnan(v); }))
    m.size = 2.5;  // so that single values show
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
    if (choice.interactive) continue;  // all values are read, by the names of the axis
    const bool has_tip = changes && i % tip_step == 0 && !std::isnan(c.values[i]);
    m.tips.push_back(has_tip ? fmt::format("{} after token {} '{}', {}: {:.4g}", name, position,
                                           run.texts[token], layer_name(c.layer), c.values[i])
                             : std::string());
  }
  return m;
}

// Flat lines show no more than a note.
void add_panels(const run_reader& run, const figure_choice& choice, layer_panels all,
                figure::drawing& d) {
  auto& [drawn, zero, others] = all;
  if (drawn.empty() && others.empty() && !zero.empty())
    d.panels.push_back({.title = titles(zero), .nothing = "all strengths are 0"});
  else if (!zero.empty())
    d.notes.push_back(fmt::format("All strengths are 0 in {}: not drawn.", titles(zero)));
  if (drawn.empty() && !others.empty())
    d.panels.push_back({.title = titles(others), .nothing = "others are the largest there"});
  else if (!others.empty())
    d.notes.push_back(fmt::format(
        "In {} other synapses are the largest: not drawn; --layer chooses one.", titles(others)));
  d.columns = drawn.size() > 2 ? 2 : 1;
  d.panel_height = drawn.size() > 2 ? 200 : 250;
  for (of_layer& l : drawn) {
    if (!l.positions.empty()) mark_interventions(run, l.of, l.layer);
    l.of.x = token_axis(run, l.positions, choice.width / static_cast<double>(d.columns) - 90);
    d.panels.push_back(std::move(l.of));
  }
}

const char* label_of(const figure_choice& choice) {
  if (choice.amplitude) return choice.by_y ? "amplitude by Y (Eq. 16)" : "amplitude of σ";
  return choice.by_y ? "strength by Y (Eq. 16)" : "strength σ";
}

std::string nothing_recorded(const figure_choice& choice) {
  return fmt::format("no {} was recorded{}",
                     choice.amplitude ? "pair of synapses that turn together" : "synapse",
                     choice.by_y ? " by factor y" : "");
}

}  // namespace

picture synapses_of(const run_reader& run, const figure_choice& choice) {
  picture p{
      {.title = (choice.amplitude ? "Amplitudes of synapses of " : "Synapses of ") + described(run),
       .width = choice.width},
      fmt::format("position,token,text,layer,synapse,{}\n",
                  choice.amplitude ? "amplitude" : "strength")};
  std::vector<layer_id> layers = drawn_layers(run, choice, most_layers, p.what);
  std::uint64_t top = 0;
  const std::vector<followed> all =
      choice.synapses.empty() ? strongest(run, choice, top) : chosen_synapses(run, choice);
  if (all.empty())
    throw input_error(run.folder.string(), nothing_recorded(choice), "a run with synapses",
                      choice.amplitude ? "bdh run --record 'synapses:6->17,7->17'"
                                       : "bdh run --record 'synapses:3->7', or pairs:top:20");
  std::set<layer_id> recorded;
  for (const followed& f : all)
    for (const time_series& c : f.series) recorded.insert(c.layer);
  std::erase_if(layers, [&](layer_id l) { return !recorded.contains(l); });

  std::uint64_t since = 0;
  layer_panels panels;
  for (layer_id l : layers) {
    std::vector<std::uint64_t> positions;
    panel of{.title = layer_name(l),
             .y = {.label = label_of(choice)},
             .nothing = "no token was recorded"};
    for (std::size_t k = 0; k < all.size(); ++k)
      for (const time_series& c : all[k].series) {
        if (c.layer != l) continue;
        figure::mark m = line_of(run, c, all[k].name, choice, p.csv);
        m.of = figure::series_colour(k, all.size());
        m.with = series_shape(k);
        if (of.marks.empty()) positions = c.positions;
        since = std::max(since, c.since);
        of.marks.push_back(std::move(m));
      }
    panels.add({std::move(of), std::move(positions), l});
  }
  add_panels(run, choice, std::move(panels), p.what);
  if (choice.synapses.empty())
    p.what.notes.push_back(fmt::format(
        "Of the recorded synapses those with the largest strength at any token, at most {}.",
        choice.top));
  if (top != 0)
    p.what.notes.push_back(fmt::format(
        "Of each token and layer the {} largest were recorded: gaps where a synapse is not among "
        "them.",
        top));
  p.what.notes.push_back(choice.amplitude ? "Amplitude: the root of the squares of the strengths "
                                            "of two synapses that turn together; known where "
                                            "both were recorded."
                                          : "Strength after the token: what the next one reads.");
  note_interventions(run, p.what);
  if (since != 0)
    p.what.notes.push_back(
        fmt::format("Followed by probes, which know nothing of the tokens before {}.", since));
  return p;
}

}  // namespace bdh::app
