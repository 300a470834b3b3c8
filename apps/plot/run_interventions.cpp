// What was done to the model while it ran, as marks of figures. The texts are those of run.json, so
// that no model is needed.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include <bdh/error.hpp>

#include "apps/plot/figure/text.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "core/selection/intervention_text.hpp"
#include "core/selection/layers.hpp"
#include "io/recording/trials.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_shown = 6;  // kinds of interventions with a colour of their own
constexpr std::size_t most_times = 4;  // times in a legend

// One intervention, or several that differ by their times only.
struct action {
  std::string what;                // its text without its times
  std::vector<intervention> held;  // none: the text is not one that this program reads
  std::vector<std::string> times;  // as written
};

action action_of(const run_reader& run, const std::string& text) {
  try {
    intervention_text read = read_intervention(text, run.first);
    if (!read.layers.empty()) read.parsed.layers = layers_within(run.layers, read.layers);
    return {read.what, {std::move(read.parsed)}, {read.times}};
  } catch (const input_error&) {
    return {text, {}, {}};
  }
}

std::vector<action> actions_of(const run_reader& run) {
  std::vector<action> all;
  const auto listed = run.options.find("interventions");
  if (listed == run.options.end()) return all;
  const nlohmann::json texts = nlohmann::json::parse(listed->second, nullptr, false);
  if (!texts.is_array()) return all;
  for (const nlohmann::json& text : texts) {
    if (!text.is_string()) continue;
    action a = action_of(run, text.get<std::string>());
    const auto same = std::find_if(all.begin(), all.end(), [&](const action& o) {
      return o.what == a.what && o.held.empty() == a.held.empty();
    });
    if (same == all.end()) {
      all.push_back(std::move(a));
      continue;
    }
    same->held.insert(same->held.end(), a.held.begin(), a.held.end());
    same->times.insert(same->times.end(), a.times.begin(), a.times.end());
  }
  return all;
}

std::string action_text(const action& a) {
  std::string text = a.what;
  for (std::size_t k = 0; k < std::min(a.times.size(), most_times); ++k)
    if (!a.times[k].empty()) text += (k == 0 ? " " : ", ") + a.times[k];
  return a.times.size() > most_times ? text + ", …" : text;
}

figure::colour band_colour(std::size_t k) {
  static constexpr figure::colour all[] = {{0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00},
                                           {0x56, 0xb4, 0xe9}, {0x99, 0x99, 0x99},
                                           {0x80, 0x60, 0x30}, {0x9f, 0xc1, 0x3b}};
  return all[k % std::size(all)];
}

// From the first to the last token of each pulse, within the run.
void add_bands(const run_reader& run, const intervention& p, figure::mark& to) {
  std::optional<std::uint64_t> onset;
  for (std::uint64_t t = run.first; t < run.end(); ++t) {
    const auto now = p.onset_at(t);
    if (now && now != onset) to.x.insert(to.x.end(), {static_cast<double>(t) - 0.5, 0});
    if (now) to.x.back() = static_cast<double>(t) + 0.5;
    onset = now;
  }
}

}  // namespace

void mark_interventions(const run_reader& run, figure::panel& p, std::optional<layer_id> layer) {
  const std::vector<action> all = actions_of(run);
  for (std::size_t k = 0; k < std::min(all.size(), most_shown); ++k) {
    figure::mark band{.how = figure::form::bands,
                      .name = figure::without_controls(action_text(all[k])),
                      .of = band_colour(k)};
    for (const intervention& one : all[k].held)
      if (!layer || one.layers.empty() || std::ranges::count(one.layers, *layer) != 0)
        add_bands(run, one, band);
    if (!band.x.empty()) p.marks.push_back(std::move(band));
  }
}

std::size_t mark_around_events(const run_reader& run, const std::string& condition,
                               const std::vector<std::uint64_t>& events, const event_window& window,
                               std::size_t first, figure::panel& p) {
  std::size_t bands = 0;
  for (const action& a : actions_of(run)) {
    if (first + bands == most_shown) break;
    std::vector<bool> holds(window.size());
    for (const std::uint64_t event : events)
      for (std::size_t d = 0; d < holds.size(); ++d) {
        const std::uint64_t at = event + d;
        if (at < run.first + window.before || at - window.before >= run.end()) continue;
        holds[d] = holds[d] || std::ranges::any_of(a.held, [&](const intervention& one) {
                     return one.onset_at(at - window.before).has_value();
                   });
      }
    if (std::ranges::count(holds, false) == 0) continue;  // as much before events as after
    figure::mark band{
        .how = figure::form::bands,
        .name = figure::without_controls((condition.empty() ? "" : condition + ": ") + a.what),
        .of = band_colour(first + bands)};
    for (std::size_t d = 0; d < holds.size(); ++d) {
      const double x = static_cast<double>(d) - static_cast<double>(window.before);
      if (holds[d] && (d == 0 || !holds[d - 1])) band.x.insert(band.x.end(), {x - 0.5, 0});
      if (holds[d]) band.x.back() = x + 0.5;
    }
    if (band.x.empty()) continue;
    p.marks.push_back(std::move(band));
    ++bands;
  }
  return bands;
}

void note_conditions(const std::string& folder, const std::vector<std::string>& conditions,
                     figure::drawing& d) {
  const std::vector<trial_run> trials = list_trials(folder);
  std::string text;
  for (const std::string& name : conditions) {
    const auto trial = std::ranges::find(trials, name, &trial_run::condition);
    if (trial == trials.end()) continue;
    std::string done;
    for (const action& a : actions_of(run_reader(trial->folder)))
      done += (done.empty() ? "" : "; ") + action_text(a);
    text += fmt::format("{}{}{}", text.empty() ? "" : ". ", name.empty() ? "" : name + ": ",
                        done.empty() ? "none" : done);
  }
  if (text.size() > 600) text = figure::cut(text, 400, 1) + " (all in run.json)";
  if (!text.empty()) d.notes.push_back("Interventions: " + text + ".");
}

void note_interventions(const run_reader& run, figure::drawing& d, bool all_of_them) {
  const std::vector<action> all = actions_of(run);
  std::string text;
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all_of_them || k >= most_shown || all[k].held.empty())
      text += (text.empty() ? "" : "; ") + action_text(all[k]);
  if (text.size() > 600) text = figure::cut(text, 400, 1) + " (all in run.json)";
  if (!text.empty())
    d.notes.push_back((all_of_them ? "Interventions: " : "Interventions not marked: ") + text +
                      ".");
}

}  // namespace bdh::app
