// bdh psth: what neurons do around events, averaged over the trials of each condition.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>
#include <bdh/round_table.hpp>
#include <bdh/selection.hpp>

#include "apps/analysis/trial_courses.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/analysis/event_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

struct psth_options {
  trial_choice trials;
  event_window window;
  std::string output;
  bool each = false, json = false, force = false;
};

struct peri_event_result {
  std::string condition, neuron;  // neuron: empty: the mean over all that were chosen
  std::size_t trials = 0;
  peri_event_average average;
  std::optional<std::uint64_t> latency;  // tokens
};

// Rounds from the moment at which the event's token is presented to the end of that round in which
// the variable responds.
std::uint64_t latency_in_rounds(const psth_options& o, const trial_data& data,
                                std::uint64_t tokens) {
  const std::uint64_t rounds = 4 * std::uint64_t{data.subject.layers()};
  return tokens * rounds + 4 * (o.trials.layer - 1) + (o.trials.what == "x" ? 1 : 4);
}

peri_event_result around_events(const psth_options& o, const trial_courses& c,
                                std::span<const std::vector<double>> courses, std::string neuron) {
  peri_event_result r{c.condition, std::move(neuron), c.numbers.size(), {}, {}};
  r.average = average_around(courses, c.events, o.window);
  r.latency = response_latency(r.average.at, o.window.before);
  return r;
}

std::vector<peri_event_result> all_results(const psth_options& o, const trial_data& data) {
  if (data.onsets.empty())
    throw input_error(o.trials.folder, "no event: no intervention begins within the runs",
                      "one or more", "--at 100,200 or --every K says where they are");
  std::vector<peri_event_result> all;
  for (const trial_courses& c : data.conditions) {
    all.push_back(around_events(o, c, c.population(), ""));
    for (std::size_t k = 0; o.each && k < data.neurons.size(); ++k)
      all.push_back(around_events(o, c, c.values[k], shown_neuron(data.subject, data.neurons[k])));
  }
  return all;
}

std::int64_t distance(const psth_options& o, std::size_t index) {
  return static_cast<std::int64_t>(index) - static_cast<std::int64_t>(o.window.before);
}

std::string csv_number(double v) { return std::isfinite(v) ? shown(v) : ""; }

std::string csv_of(const psth_options& o, const std::vector<peri_event_result>& all) {
  std::string text = "condition,neuron,distance,mean,low,high,trials,events\n";
  for (const peri_event_result& r : all)
    for (std::size_t d = 0; d < r.average.at.size(); ++d) {
      const confidence_band& b = r.average.at[d];
      text += fmt::format("{},{},{},{},{},{},{},{}\n", csv_quoted_if_needed(r.condition),
                          r.neuron.empty() ? "all" : csv_quoted_if_needed(r.neuron), distance(o, d),
                          csv_number(b.mean), csv_number(b.low), csv_number(b.high),
                          r.average.of_trial.size(), r.average.events);
    }
  return text;
}

json json_of(const psth_options& o, const trial_data& data,
             const std::vector<peri_event_result>& all) {
  json j{{"variable", o.trials.what}, {"layer", o.trials.layer},   {"neurons", data.neurons},
         {"events", data.onsets},     {"before", o.window.before}, {"after", o.window.after},
         {"confidence", 0.95},        {"averages", json::array()}};
  const auto number = [](double v) { return std::isfinite(v) ? json(v) : json(); };
  for (const peri_event_result& r : all) {
    json one{{"condition", r.condition},
             {"neuron", r.neuron.empty() ? "all" : r.neuron},
             {"trials", r.average.of_trial.size()},
             {"events", r.average.events},
             {"events_cut", r.average.cut}};
    for (const confidence_band& b : r.average.at) {
      one["mean"].push_back(number(b.mean));
      one["low"].push_back(number(b.low));
      one["high"].push_back(number(b.high));
    }
    one["latency_tokens"] = r.latency ? json(*r.latency) : json();
    one["latency_rounds"] = r.latency ? json(latency_in_rounds(o, data, *r.latency)) : json();
    j["averages"].push_back(std::move(one));
  }
  return j;
}

std::string text_of(const psth_options& o, const trial_data& data,
                    const std::vector<peri_event_result>& all) {
  std::string text = fmt::format(
      "{} of layer {}, {} neurons, around {} events; mean and 95 % confidence interval over "
      "trials\n",
      o.trials.what == "x" ? "X" : "Y", o.trials.layer, data.neurons.size(), data.onsets.size());
  for (const peri_event_result& r : all) {
    text += fmt::format(
        "\n{}{}: {} trials, {} events{}\n", r.condition.empty() ? "all" : r.condition,
        r.neuron.empty() ? "" : ", neuron " + r.neuron, r.average.of_trial.size(), r.average.events,
        r.average.cut == 0 ? ""
                           : fmt::format(" ({} left out: the run has no whole "
                                         "window around them)",
                                         r.average.cut));
    for (std::size_t d = 0; d < r.average.at.size(); ++d) {
      const confidence_band& b = r.average.at[d];
      text += fmt::format("{:>6}  {:<12.6g}", distance(o, d), b.mean);
      text += std::isfinite(b.low) ? fmt::format("  {:.6g} to {:.6g}\n", b.low, b.high) : "\n";
    }
    text += r.latency ? fmt::format(
                            "responds after {} tokens ({} rounds): 3 standard deviations "
                            "from the mean before the event\n",
                            *r.latency, latency_in_rounds(o, data, *r.latency))
                      : "no response: the mean stays within 3 standard deviations of that before "
                        "the event\n";
  }
  return text;
}

int psth(const psth_options& o) {
  if (!o.output.empty()) const atomic_file refused_before_the_work(o.output, o.force);
  const trial_data data = read_trials(o.trials);
  const auto all = all_results(o, data);
  if (!o.output.empty()) write_text(o.output, csv_of(o, all));
  print(o.json ? json_text(json_of(o, data, all), 1) + "\n" : text_of(o, data, all));
  return 0;
}

class psth_app final : public command {
 public:
  explicit psth_app(command_line& program)
      : command(program, "psth",
                "Show what neurons do around events, averaged over the trials of each condition.") {
    command_line& c = arguments_;
    psth_options& o = options_;
    o.trials.add_to(c);
    add_number<std::uint64_t>(c, "--before", o.window.before, {0, 1 << 20, "0 to 1048576"},
                              "tokens before an event [10]");
    add_number<std::uint64_t>(c, "--after", o.window.after, {0, 1 << 20, "0 to 1048576"},
                              "tokens after it [30]");
    c.add_flag("--each", o.each, "every neuron, beside the mean over all that were chosen");
    c.add("-o,--output", o.output, "the averages, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite FILE");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override { return psth(options_); }

 private:
  psth_options options_;
};

}  // namespace

std::unique_ptr<command> psth_command(command_line& program) {
  return std::make_unique<psth_app>(program);
}

}  // namespace bdh::app
