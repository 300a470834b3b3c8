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
                      most_columns = 300;  // that events are drawn one by one of
constexpr std::size_t most_rasters = 8;
constexpr std::size_t most_events = 20000;  // drawn one by one
constexpr double least_cell = 1.25;         // px
// px, about, of a panel: labels and titles; with a colour bar, and interventions
constexpr double around_frame = 90, around_cells = 145, over_cells = 100;

// How many cells a panel has room for.
struct room {
  std::size_t rows = most_rows, columns = most_columns;
};

// Neurons and recorded tokens in equal pieces, of which some have one more than others.
struct grid {
  std::vector<std::uint64_t> neurons;  // ascending
  std::size_t tokens = 0;
  std::size_t rows = 0, columns = 0;

  grid(std::vector<std::uint64_t> chosen, std::size_t recorded, const room& most)
      : neurons(std::move(chosen)),
        tokens(recorded),
        rows(std::min(neurons.size(), most.rows)),
        columns(std::min(tokens, most.columns)) {}
  bool is_plain() const { return rows == neurons.size() && columns == tokens; }
  bool is_range() const { return neurons.back() - neurons.front() + 1 == neurons.size(); }
  // The place of a neuron among the chosen ones.
  std::optional<std::size_t> place(std::uint64_t neuron) const {
    const auto at = std::lower_bound(neurons.begin(), neurons.end(), neuron);
    return at != neurons.end() && *at == neuron
               ? std::optional(static_cast<std::size_t>(at - neurons.begin()))
               : std::nullopt;
  }
  std::size_t row_of(std::size_t place) const { return place * rows / neurons.size(); }
  std::size_t column_of(std::size_t token) const { return token * columns / tokens; }
  // The first neuron of a row, by place, and the first token of a column.
  std::size_t row_begin(std::size_t row) const { return (row * neurons.size() + rows - 1) / rows; }
  std::size_t column_begin(std::size_t c) const { return (c * tokens + columns - 1) / columns; }
};

struct event {
  std::size_t row, place;  // of the recorded tokens; of the chosen neurons
  float value;
};

// All events where they can be drawn one by one, and how many there are in each cell.
struct counted {
  std::vector<event> events;
  std::vector<std::uint64_t> cells;    // rows x columns
  std::vector<std::uint64_t> largest;  // the same, of a single token
  std::uint64_t all = 0;
};

counted count(const run_reader& run, const recorded_activity& a, const grid& g) {
  counted c;
  c.cells.assign(g.rows * g.columns, 0);
  c.largest.assign(g.rows * g.columns, 0);
  std::vector<std::uint64_t> now(g.rows, 0);  // of one token
  std::size_t token = 0;
  bool keeps = a.positions.size() <= most_columns && g.neurons.size() <= most_rows;
  const auto finish = [&] {
    for (std::size_t row = 0; row < g.rows && token < g.tokens; ++row) {
      std::uint64_t& most = c.largest[row * g.columns + g.column_of(token)];
      most = std::max(most, now[row]);
      now[row] = 0;
    }
  };
  for_each_active(run, a, [&](std::size_t row, std::uint64_t neuron, float value) {
    const auto place = g.place(neuron);
    if (!place) return;
    if (row != token) finish();
    token = row;
    ++now[g.row_of(*place)];
    ++c.cells[g.row_of(*place) * g.columns + g.column_of(row)];
    ++c.all;
    if (!keeps) return;
    c.events.push_back({row, *place, value});
    if (c.events.size() > most_events) keeps = false, c.events.clear();
  });
  finish();
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
  if (!g.is_range() || (name && g.rows == g.neurons.size()))
    for (std::size_t k = 0; k < g.neurons.size(); ++k)
      a.ticks.push_back({first + static_cast<double>(k),
                         name ? figure::cut_inside(name(g.neurons[k]), longest, text)
                              : std::to_string(g.neurons[k])});
  if (name && a.ticks.empty()) a.label = "number of the neuron";
  return a;
}

// Of neurons at the ends of a cell, and of tokens.
std::string cell_csv(const recorded_activity& a, const grid& g, const counted& c) {
  std::string csv;
  for (std::size_t row = 0; row < g.rows; ++row)
    for (std::size_t column = 0; column < g.columns; ++column) {
      const std::size_t first = g.row_begin(row), end = g.row_begin(row + 1),
                        from = g.column_begin(column), until = g.column_begin(column + 1);
      const double all = static_cast<double>(end - first) * static_cast<double>(until - from);
      const std::size_t cell = row * g.columns + column;
      csv += fmt::format(
          "{},{},{},{},{},{},{},{}\n", name(a.what), a.layer, a.positions[from],
          a.positions[until - 1], g.neurons[first], g.neurons[end - 1],
          100 * static_cast<double>(c.cells[cell]) / all,
          100 * static_cast<double>(c.largest[cell]) / static_cast<double>(end - first));
    }
  return csv;
}

