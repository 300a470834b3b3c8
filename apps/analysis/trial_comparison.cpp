#include "apps/analysis/trial_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "core/analysis/rank_statistics.hpp"

namespace bdh::app {
namespace {

// The mean of a trial: over the tokens of its windows, or all of it.
std::vector<double> means_of_trials(const comparison_choice& o,
                                    std::span<const std::vector<double>> courses,
                                    std::span<const std::vector<std::uint64_t>> events) {
  std::vector<double> means;
  for (std::size_t k = 0; k < courses.size(); ++k) {
    double sum = 0;
    std::uint64_t count = 0;
    const auto add = [&](std::uint64_t first, std::uint64_t last) {
      for (std::uint64_t t = first; t <= last && t < courses[k].size(); ++t, ++count)
        sum += courses[k][t];
    };
    if (!o.to)
      add(0, courses[k].size());
    else
      for (const std::uint64_t event : events[k]) add(event + o.from.value_or(0), event + *o.to);
    if (count == 0)
      throw input_error("--to", "no token of a trial in the windows around its events",
                        "events within the run");
    means.push_back(sum / static_cast<double>(count));
  }
  return means;
}

double mean_of_values(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

}  // namespace

void comparison_choice::add_to(command_line& c) {
  c.add("RUNS", trials.folder, "the folder of bdh run --trials, or of a run")
      .required()
      .type_name("");
  add_options_to(c);
}

void comparison_choice::add_options_to(command_line& c) {
  trials.add_options_to(c);
  c.add("--conditions", conditions, "the two: pulse,control").required().type_name("A,B");
  add_number<std::uint64_t>(c, "--from", from, any_count,
                            "tokens after each event from which on a trial's mean is taken [0]");
  add_number<std::uint64_t>(c, "--to", to, any_count, "and to which [whole trials]");
  c.add_flag("--unpaired", unpaired,
             "trials of the same number, which have the same noise, do not belong together");
  add_number<std::uint64_t>(c, "--permutations", permutations, {100, 10'000'000, "100 to 1e7"},
                            "where there are too many to try all [10000]");
  add_number<std::uint64_t>(c, "--seed", seed, any_count, "of random permutations [0]");
}

void comparison_choice::check() {
  if (from && !to) throw usage_error("--from", "needs --to");
  if (to && from.value_or(0) > *to) throw usage_error("--from", "is behind --to");
  const std::size_t comma = conditions.find(',');
  if (comma == conditions.npos || conditions.find(',', comma + 1) != conditions.npos)
    throw input_error("--conditions", "'" + conditions + "'", "two of them: pulse,control");
  trials.conditions = {conditions.substr(0, comma), conditions.substr(comma + 1)};
}

comparison_result compare_conditions(const comparison_choice& o, const trial_data& data) {
  const trial_courses &a = data.condition(o.trials.conditions[0]),
                      &b = data.condition(o.trials.conditions[1]);
  comparison_result r{a.condition,
                      b.condition,
                      a.numbers.size(),
                      b.numbers.size(),
                      !o.unpaired && a.numbers == b.numbers,
                      {},
                      {}};
  if (std::min(r.trials_a, r.trials_b) < 2)
    throw input_error(o.trials.folder, fmt::format("{} and {} trials", r.trials_a, r.trials_b),
                      "two or more of each condition", "bdh run --trials N");
  const auto test = [&](std::span<const std::vector<double>> of_a,
                        std::span<const std::vector<double>> of_b, std::string neuron) {
    const std::vector<double> means_a = means_of_trials(o, of_a, a.events),
                              means_b = means_of_trials(o, of_b, b.events);
    return compared_neuron{
        .neuron = std::move(neuron),
        .mean_a = mean_of_values(means_a),
        .mean_b = mean_of_values(means_b),
        .trials_a = means_a,
        .trials_b = means_b,
        .test = permutation_test(means_a, means_b, r.paired, o.seed, o.permutations)};
  };
  r.population = test(a.population(), b.population(), "");
  r.population.p_holm = r.population.test.p;
  std::vector<double> p;
  for (std::size_t k = 0; k < data.neurons.size(); ++k) {
    r.neurons.push_back(
        test(a.values[k], b.values[k], shown_neuron(data.subject, data.neurons[k])));
    p.push_back(r.neurons.back().test.p);
  }
  const std::vector<double> corrected = holm(p);
  for (std::size_t k = 0; k < corrected.size(); ++k) r.neurons[k].p_holm = corrected[k];
  return r;
}

}  // namespace bdh::app
