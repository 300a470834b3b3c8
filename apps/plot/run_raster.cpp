#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include <bdh/error.hpp>

#include "apps/analysis/run_activity.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/run_figures.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "apps/runs/run_names.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

using figure::drawing;
using figure::panel;
using figure::picture;

constexpr std::size_t most_rows = 128,
                      most_columns = 300;  // of a panel: more neurons or tokens are taken together
constexpr std::size_t most_rasters = 8;
constexpr std::size_t most_events = 20000;  // drawn one by one

// Neurons and recorded tokens in equal pieces.
struct grid {
  std::vector<std::uint64_t> neurons;  // ascending
  std::size_t down = 1, across = 1;    // neurons and recorded tokens of a cell
  std::size_t rows = 0, columns = 0;

  grid(std::vector<std::uint64_t> chosen, std::size_t tokens) : neurons(std::move(chosen)) {
    down = std::max<std::size_t>(1, (neurons.size() + most_rows - 1) / most_rows);
    across = std::max<std::size_t>(1, (tokens + most_columns - 1) / most_columns);
    rows = (neurons.size() + down - 1) / down;
    columns = (tokens + across - 1) / across;
  }
  bool is_plain() const { return down == 1 && across == 1; }
  bool is_range() const { return neurons.back() - neurons.front() + 1 == neurons.size(); }
  // The place of a neuron among the chosen ones.
  std::optional<std::size_t> place(std::uint64_t neuron) const {
    const auto at = std::lower_bound(neurons.begin(), neurons.end(), neuron);
    return at != neurons.end() && *at == neuron
               ? std::optional(static_cast<std::size_t>(at - neurons.begin()))
               : std::nullopt;
  }
};

struct event {
  std::size_t row, place;  // of the recorded tokens; of the chosen neurons
  float value;
};

// All events where they can be drawn one by one, and how many there are in each cell.
struct counted {
  std::vector<event> events;
  std::vector<std::uint64_t> cells;  // rows x columns
};

counted count(const run_reader& run, const recorded_activity& a, const grid& g) {
  counted c;
  c.cells.assign(g.rows * g.columns, 0);
  bool all = g.is_plain();
  for_each_active(run, a, [&](std::size_t row, std::uint64_t neuron, float value) {
    const auto place = g.place(neuron);
    if (!place) return;
    ++c.cells[*place / g.down * g.columns + row / g.across];
    if (!all) return;
    c.events.push_back({row, *place, value});
    if (c.events.size() > most_events) all = false, c.events.clear();
  });
  return c;
}

// `names`: of neurons; empty where these have none, or are too many.
figure::axis neuron_axis(const grid& g, const std::function<std::string(std::uint64_t)>& name) {
  const double first = g.is_range() ? static_cast<double>(g.neurons.front()) : 0;
  figure::axis a{.label = "neuron",
                 .least = first - 0.5,
                 .most = first + static_cast<double>(g.neurons.size()) - 0.5,
                 .whole = true,
                 .tight = true};
  constexpr double longest = 100, text = 10;  // px
  if (!g.is_range() || (name && g.down == 1))
    for (std::size_t k = 0; k < g.neurons.size(); ++k)
      a.ticks.push_back(
          {first + static_cast<double>(k),
           name ? figure::cut(name(g.neurons[k]), longest, text) : std::to_string(g.neurons[k])});
  if (name && a.ticks.empty()) a.label = "number of the neuron";
  return a;
}

// Of neurons at the ends of a cell, and of tokens.
std::string cell_csv(const recorded_activity& a, const grid& g, const figure::heat_map& h) {
  std::string csv;
  for (std::size_t row = 0; row < g.rows; ++row)
    for (std::size_t column = 0; column < g.columns; ++column)
      csv += fmt::format(
          "{},{},{},{},{},{},{}\n", name(a.what), a.layer, a.positions[column * g.across],
          a.positions[std::min((column + 1) * g.across, a.positions.size()) - 1],
          g.neurons[row * g.down], g.neurons[std::min((row + 1) * g.down, g.neurons.size()) - 1],
          h.values[row * g.columns + column]);
  return csv;
}