using shown_name = std::function<std::string(std::uint64_t)>;

// What rows and columns are called.
void name_cells(figure::heat_map& h, const run_reader& run, const recorded_activity& a,
                const grid& g, const shown_name& shown) {
  h.row_names.what = "neuron";
  h.column_names.what = "position";
  const auto neuron = [&](std::size_t place) {
    const std::uint64_t k = g.neurons[place];
    const std::string name = shown ? shown(k) : std::string();
    return name.empty() || name == std::to_string(k) ? std::to_string(k)
                                                     : fmt::format("{} ({})", k, name);
  };
  for (std::size_t row = 0; row < g.rows; ++row) {
    h.row_names.first.push_back(neuron(g.row_begin(row)));
    h.row_names.last.push_back(neuron(g.row_begin(row + 1) - 1));
    h.row_names.sizes.push_back(static_cast<double>(g.row_begin(row + 1) - g.row_begin(row)));
  }
  for (std::size_t c = 0; c < g.columns; ++c) {
    h.column_names.first.push_back(token_name(run, a.positions[g.column_begin(c)]));
    h.column_names.last.push_back(token_name(run, a.positions[g.column_begin(c + 1) - 1]));
    h.column_names.sizes.push_back(static_cast<double>(g.column_begin(c + 1) - g.column_begin(c)));
  }
}

// Shares of the neurons of a cell that are active, %: at the token of its tokens where most are, or
// their mean.
figure::heat_map density(const grid& g, const counted& c, figure::joined_as joined,
                         const figure::axis& x, const figure::axis& y) {
  figure::heat_map h{.rows = g.rows,
                     .columns = g.columns,
                     .left = *x.least,
                     .right = *x.most,
                     .bottom = *y.least,
                     .top = *y.most,
                     .zero_is_white = true,
                     .joined = joined,
                     .least = 0,
                     .label = "active (%)"};
  for (std::size_t row = 0; row < g.rows; ++row)
    for (std::size_t column = 0; column < g.columns; ++column) {
      const auto neurons = static_cast<double>(g.row_begin(row + 1) - g.row_begin(row)),
                 tokens = static_cast<double>(g.column_begin(column + 1) - g.column_begin(column));
      const std::size_t cell = row * g.columns + column;
      h.values.push_back(joined == figure::joined_as::largest
                             ? 100 * static_cast<double>(c.largest[cell]) / neurons
                             : 100 * static_cast<double>(c.cells[cell]) / (neurons * tokens));
    }
  return h;
}

