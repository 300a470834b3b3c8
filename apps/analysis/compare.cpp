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

#include "apps/analysis/trial_comparison.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/analysis/event_statistics.hpp"
#include "core/analysis/rank_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

struct compare_options : comparison_choice {
  std::string output;
  std::uint64_t top = 10;
  bool json = false, force = false;
};

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
  o.check();
  if (!o.output.empty()) const atomic_file refused_before_the_work(o.output, o.force);
  const trial_data data = read_trials(o.trials);
  const comparison_result r = compare_conditions(o, data);
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
    o.add_to(c);
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