// Shares of the pairs of a neuron and a token, %.
figure::heat_map density(const recorded_activity& a, const grid& g, const counted& c,
                         const figure::axis& x, const figure::axis& y) {
  const double cell = (*x.most - *x.least) / static_cast<double>(a.positions.size());
  figure::heat_map h{.rows = g.rows,
                     .columns = g.columns,
                     .left = *x.least,
                     .right = *x.least + cell * static_cast<double>(g.columns * g.across),
                     .bottom = *y.least,
                     .top = *y.least + static_cast<double>(g.rows * g.down),
                     .least = 0,
                     .label = "active (%)"};
  for (std::size_t row = 0; row < g.rows; ++row)
    for (std::size_t column = 0; column < g.columns; ++column) {
      const std::size_t neurons = std::min(g.down, g.neurons.size() - row * g.down),
                        tokens = std::min(g.across, a.positions.size() - column * g.across);
      h.values.push_back(100.0 * static_cast<double>(c.cells[row * g.columns + column]) /
                         static_cast<double>(neurons * tokens));
    }
  return h;
}

std::vector<std::uint64_t> neurons_of(const run_reader& run, const figure_choice& choice,
                                      const recorded_activity& a) {
  if (!choice.neurons.empty()) {
    std::vector<std::uint64_t> chosen = chosen_neurons(run, choice.neurons);
    for (std::uint64_t neuron : chosen)
      if (!a.neurons.empty() && !std::binary_search(a.neurons.begin(), a.neurons.end(), neuron))
        throw input_error(run.folder.string(), fmt::format("neuron {} was not recorded", neuron),
                          "what was: " + a.request, "bdh run --record events");
    return chosen;
  }
  if (!a.neurons.empty()) return a.neurons;
  std::vector<std::uint64_t> all(run.neurons);
  for (neuron_id k = 0; k < run.neurons; ++k) all[k] = k;
  return all;
}

// Draws all panels alike: events one by one only where each of them can.
class raster {
 public:
  raster(const run_reader& run, const figure_choice& choice)
      : run_(run), choice_(choice), names_(run) {
    p_.what = {.title = "Activity of " + described(run), .width = figure_width, .columns = 2};
    layers_ = drawn_layers(run, choice, most_rasters, p_.what);
    if (names_.subject() != nullptr && !names_.subject()->neuron_names().empty())
      name_ = [this](std::uint64_t neuron) { return names_.shown(static_cast<neuron_id>(neuron)); };
  }

  picture made() {
    for (layer_id l : layers_)
      for (quantity what : {quantity::x, quantity::y})
        if (auto a = find_activity(run_, what, l)) gather(std::move(*a));
    if (all_.empty())
      throw input_error(run_.folder.string(),
                        "no activity was recorded" +
                            (choice_.layer ? fmt::format(" of layer {}", *choice_.layer) : ""),
                        "a run with events", "bdh run --record events");
    plain_ = std::all_of(all_.begin(), all_.end(),
                         [](const one& o) { return o.cells.is_plain() && within(o.counts); });
    p_.what.columns = all_.size() == 1 ? 1 : 2;
    p_.what.panel_height = panel_height();
    p_.csv = plain_ ? "position,token,text,variable,layer,neuron,value,name\n"
                    : "variable,layer,first_position,last_position,first_neuron,last_neuron,active_"
                      "percent\n";
    for (const one& o : all_) draw(o);
    note();
    return std::move(p_);
  }

 private:
  struct one {
    recorded_activity activity;
    grid cells;
    counted counts;
  };
  static bool within(const counted& c) {
    std::uint64_t sum = 0;
    for (std::uint64_t n : c.cells) sum += n;
    return sum == c.events.size();
  }

