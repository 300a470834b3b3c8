// bdh psth: what neurons do around events, averaged over the trials of each condition.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>
#include <bdh/round_table.hpp>
#include <bdh/selection.hpp>

#include "apps/analysis/peri_events.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/analysis/event_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

struct psth_options : peri_event_choice {
  std::string output;
  bool json = false, force = false;
};

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
      text += fmt::format("{:>6}  {:<12.6g}", distance_of(o, d), b.mean);
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
  const auto all = peri_events(o, data);
  if (!o.output.empty()) write_text(o.output, peri_events_csv(o, data, all));
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
    o.add_to(c);
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
