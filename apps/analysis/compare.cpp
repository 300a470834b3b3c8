// bdh compare: whether neurons do something else in one condition than in another, by permutation
// tests over trials; and correlations of neurons with a lag.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/analysis/trial_courses.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/analysis/event_statistics.hpp"
#include "core/analysis/rank_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

struct compare_options {
  trial_choice trials;
  std::string conditions, output;
  std::optional<std::uint64_t> from, to;  // distances from the events; none: whole trials
  std::uint64_t permutations = 10'000, seed = 0, top = 10;
  bool unpaired = false, json = false, force = false;
};

struct compared_neuron {
  std::string neuron;  // empty: the mean over all
  double mean_a = 0, mean_b = 0;
  permutation_test_result test;
  double p_holm = 1;
};

struct comparison_result {
  std::string a, b;
  std::size_t trials_a = 0, trials_b = 0;
  bool paired = false;
  compared_neuron population;
  std::vector<compared_neuron> neurons;
};

// The mean of a trial: over the tokens of its windows, or all of it.
std::vector<double> means_of_trials(const compare_options& o,
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

comparison_result compared(const compare_options& o, const trial_data& data) {
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

nlohmann::ordered_json json_of(const compared_neuron& n) {
  return {{"neuron", n.neuron.empty() ? "all" : n.neuron},
          {"mean_a", n.mean_a},
          {"mean_b", n.mean_b},
          {"difference", n.test.difference},
          {"p", n.test.p},
          {"p_holm", n.p_holm},
          {"exact", n.test.exact},
          {"permutations", n.test.permutations}};
}

std::string csv_of(const comparison_result& r) {
  std::string text = "neuron,mean_a,mean_b,difference,p,p_holm,exact\n";
  const auto line = [&](const compared_neuron& n) {
    text += fmt::format("{},{},{},{},{},{},{}\n",
                        n.neuron.empty() ? "all" : csv_quoted_if_needed(n.neuron), shown(n.mean_a),
                        shown(n.mean_b), shown(n.test.difference), shown(n.test.p), shown(n.p_holm),
                        n.test.exact ? 1 : 0);
  };
  line(r.population);
  for (const compared_neuron& n : r.neurons) line(n);
  return text;
}

std::string text_of(const compare_options& o, comparison_result r) {
  std::string text =
      fmt::format("{} of layer {}: {} ({} trials) against {} ({} trials), {}\n",
                  o.trials.what == "x" ? "X" : "Y", o.trials.layer, r.a, r.trials_a, r.b,
                  r.trials_b, r.paired ? "trials of the same number paired" : "trials not paired");
  const auto line = [](const compared_neuron& n) {
    return fmt::format("{:<16}{:>12.6g}{:>12.6g}{:>12.6g}{:>12.4g}{:>12.4g}\n",
                       n.neuron.empty() ? "all" : n.neuron, n.mean_a, n.mean_b, n.test.difference,
                       n.test.p, n.p_holm);
  };
  text += fmt::format("{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "neuron", r.a.substr(0, 11),
                      r.b.substr(0, 11), "difference", "p", "p (Holm)");
  text += line(r.population);
  std::ranges::stable_sort(r.neurons, {}, [](const compared_neuron& n) {
    return std::pair(n.test.p, -std::abs(n.test.difference));
  });
  for (std::size_t k = 0; k < std::min<std::size_t>(o.top, r.neurons.size()); ++k)
    text += line(r.neurons[k]);
  if (r.neurons.size() > o.top) text += fmt::format("... {} more\n", r.neurons.size() - o.top);
  const permutation_test_result& test = r.population.test;
  text += fmt::format(
      "p: two-sided, of {} permutations of the labels {}; the smallest that these trials allow is "
      "{:.4g}\n",
      test.exact ? "all" : "random", r.paired ? "within pairs" : "over trials",
      1.0 / static_cast<double>(test.permutations) * (r.paired && test.exact ? 2 : 1));
  return text;
}

int compare(compare_options o) {
  const std::size_t comma = o.conditions.find(',');
  if (comma == o.conditions.npos || o.conditions.find(',', comma + 1) != o.conditions.npos)
    throw input_error("--conditions", "'" + o.conditions + "'", "two of them: pulse,control");
  o.trials.conditions = {o.conditions.substr(0, comma), o.conditions.substr(comma + 1)};
  if (o.from && !o.to) throw usage_error("--from", "needs --to");
  if (o.to && o.from.value_or(0) > *o.to) throw usage_error("--from", "is behind --to");
  if (!o.output.empty()) const atomic_file refused_before_the_work(o.output, o.force);
  const trial_data data = read_trials(o.trials);
  const comparison_result r = compared(o, data);
  if (!o.output.empty()) write_text(o.output, csv_of(r));
  if (!o.json) {
    print(text_of(o, r));
    return 0;
  }
  nlohmann::ordered_json all{{"variable", o.trials.what},
                             {"layer", o.trials.layer},
                             {"a", r.a},
                             {"b", r.b},
                             {"trials_a", r.trials_a},
                             {"trials_b", r.trials_b},
                             {"paired", r.paired},
                             {"population", json_of(r.population)},
                             {"neurons", nlohmann::json::array()}};
  for (const compared_neuron& n : r.neurons) all["neurons"].push_back(json_of(n));
  print(json_text(all, 1) + "\n");
  return 0;
}

class compare_app final : public command {
 public:
  explicit compare_app(command_line& program)
      : command(
            program, "compare",
            "Test whether neurons differ between two conditions, by permutations over trials.") {
    command_line& c = arguments_;
    compare_options& o = options_;
    o.trials.add_to(c);
    c.add("--conditions", o.conditions, "the two: pulse,control").required().type_name("A,B");
    add_number<std::uint64_t>(c, "--from", o.from, any_count,
                              "tokens after each event from which on a trial's mean is taken [0]");
    add_number<std::uint64_t>(c, "--to", o.to, any_count, "and to which [whole trials]");
    c.add_flag("--unpaired", o.unpaired,
               "trials of the same number, which have the same noise, do not belong together");
    add_number<std::uint64_t>(c, "--permutations", o.permutations, {100, 10'000'000, "100 to 1e7"},
                              "where there are too many to try all [10000]");
    add_number<std::uint64_t>(c, "--seed", o.seed, any_count, "of random permutations [0]");
    add_number<std::uint64_t>(c, "--top", o.top, any_count, "neurons to list [10]");
    c.add("-o,--output", o.output, "every neuron, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite FILE");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override { return compare(options_); }

 private:
  compare_options options_;
};

}  // namespace

std::unique_ptr<command> compare_command(command_line& program) {
  return std::make_unique<compare_app>(program);
}

}  // namespace bdh::app
