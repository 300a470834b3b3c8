// Pictures over the trials of an experiment: averages around events, and two conditions compared.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/analysis/lag_correlation.hpp"
#include "apps/analysis/peri_events.hpp"
#include "apps/analysis/trial_comparison.hpp"
#include "apps/plot/picture.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "io/files/csv.hpp"
#include "io/recording/trials.hpp"

namespace bdh::app {
namespace {

using figure::mark;
using figure::panel;
using figure::picture;

std::string variable_name(const trial_choice& o) {
  return fmt::format("{} of layer {}", o.what == "x" ? "X" : "Y", o.layer);
}

std::string condition_name(const std::string& condition) {
  return condition.empty() ? "all trials" : condition;
}

std::vector<std::string> names_of(const trial_data& data) {
  std::vector<std::string> names;
  for (const trial_courses& c : data.conditions) names.push_back(c.condition);
  return names;
}

class psth_picture final : public picture_kind {
 public:
  explicit psth_picture(command_line& plot)
      : picture_kind(plot, "psth", "averages around events over the trials of each condition",
                     "RUNS", "the folder of bdh run --trials, or of a run") {
    choice_.add_options_to(arguments_);
  }

 private:
  picture drawn() const override {
    peri_event_choice choice = choice_;
    choice.trials.folder = subject_;
    const trial_data data = read_trials(choice.trials);
    const auto all = peri_events(choice, data);
    picture p{{.title = fmt::format("{}, mean of {} neurons around {} events",
                                    variable_name(choice.trials), data.neurons.size(),
                                    data.onsets.size()),
               .width = width_or(figure_width),
               .panel_height = 300},
              peri_events_csv(choice, data, all)};
    panel one{.x = {.label = "tokens from the event", .tight = true},
              .y = {.label = fmt::format("mean {}", choice.trials.what == "x" ? "X" : "Y")}};
    mark_events(choice, data, one);
    for (std::size_t k = 0; k < all.size(); ++k) add_lines(one, choice, all[k], k, all.size());
    p.what.panels = {one};
    p.what.notes.push_back(
        "Dashed: the 95 % confidence interval of the mean over trials (Student's t).");
    note_conditions(subject_, names_of(data), p.what);
    return p;
  }

  static void mark_events(const peri_event_choice& choice, const trial_data& data, panel& to) {
    const std::vector<trial_run> trials = list_trials(choice.trials.folder);
    std::size_t bands = 0;
    for (const trial_courses& c : data.conditions) {
      const auto trial = std::ranges::find(trials, c.condition, &trial_run::condition);
      bands += mark_around_events(run_reader(trial->folder), c.condition, data.onsets,
                                  choice.window, bands, to);
    }
  }

  static void add_lines(panel& to, const peri_event_choice& choice, const peri_event_result& r,
                        std::size_t number, std::size_t count) {
    const figure::colour of = figure::series_colour(number, count);
    mark mean{.name = fmt::format("{} ({} trials)", condition_name(r.condition),
                                  r.average.of_trial.size()),
              .of = of,
              .size = 2,
              .with = series_shape(number),
              .marked = true};
    mark low{.of = of, .size = 0.8, .dashed = true}, high = low;
    for (std::size_t d = 0; d < r.average.at.size(); ++d) {
      const confidence_band& b = r.average.at[d];
      const auto x = static_cast<double>(distance_of(choice, d));
      mean.x.push_back(x);
      mean.y.push_back(b.mean);
      mean.tips.push_back(
          fmt::format("{} {:+} tokens: {:.6g}", condition_name(r.condition), x, b.mean));
      low.x.push_back(x);
      low.y.push_back(b.low);
      high.x.push_back(x);
      high.y.push_back(b.high);
    }
    for (mark* m : {&low, &high, &mean}) to.marks.push_back(std::move(*m));
  }

  peri_event_choice choice_;
};

class compare_picture final : public picture_kind {
 public:
  explicit compare_picture(command_line& plot)
      : picture_kind(plot, "compare", "the trials of two conditions, and how neurons differ",
                     "RUNS", "the folder of bdh run --trials") {
    choice_.add_options_to(arguments_);
  }

 private:
  picture drawn() const override {
    comparison_choice choice = choice_;
    choice.trials.folder = subject_;
    choice.check();
    const trial_data data = read_trials(choice.trials);
    comparison_result r = compare_conditions(choice, data);
    picture p{{.title = fmt::format("{}: {} against {}", variable_name(choice.trials), r.a, r.b),
               .width = width_or(figure_width),
               .columns = 2,
               .panel_height = 300},
              "what,neuron,trial,condition,value\n"};
    p.what.panels = {trials_of(r, p.csv), differences_of(r, p.csv)};
    p.what.notes.push_back(fmt::format(
        "Left: the mean over neurons of each trial{}; p = {:.3g}, permutation test. Right: neurons "
        "by difference; coloured: p < 0.05 after Holm's correction.",
        r.paired ? ", lines join trials with the same noise" : "", r.population.test.p));
    note_conditions(subject_, {r.a, r.b}, p.what);
    return p;
  }

