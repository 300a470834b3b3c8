#include "apps/analysis/peri_events.hpp"

#include <fmt/format.h>

#include <cmath>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

peri_event_result around_events(const peri_event_choice& o, const trial_courses& c,
                                std::span<const std::vector<double>> courses, std::string neuron) {
  peri_event_result r{c.condition, std::move(neuron), c.numbers.size(), {}, {}};
  r.average = average_around(courses, c.events, o.window);
  r.latency = response_latency(r.average.at, o.window.before);
  return r;
}

std::string csv_number(double v) { return std::isfinite(v) ? shown(v) : ""; }

}  // namespace

void peri_event_choice::add_to(command_line& c) {
  c.add("RUNS", trials.folder, "the folder of bdh run --trials, or of a run")
      .required()
      .type_name("");
  add_options_to(c);
}

void peri_event_choice::add_options_to(command_line& c) {
  trials.add_options_to(c);
  add_number<std::uint64_t>(c, "--before", window.before, {0, 1 << 20, "0 to 1048576"},
                            "tokens before an event [10]");
  add_number<std::uint64_t>(c, "--after", window.after, {0, 1 << 20, "0 to 1048576"},
                            "tokens after it [30]");
}

std::vector<peri_event_result> peri_events(const peri_event_choice& o, const trial_data& data) {
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

std::int64_t distance_of(const peri_event_choice& o, std::size_t index) {
  return static_cast<std::int64_t>(index) - static_cast<std::int64_t>(o.window.before);
}

std::uint64_t latency_in_rounds(const peri_event_choice& o, const trial_data& data,
                                std::uint64_t tokens) {
  const std::uint64_t rounds = 4 * std::uint64_t{data.subject.layers()};
  return tokens * rounds + 4 * (o.trials.layer - 1) + (o.trials.what == "x" ? 1 : 4);
}

std::string peri_events_csv(const peri_event_choice& o, const trial_data& data,
                            const std::vector<peri_event_result>& all) {
  std::string text =
      "condition,neuron,distance,mean,low,high,trials,events,latency_tokens,latency_rounds\n";
  for (const peri_event_result& r : all)
    for (std::size_t d = 0; d < r.average.at.size(); ++d) {
      const confidence_band& b = r.average.at[d];
      text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", csv_quoted_if_needed(r.condition),
                          r.neuron.empty() ? "all" : csv_quoted_if_needed(r.neuron),
                          distance_of(o, d), csv_number(b.mean), csv_number(b.low),
                          csv_number(b.high), r.average.of_trial.size(), r.average.events,
                          r.latency ? std::to_string(*r.latency) : "",
                          r.latency ? std::to_string(latency_in_rounds(o, data, *r.latency)) : "");
    }
  return text;
}

}  // namespace bdh::app