// The events themselves, for readers of single values.
figure::heat_map values_of_events(const grid& g, const counted& c, const figure::axis& x,
                                  const figure::axis& y) {
  figure::heat_map h{.rows = g.rows,
                     .columns = g.columns,
                     .values = std::vector<double>(g.rows * g.columns, 0),
                     .left = *x.least,
                     .right = *x.most,
                     .bottom = *y.least,
                     .top = *y.most};
  for (const event& e : c.events) h.values[e.place * g.columns + e.row] = e.value;
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

// "up to 3 neurons", of so many in so many cells.
std::string up_to(std::size_t all, std::size_t cells, const char* what) {
  const std::size_t most = cells == 0 ? 0 : (all + cells - 1) / cells;
  return fmt::format("{}{} {}{}", cells != 0 && all % cells != 0 ? "up to " : "", most, what,
                     most == 1 ? "" : "s");
}

// Draws all panels alike: events one by one only where each of them can.
class raster {
 public:
  raster(const run_reader& run, const figure_choice& choice)
      : run_(run), choice_(choice), names_(run) {
    p_.what = {.title = "Activity of " + described(run), .width = choice.width, .columns = 2};
    layers_ = drawn_layers(run, choice, most_rasters, p_.what);
    if (names_.subject() != nullptr && !names_.subject()->neuron_names().empty())
      name_ = [this](std::uint64_t neuron) { return names_.shown(static_cast<neuron_id>(neuron)); };
  }

  picture made() {
    std::vector<recorded_activity> recorded;
    for (layer_id l : layers_)
      for (quantity what : {quantity::x, quantity::y})
        if (auto a = find_activity(run_, what, l)) recorded.push_back(std::move(*a));
    if (recorded.empty())
      throw input_error(run_.folder.string(),
                        "no activity was recorded" +
                            (choice_.layer ? fmt::format(" of layer {}", *choice_.layer) : ""),
                        "a run with events", "bdh run --record events");
    p_.what.columns = recorded.size() == 1 ? 1 : 2;
    gather(recorded, {});
    plain_ = std::all_of(all_.begin(), all_.end(), [](const one& o) {
      return o.cells.is_plain() && o.counts.all == o.counts.events.size();
    });
    p_.what.panel_height = panel_height();
    if (!plain_) {
      p_.what.panel_height = std::max(p_.what.panel_height, 200.0);
      const double down = p_.what.panel_height - over_cells,
                   across = choice_.width / static_cast<double>(p_.what.columns) - around_cells;
      gather(recorded, {static_cast<std::size_t>(std::max(20.0, down / least_cell)),
                        static_cast<std::size_t>(std::max(100.0, across / least_cell))});
    }
    p_.csv = plain_ ? "position,token,text,variable,layer,neuron,value,name\n"
                    : "variable,layer,first_position,last_position,first_neuron,last_neuron,active_"
                      "percent,largest_percent\n";
    for (const one& o : all_) draw(o);
    note();
    note_interventions(run_, p_.what);
    return std::move(p_);
  }

 private:
  struct one {
    recorded_activity activity;
    grid cells;
    counted counts;
  };

  // Of a panel's frame, px.
  double across() const {
    return choice_.width / static_cast<double>(p_.what.columns) - around_frame;
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

  void gather(const std::vector<recorded_activity>& recorded, const room& most) {
    all_.clear();
    for (const recorded_activity& a : recorded) {
      grid g(neurons_of(run_, choice_, a), a.positions.size(), most);
      counted c = count(run_, a, g);
      all_.push_back({a, std::move(g), std::move(c)});
    }
  }

  void draw(const one& o) {
    const recorded_activity& a = o.activity;
    const double room = across();
    panel p{.title = fmt::format("{}, {}", a.what == quantity::x ? "X" : "Y", layer_name(a.layer)),
            .x = token_axis(run_, a.positions, room),
            .y = neuron_axis(o.cells, name_),
            .nothing = "no token was recorded"};
    if (!a.positions.empty() && plain_) {
      const double cell = std::min(room / static_cast<double>(o.cells.columns),
                                   (p_.what.panel_height - 70) / static_cast<double>(o.cells.rows));
      figure::mark m{.how = figure::form::points,
                     .of = figure::series_colour(a.what == quantity::x ? 0 : 2, 7),
                     .size = std::clamp(0.8 * cell, 1.5, 5.0)};
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
      if (!o.counts.events.empty() && choice_.interactive) {
        p.read_only = values_of_events(o.cells, o.counts, p.x, p.y);
        p.read_only->label = variable_name(a.what);
        name_cells(*p.read_only, run_, a, o.cells, name_);
      }
      p.marks.push_back(std::move(m));
      p.nothing = "no neuron was active";
    } else if (!a.positions.empty()) {
      p_.csv += cell_csv(a, o.cells, o.counts);
      p.nothing = "no neuron was active";
      if (o.counts.all != 0) {
        p.heat = density(o.cells, o.counts, choice_.joined, p.x, p.y);
        name_cells(*p.heat, run_, a, o.cells, name_);
      }
    }
    mark_interventions(run_, p, a.layer);
    p_.what.panels.push_back(std::move(p));
  }

  void note() {
    const auto add = [&](const std::string& text) {
      if (std::find(p_.what.notes.begin(), p_.what.notes.end(), text) == p_.what.notes.end())
        p_.what.notes.push_back(text);
    };
    for (const one& o : all_) {
      if (!plain_)
        add(fmt::format("A cell is {} at {}; its colour is the share of these {}. White: none is.",
                        up_to(o.cells.neurons.size(), o.cells.rows, "neuron"),
                        up_to(o.cells.tokens, o.cells.columns, "recorded token"),
                        choice_.joined == figure::joined_as::largest
                            ? "neurons that is active, at the token where most are"
                            : "pairs that is active"));
      if (o.activity.top != 0)
        add(fmt::format("Of each token only the {} largest values were recorded.", o.activity.top));
    }
    if (plain_) add("A dot is an active neuron.");
  }

  const run_reader& run_;
  const figure_choice& choice_;
  run_names names_;
  shown_name name_;  // where neurons have names
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
