#include "apps/analysis/trial_courses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "apps/runs/run_names.hpp"
#include "core/base/sort_unique.hpp"
#include "core/selection/intervention_text.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t most_values = std::uint64_t{1} << 30;  // 8 GB

// Where the interventions of a run begin, in it.
void add_onsets(const run_reader& run, const model& m, std::vector<std::uint64_t>& to) {
  const auto option = run.options.find("interventions");
  if (option == run.options.end()) return;
  const nlohmann::json all = nlohmann::json::parse(option->second, nullptr, false);
  for (const nlohmann::json& text : all) {
    if (!text.is_string())
      throw input_error((run.folder / "run.json").string(), "interventions of another kind",
                        "texts, as bdh run writes them");
    const intervention p = parse_intervention(m, text.get<std::string>(), run.first);
    if (p.what == intervention_kind::noise) continue;
    for (std::uint64_t t = run.first; t < run.end(); ++t)
      if (p.begins_at(t) && (t != run.first || p.pulses())) to.push_back(t);
  }
}

std::vector<std::uint64_t> stated_onsets(const trial_choice& o, const run_reader& run) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t t = run.first; o.every && t < run.end(); ++t)
    if (t % *o.every == 0) all.push_back(t);
  if (o.at) std::ranges::copy(positions_in("--at", *o.at), std::back_inserter(all));
  return all;
}

void add_trial(trial_data& to, const trial_choice& o, const trial_run& trial,
               const run_reader& run) {
  auto at = std::ranges::find(to.conditions, trial.condition, &trial_courses::condition);
  if (at == to.conditions.end()) {
    to.conditions.push_back({trial.condition, {}, {}, {}});
    at = to.conditions.end() - 1;
    at->values.resize(to.neurons.size());
  }
  at->numbers.push_back(trial.number);
  auto courses = neuron_courses(run, o.variable(), static_cast<layer_id>(o.layer), to.neurons);
  for (std::size_t k = 0; k < courses.size(); ++k) at->values[k].push_back(std::move(courses[k]));
  at->events.emplace_back();
  for (const std::uint64_t onset : to.onsets)
    if (onset >= run.first && onset < run.end()) at->events.back().push_back(onset - run.first);
}

std::vector<trial_run> chosen_trials(const trial_choice& o) {
  std::vector<trial_run> trials = list_trials(o.folder);
  std::string known;
  for (std::size_t k = 0; k < trials.size(); ++k)
    if (k == 0 || trials[k].condition != trials[k - 1].condition)
      known += (known.empty() ? "" : ", ") + trials[k].condition;
  for (const std::string& name : o.conditions)
    if (std::ranges::find(trials, name, &trial_run::condition) == trials.end())
      throw input_error("--conditions", "'" + name + "'",
                        known.empty() ? "trials with conditions" : "one of: " + known);
  if (!o.conditions.empty())
    std::erase_if(trials, [&](const trial_run& t) {
      return std::ranges::find(o.conditions, t.condition) == o.conditions.end();
    });
  return trials;
}

}  // namespace

void trial_choice::add_options_to(command_line& c) {
  c.add("--variable", what, "x or y [y]").type_name("NAME").one_of({"x", "y"});
  add_number<std::uint64_t>(c, "--layer", layer, positive_count, "of the variable [1]");
  c.add("--neurons", neurons, "a choice of neurons, as everywhere [all]").type_name("NEURONS");
  c.add("--at", at, "positions of the events: 100,200 [where interventions begin]")
      .type_name("POSITIONS");
  add_number<std::uint64_t>(c, "--every", every, positive_count,
                            "events at multiples of K, instead")
      .type_name("K");
}

std::vector<std::vector<double>> trial_courses::population() const {
  std::vector<std::vector<double>> mean;
  for (std::size_t trial = 0; trial < numbers.size(); ++trial) {
    std::vector<double> sum(values.front()[trial].size());
    for (const auto& neuron : values)
      for (std::size_t t = 0; t < sum.size(); ++t) sum[t] += neuron[trial][t];
    for (double& v : sum) v /= static_cast<double>(values.size());
    mean.push_back(std::move(sum));
  }
  return mean;
}

const trial_courses& trial_data::condition(const std::string& name) const {
  return *std::ranges::find(conditions, name, &trial_courses::condition);
}

trial_data read_trials(const trial_choice& o) {
  if (o.at && o.every) throw usage_error("--at", "contradicts --every");
  const std::vector<trial_run> trials = chosen_trials(o);
  std::vector<run_reader> runs;
  for (const trial_run& trial : trials) {
    runs.emplace_back(trial.folder);
    if (runs.back().status != run_status::complete)
      throw input_error(trial.folder.string(), "a run that was not finished",
                        "trials that were read to their end",
                        "bdh resume " + trial.folder.string() + " goes on with it");
    if (runs.back().model_sha256 != runs.front().model_sha256)
      throw input_error(trial.folder.string(), "a run of another model", "trials of one model");
  }
  trial_data data{model_of(runs.front()), {}, {}, {}};
  if (o.layer > data.subject.layers())
    throw input_error("--layer", std::to_string(o.layer),
                      "1 to " + std::to_string(data.subject.layers()));
  const neuron_choice chosen = select_neurons(data.subject, o.neurons.value_or("all"));
  if (chosen.top != 0)
    throw input_error("--neurons", *o.neurons, "neurons that are named or drawn");
  data.neurons = chosen.neurons;
  if (data.neurons.size() * runs.size() >
      most_values / std::max<std::size_t>(1, runs.front().tokens.size()))
    throw input_error("--neurons", fmt::format("{} in {} trials", data.neurons.size(), runs.size()),
                      "at most 2^30 values in all");
  for (const run_reader& run : runs) {
    if (o.at || o.every)
      std::ranges::copy(stated_onsets(o, run), std::back_inserter(data.onsets));
    else
      add_onsets(run, data.subject, data.onsets);
  }
  sort_unique(data.onsets);
  for (std::size_t k = 0; k < trials.size(); ++k) add_trial(data, o, trials[k], runs[k]);
  return data;
}

}  // namespace bdh::app