  static panel trials_of(const comparison_result& r, std::string& table) {
    panel left{.title = "Trials",
               .x = {.least = 0.5, .most = 2.5, .ticks = {{1, r.a}, {2, r.b}}},
               .y = {.label = "mean over neurons"}};
    mark lines{.how = figure::form::segments, .of = figure::ink, .size = 0.6};
    const std::vector<double>* const sides[] = {&r.population.trials_a, &r.population.trials_b};
    for (std::size_t side = 0; side < 2; ++side) {
      mark points{.how = figure::form::points, .of = figure::series_colour(side, 2), .size = 6};
      for (std::size_t k = 0; k < sides[side]->size(); ++k) {
        const double value = (*sides[side])[k];
        points.x.push_back(static_cast<double>(side) + 1);
        points.y.push_back(value);
        points.tips.push_back(fmt::format("{}, trial {}: {:.6g}", side == 0 ? r.a : r.b, k, value));
        table += fmt::format("trial,all,{},{},{}\n", k, csv_quoted_if_needed(side == 0 ? r.a : r.b),
                             value);
      }
      left.marks.push_back(std::move(points));
    }
    for (std::size_t k = 0; r.paired && k < sides[0]->size(); ++k) {
      lines.x.insert(lines.x.end(), {1, 2});
      lines.y.insert(lines.y.end(), {(*sides[0])[k], (*sides[1])[k]});
    }
    left.marks.push_back(std::move(lines));
    return left;
  }

  static panel differences_of(comparison_result& r, std::string& table) {
    constexpr double level = 0.05;
    std::ranges::stable_sort(r.neurons, {},
                             [](const compared_neuron& n) { return n.test.difference; });
    panel right{.title = "Neurons",
                .x = {.label = "neurons by difference", .least = 0},
                .y = {.label = fmt::format("{} - {}", r.a, r.b)}};
    mark open{.how = figure::form::points, .name = "not significant", .of = figure::ink, .size = 3},
        full{.how = figure::form::points,
             .name = "p < 0.05",
             .of = figure::series_colour(0, 2),
             .size = 5};
    for (std::size_t k = 0; k < r.neurons.size(); ++k) {
      const compared_neuron& n = r.neurons[k];
      mark& to = n.p_holm < level ? full : open;
      to.x.push_back(static_cast<double>(k));
      to.y.push_back(n.test.difference);
      to.tips.push_back(fmt::format("neuron {}: {:.6g}, p {:.3g}, corrected {:.3g}", n.neuron,
                                    n.test.difference, n.test.p, n.p_holm));
      table +=
          fmt::format("difference,{},,,{}\n", csv_quoted_if_needed(n.neuron), n.test.difference);
    }
    for (mark* m : {&open, &full})
      if (!m->x.empty()) right.marks.push_back(std::move(*m));
    return right;
  }

  comparison_choice choice_;
};

class correlate_picture final : public picture_kind {
 public:
  explicit correlate_picture(command_line& plot)
      : picture_kind(plot, "correlate", "correlations of neurons with a lag, over trials", "RUNS",
                     "the folder of bdh run --trials, or of a run") {
    choice_.add_options_to(arguments_);
  }

 private:
  static constexpr std::size_t most_lines = 6;  // of a condition

  picture drawn() const override {
    correlation_choice choice = choice_;
    choice.trials.folder = subject_;
    const auto all = correlations(choice);
    picture p{{.title = described(choice), .width = width_or(figure_width), .panel_height = 260},
              correlations_csv(choice, all)};
    std::size_t left_out = 0;
    std::vector<std::string> conditions;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const bool of_another = k == 0 || all[k].condition != all[k - 1].condition;
      if (of_another) conditions.push_back(all[k].condition);
      if (of_another)
        p.what.panels.push_back({.title = condition_name(all[k].condition),
                                 .x = {.label = "lag, tokens", .tight = true},
                                 .y = {.label = "correlation"}});
      if (lines_of(p.what.panels.back()) < most_lines)
        add_lines(p.what.panels.back(), choice, all[k]);
      else
        ++left_out;
    }
    p.what.columns = p.what.panels.size() > 1 ? 2 : 1;
    p.what.notes.push_back(
        "Correlation of the first neuron at token t with the second at t + lag, over all trials.");
    if (!all.empty() && !all.front().predictor.empty())
      p.what.notes.push_back(
          "Dashed: the second in the next trial (shift predictor), what both owe to the stimulus.");
    if (left_out != 0)
      p.what.notes.push_back(
          fmt::format("Of each condition the {} pairs with the highest peaks; all are in the CSV.",
                      most_lines));
    note_conditions(subject_, conditions, p.what);
    return p;
  }

  static std::size_t lines_of(const panel& p) {
    return static_cast<std::size_t>(
        std::ranges::count_if(p.marks, [](const mark& m) { return !m.dashed; }));
  }

  static void add_lines(panel& to, const correlation_choice& choice, const lag_correlation& r) {
    const std::size_t number = lines_of(to);
    const figure::colour of = figure::series_colour(number, most_lines);
    const std::string name = r.a == r.b ? r.a : r.a + ", " + r.b;
    mark line{.name = name, .of = of, .size = 2, .with = series_shape(number), .marked = true};
    mark predictor{.of = of, .size = 1, .dashed = true};
    line.hidden_points = r.at.size() > 60;
    for (std::size_t k = 0; k < r.at.size(); ++k) {
      const double lag = static_cast<double>(k) - static_cast<double>(choice.lags);
      line.x.push_back(lag);
      line.y.push_back(r.at[k]);
      line.tips.push_back(fmt::format("{}, lag {:+}: {:.4g}", name, lag, r.at[k]));
      if (r.predictor.empty()) continue;
      predictor.x.push_back(lag);
      predictor.y.push_back(r.predictor[k]);
    }
    if (!r.predictor.empty()) to.marks.push_back(std::move(predictor));
    to.marks.push_back(std::move(line));
  }

  correlation_choice choice_;
};

}  // namespace

std::vector<std::unique_ptr<picture_kind>> trial_pictures(command_line& plot) {
  std::vector<std::unique_ptr<picture_kind>> all;
  all.push_back(std::make_unique<psth_picture>(plot));
  all.push_back(std::make_unique<compare_picture>(plot));
  all.push_back(std::make_unique<correlate_picture>(plot));
  return all;
}

}  // namespace bdh::app
