// bdh spike-stats: trains of spikes that runs recorded, in the numbers that neuroscientists give.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "apps/analysis/structure_numbers.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/analysis/spike_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/recording/run_reader.hpp"
#include "io/recording/spike_trains.hpp"

namespace bdh::app {
namespace {

struct spike_stats_options {
  std::string run;
  std::vector<std::string> trials;
  std::string csv, histogram;
  double least = 0;
  bool json = false;
};

struct neuron_statistics {
  std::uint32_t neuron = 0;
  std::uint64_t spikes = 0;
  double rate_hz = 0;
  interval_statistics intervals = {};         // ms
  std::optional<double> fano = std::nullopt;  // over tokens
};

struct trains_of_run {
  std::string folder;
  std::vector<token_id> tokens;
  std::string model;
  spike_trains trains;
};

trains_of_run read_run(const std::string& folder) {
  const run_reader run(folder);
  return {folder, run.tokens, run.model_sha256, read_spike_trains(run)};
}

std::vector<neuron_statistics> trains_by_neuron(const spike_trains& t) {
  std::map<std::uint32_t, std::vector<double>> times;
  std::map<std::uint32_t, std::vector<double>> counts;  // by token
  for (const std::uint32_t i : t.neurons) counts[i].resize(t.tokens);
  for (const recorded_spike& s : t.spikes) {
    times[s.node].push_back(static_cast<double>(s.bin + 1) * t.bin_ms);
    const std::uint64_t token = s.bin / t.token_bins - t.first_token;
    if (token < t.tokens) counts[s.node][token] += 1;
  }
  const double seconds = static_cast<double>(t.tokens * t.token_bins) * t.bin_ms / 1000;
  std::vector<neuron_statistics> all;
  for (const std::uint32_t i : t.neurons) {
    neuron_statistics n{.neuron = i, .spikes = times[i].size()};
    n.rate_hz = seconds > 0 ? static_cast<double>(n.spikes) / seconds : 0;
    n.intervals = intervals_of(times[i]);
    n.fano = fano_factor(counts[i]);
    all.push_back(n);
  }
  return all;
}

// Counts in one of the windows, of every token.
std::vector<std::vector<double>> window_counts(const spike_trains& t, const recorded_window& w) {
  std::map<std::uint32_t, std::size_t> place;
  for (const std::uint32_t i : t.neurons) place.emplace(i, place.size());
  std::vector<std::vector<double>> all(t.neurons.size(), std::vector<double>(t.tokens));
  for (const recorded_spike& s : t.spikes) {
    const std::uint64_t token = s.bin / t.token_bins - t.first_token, bin = s.bin % t.token_bins;
    if (w.variable == spike_variables[s.variable] && bin >= w.first_bin &&
        bin < w.first_bin + w.bins && token < t.tokens)
      all[place[s.node]][token] += 1;
  }
  return all;
}

void expect_trials(const std::vector<trains_of_run>& runs) {
  for (const trains_of_run& r : runs) {
    const trains_of_run& first = runs.front();
    if (r.model != first.model || r.tokens != first.tokens ||
        r.trains.neurons != first.trains.neurons || r.trains.token_bins != first.trains.token_bins)
      throw input_error(r.folder, "a run of another model, text, window or list of neurons",
                        "trials of " + first.folder + ", which differ in their seeds");
    if (&r != &first && r.trains.seed == first.trains.seed)
      throw input_error(r.folder, fmt::format("seed {} again", r.trains.seed), "another seed");
  }
}

nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

// Of every window of X and Y.
nlohmann::ordered_json trials_of(const std::vector<trains_of_run>& runs, double least) {
  expect_trials(runs);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const recorded_window& w : runs.front().trains.windows) {
    if (w.variable != "x" && w.variable != "y") continue;
    trial_counts counts;
    for (const trains_of_run& r : runs) counts.push_back(window_counts(r.trains, w));
    const trial_statistics s = over_trials(counts, least);
    all.push_back({{"variable", w.variable},
                   {"layer", w.layer},
                   {"fano", number_or_null(s.fano)},
                   {"noise_correlation", number_or_null(s.noise_correlation)},
                   {"noise_pairs", s.noise_pairs},
                   {"signal_correlation", number_or_null(s.signal_correlation)},
                   {"signal_pairs", s.signal_pairs}});
  }
  return all;
}

template <class Of>
std::optional<double> median_of_neurons(const std::vector<neuron_statistics>& all, Of of) {
  std::vector<double> values;
  for (const neuron_statistics& n : all)
    if (const std::optional<double> v = of(n)) values.push_back(*v);
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

nlohmann::ordered_json trains_summary(const spike_trains& t,
                                      const std::vector<neuron_statistics>& all,
                                      const nlohmann::ordered_json& trials, std::size_t runs) {
  const auto silent = std::count_if(all.begin(), all.end(),
                                    [](const neuron_statistics& n) { return n.spikes == 0; });
  double rate = 0;
  for (const neuron_statistics& n : all) rate += n.rate_hz / static_cast<double>(all.size());
  using stats = const neuron_statistics&;
  nlohmann::ordered_json s{
      {"neurons", all.size()},
      {"tokens", t.tokens},
      {"seconds", static_cast<double>(t.tokens * t.token_bins) * t.bin_ms / 1000},
      {"spikes", t.spikes.size()},
      {"silent_neurons", silent},
      {"rate_hz",
       {{"mean", rate},
        {"median", number_or_null(
                       median_of_neurons(all, [](stats n) { return std::optional(n.rate_hz); }))}}},
      {"isi_cv_median",
       number_or_null(median_of_neurons(all, [](stats n) { return n.intervals.cv; }))},
      {"isi_cv2_median",
       number_or_null(median_of_neurons(all, [](stats n) { return n.intervals.cv2; }))},
      {"fano_over_tokens_median",
       number_or_null(median_of_neurons(all, [](stats n) { return n.fano; }))}};
  if (runs < 2) return s;
  s["trials"] = runs;
  s["over_trials"] = trials;
  return s;
}

std::string shown_or_none(const nlohmann::ordered_json& value) {
  return value.is_null() ? "none" : fmt::format("{:.4g}", value.get<double>());
}

std::string trains_text(const nlohmann::ordered_json& s) {
  std::string text = fmt::format(
      "{} neurons, {} tokens, {:.4g} s: {} spikes; {} neurons have none\n"
      "rate: mean {} Hz, median {} Hz\n"
      "intervals, medians: CV {}, CV2 {}\n"
      "Fano factor of counts over tokens, median: {}\n",
      s["neurons"].get<std::uint64_t>(), s["tokens"].get<std::uint64_t>(),
      s["seconds"].get<double>(), s["spikes"].get<std::uint64_t>(),
      s["silent_neurons"].get<std::uint64_t>(), shown_or_none(s["rate_hz"]["mean"]),
      shown_or_none(s["rate_hz"]["median"]), shown_or_none(s["isi_cv_median"]),
      shown_or_none(s["isi_cv2_median"]), shown_or_none(s["fano_over_tokens_median"]));
  if (!s.contains("trials")) return text;
  text += fmt::format("over {} trials:\n{:>8} {:>6}  {:>10}  {:>11}  {:>12}\n",
                      s["trials"].get<std::uint64_t>(), "variable", "layer", "Fano", "noise corr.",
                      "signal corr.");
  for (const auto& w : s["over_trials"])
    text +=
        fmt::format("{:>8} {:>6}  {:>10}  {:>11}  {:>12}\n", w["variable"].get<std::string>(),
                    w["layer"].get<std::uint64_t>(), shown_or_none(w["fano"]),
                    shown_or_none(w["noise_correlation"]), shown_or_none(w["signal_correlation"]));
  return text;
}

std::string trains_csv(const std::vector<neuron_statistics>& all) {
  std::string text = "neuron,spikes,rate_hz,isi_mean_ms,isi_cv,isi_cv2,fano_over_tokens\n";
  const auto field = [](const std::optional<double>& v) {
    return v ? fmt::format("{:.6g}", *v) : std::string();
  };
  for (const neuron_statistics& n : all)
    text += fmt::format("{},{},{:.6g},{},{},{},{}\n", n.neuron, n.spikes, n.rate_hz,
                        field(n.intervals.mean), field(n.intervals.cv), field(n.intervals.cv2),
                        field(n.fano));
  return text;
}

// Spikes of all recorded neurons in each bin of a token, in the mean over tokens.
std::string histogram_of(const spike_trains& t) {
  std::vector<double> counts(t.token_bins);
  for (const recorded_spike& s : t.spikes) counts[s.bin % t.token_bins] += 1;
  std::string text = "ms,spikes\n";
  for (std::size_t b = 0; b < counts.size(); ++b)
    text += fmt::format("{:.6g},{:.6g}\n", static_cast<double>(b + 1) * t.bin_ms,
                        t.tokens == 0 ? 0 : counts[b] / static_cast<double>(t.tokens));
  return text;
}

int spike_stats(const spike_stats_options& o) {
  if (o.least != 0 && o.trials.empty()) throw usage_error("--least", "needs --trial RUNDIR");
  std::vector<trains_of_run> runs;
  runs.push_back(read_run(o.run));
  for (const std::string& folder : o.trials) runs.push_back(read_run(folder));
  const spike_trains& first = runs.front().trains;
  const std::vector<neuron_statistics> all = trains_by_neuron(first);
  nlohmann::ordered_json trials;
  if (runs.size() > 1) trials = trials_of(runs, o.least);
  const nlohmann::ordered_json summary = trains_summary(first, all, trials, runs.size());
  if (!o.csv.empty()) write_text(o.csv, trains_csv(all));
  if (!o.histogram.empty()) write_text(o.histogram, histogram_of(first));
  print(o.json ? json_text(summary, 1) + "\n" : trains_text(summary));
  return 0;
}

class spike_stats_app final : public command {
 public:
  explicit spike_stats_app(command_line& program)
      : command(program, "spike-stats",
                "Rates, intervals and variation of the trains of spikes that runs recorded.") {
    command_line& c = arguments_;
    c.add("RUNDIR", options_.run, "the folder of a run with --record spikes:NEURONS")
        .required()
        .type_name("");
    c.add("--trial", options_.trials,
          "a run of the same model, text and neurons with another seed: Fano factors and "
          "correlations over trials; repeatable")
        .type_name("RUNDIR");
    add_number<double>(c, "--least", options_.least, {0, 1024, "a number from 0 to 1024"},
                       "noise correlations of neurons with so many spikes in the window, in the "
                       "mean over trials [0]")
        .type_name("N");
    c.add("--csv", options_.csv, "also write a line for each neuron of the first run")
        .type_name("FILE");
    c.add("--histogram", options_.histogram,
          "also write the spikes of all its neurons in each bin of a token, the mean over tokens")
        .type_name("FILE");
    c.add_flag("--json", options_.json, "one JSON object on standard output");
  }
  int run() override { return spike_stats(options_); }

 private:
  spike_stats_options options_;
};

}  // namespace

std::unique_ptr<command> spike_stats_command(command_line& program) {
  return std::make_unique<spike_stats_app>(program);
}

}  // namespace bdh::app