  // More for a few panels, and where neurons have rows of their own, or names.
  double panel_height() const {
    std::size_t rows = 0;
    for (const one& o : all_) rows = std::max(rows, o.cells.rows);
    constexpr std::size_t most_named = 40;
    const double named = name_ && plain_ && rows <= most_named && all_.size() <= 8
                             ? 70 + 13 * static_cast<double>(rows)
                             : 0;
    if (all_.size() <= 2) return std::max(320.0, named);
    if (named > 180) return named;
    return plain_ && all_.size() <= 8
               ? std::clamp(70 + 3.5 * static_cast<double>(rows), 180.0, 320.0)
               : 180;
  }

  void gather(recorded_activity a) {
    grid g(neurons_of(run_, choice_, a), a.positions.size());
    counted c = count(run_, a, g);
    all_.push_back({std::move(a), std::move(g), std::move(c)});
  }

  void draw(const one& o) {
    const recorded_activity& a = o.activity;
    const double room = figure_width / static_cast<double>(p_.what.columns) - 90;
    panel p{.title = fmt::format("{}, {}", a.what == quantity::x ? "X" : "Y", layer_name(a.layer)),
            .x = token_axis(run_, a.positions, room),
            .y = neuron_axis(o.cells, name_),
            .nothing = "no token was recorded"};
    if (!a.positions.empty() && plain_) {
      const double cell = std::min(room / static_cast<double>(o.cells.columns),
                                   (p_.what.panel_height - 70) / static_cast<double>(o.cells.rows));
      figure::mark m{.how = figure::form::points,
                     .of = figure::series_colour(a.what == quantity::x ? 0 : 2, 7),
                     .size = std::clamp(0.8 * cell, 1.0, 5.0)};
      for (const event& e : o.counts.events) {
        const std::uint64_t position = a.positions[e.row], neuron = o.cells.neurons[e.place];
        m.x.push_back(static_cast<double>(position));
        m.y.push_back(o.cells.is_range() ? static_cast<double>(neuron)
                                         : static_cast<double>(e.place));
        p_.csv +=
            fmt::format("{},{},{},{},{},{},{},{}\n", position, run_.tokens[position - run_.first],
                        csv_quoted(run_.texts[position - run_.first]), name(a.what), a.layer,
                        neuron, e.value, name_ ? csv_quoted(name_(neuron)) : "");
      }
      p.marks.push_back(std::move(m));
      p.nothing = "no neuron was active";
    } else if (!a.positions.empty()) {
      p.heat = density(a, o.cells, o.counts, p.x, p.y);
      p_.csv += cell_csv(a, o.cells, *p.heat);
      p.nothing = "no neuron was active";
      if (std::all_of(o.counts.cells.begin(), o.counts.cells.end(),
                      [](std::uint64_t n) { return n == 0; }))
        p.heat.reset();
    }
    p_.what.panels.push_back(std::move(p));
  }

  void note() {
    const auto add = [&](const std::string& text) {
      if (std::find(p_.what.notes.begin(), p_.what.notes.end(), text) == p_.what.notes.end())
        p_.what.notes.push_back(text);
    };
    for (const one& o : all_) {
      if (!plain_)
        add(
            fmt::format("A cell is {} neuron{} at {} recorded token{}; its colour is the share of "
                        "these pairs that is active.",
                        o.cells.down, o.cells.down == 1 ? "" : "s", o.cells.across,
                        o.cells.across == 1 ? "" : "s"));
      if (o.activity.top != 0)
        add(fmt::format("Of each token only the {} largest values were recorded.", o.activity.top));
    }
    if (plain_) add("A dot is an active neuron.");
  }

  const run_reader& run_;
  const figure_choice& choice_;
  run_names names_;
  std::function<std::string(std::uint64_t)> name_;  // where neurons have names
  std::vector<layer_id> layers_;
  std::vector<one> all_;
  bool plain_ = false;
  picture p_;
};

}  // namespace

picture raster_of(const run_reader& run, const figure_choice& choice) {
  return raster(run, choice).made();
}

}  // namespace bdh::app
