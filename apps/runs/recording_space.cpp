#include "apps/runs/recording_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/machine/memory.hpp"
#include "apps/runs/session.hpp"
#include "io/recording/recording_plan.hpp"

namespace bdh::app {
namespace {

constexpr double most_recorded_bytes = 1e10, most_of_free_space = 0.9;
// What is read to measure activity: in a run of trained models it falls for some hundred tokens,
// as synapses fill.
constexpr std::uint64_t measured_tokens = 384;
constexpr std::chrono::seconds longest_measurement{3};

double free_bytes(std::filesystem::path folder) {
  std::error_code failed;
  for (folder = std::filesystem::absolute(folder, failed);
       !std::filesystem::exists(folder, failed) && folder.has_relative_path();)
    folder = folder.parent_path();
  const auto space = std::filesystem::space(folder, failed);
  return failed ? std::numeric_limits<double>::infinity() : static_cast<double>(space.available);
}

bool counts_active(const recording_description& d) {
  return d.layout == recording_layout::events && (d.what == quantity::x || d.what == quantity::y);
}

// Reports of the first tokens that the first stream will read, and generate.
std::vector<step_report> first_reports(const run_options& o, const expected_streams& runs,
                                       std::uint64_t tokens) {
  std::vector<step_report> reports;
  const std::unique_ptr<simulator> copy = runs.first.new_stream();
  copy->seed_draws(o.seed);
  if (runs.state) runs.state->restore_to(*copy);
  intervene(*copy, o, copy->tokens(), std::nullopt);
  const auto input = o.input.open(copy->model());
  std::uint64_t generated = 0;
  const auto next = [&] {
    const auto token = input->next();
    if (token || reports.empty() || generated++ >= o.generate) return token;
    return std::optional(copy->choose(sampling_of(o)));
  };
  const auto begin = std::chrono::steady_clock::now();
  while (reports.size() < std::min(tokens, measured_tokens) &&
         std::chrono::steady_clock::now() - begin < longest_measurement) {
    const auto token = next();
    if (!token) break;
    reports.push_back(copy->step(*token));
  }
  return reports;
}

// The mean over all tokens, of which those that were not read are as the later half of those that
// were.
expected_activity mean_activity(const std::vector<step_report>& reports, std::uint64_t tokens,
                                neuron_id neurons) {
  expected_activity mean;
  const std::size_t layers = reports.front().active_x.size(), half = reports.size() / 2;
  const double read = static_cast<double>(reports.size()), all = static_cast<double>(tokens);
  const auto of_layer = [&](std::size_t l, auto active) {
    double early = 0, late = 0;
    for (std::size_t k = 0; k < reports.size(); ++k)
      (k < half ? early : late) += (reports[k].*active)[l];
    return (early + late + (all - read) * late / (read - static_cast<double>(half))) / all;
  };
  for (std::size_t l = 0; l < layers; ++l) {
    mean.x.push_back(of_layer(l, &step_report::active_x));
    mean.y.push_back(of_layer(l, &step_report::active_y));
  }
  for (const step_report& r : reports)
    for (std::size_t k = 0; r.spikes && k < 3; ++k)  // of X, Y, W
      mean.spikes += static_cast<double>(r.spikes->spikes[k]) / (read * neurons);
  return mean;
}

// Of a stream of so many tokens; none where they cannot be read before the run, or fail.
std::optional<expected_activity> measured_activity(const run_options& o,
                                                   const expected_streams& runs,
                                                   std::uint64_t tokens) try {
  if (!o.input.standard_input.empty() || tokens == 0) return std::nullopt;
  const auto reports = first_reports(o, runs, tokens);
  if (reports.empty()) return std::nullopt;
  return mean_activity(reports, tokens, runs.first.model().neurons());
} catch (const error&) {
  return std::nullopt;  // the run itself says what is wrong
}

// Whether everything stays below the limits, even if all neurons were active at every token.
bool fits_in_any_case(const run_options& o, const std::vector<recording_description>& recordings,
                      double tokens, double streams, const model& m) {
  const std::vector<double> all(m.layers(), m.neurons());
  const predicted_bytes most = predict_bytes(recordings, tokens, expected_activity{all, all});
  const double bytes = streams * (most.recordings + most.journals);
  return bytes <= most_recorded_bytes && bytes <= most_of_free_space * free_bytes(o.folder);
}

// Of a look at all pairs, and of a token that is followed: n^2 pairs on one thread take so long
// (docs/performance.md).
constexpr double seconds_a_look = 0.8e-9, seconds_a_token = 0.05e-9;

// What recordings of pairs of neurons take beside the disk.
void expect_pairs(const run_options& o, const std::vector<recording_description>& recordings,
                  const expected_streams& runs) {
  const model& m = runs.first.model();
  const double streams = static_cast<double>(runs.streams);
  const double tokens = runs.tokens ? static_cast<double>(*runs.tokens) / streams : 1e3;
  const pair_costs each = predict_pair_costs(m, recordings, tokens);
  if (each.layers == 0) return;
  const double pairs = static_cast<double>(m.neurons()) * m.neurons(),
               followed = each.what == kept_pairs::strengths
                              ? tokens * static_cast<double>(each.layers)
                              : each.looks * tokens / 2,  // anew at each look
      seconds = pairs * streams / static_cast<double>(o.engine.threads) *
                (seconds_a_look * each.looks + seconds_a_token * followed);
  const double bytes = each.bytes * static_cast<double>(runs.at_a_time);
  const auto shown = [](double b) { return shown_bytes(static_cast<std::uint64_t>(b)); };
  if (!o.quiet)
    note(fmt::format("pairs of neurons: about {} of memory, and {} of time{}", shown(bytes),
                     shown_seconds(seconds), runs.tokens ? "" : " for 1,000 tokens"));
  if (const auto available = static_cast<double>(free_memory());
      !o.force && bytes > most_of_free_space * available)
    throw input_error("--record", "pairs of neurons that take about " + shown(bytes) + " of memory",
                      "at most 90 % of the " + shown(available) + " free",
                      "layers L after it records one layer; --force tries it all the same");
}

}  // namespace

void expect_space(const run_options& o, const std::vector<recording_description>& recordings,
                  const expected_streams& runs) {
  if (recordings.empty()) return;
  expect_pairs(o, recordings, runs);
  const double streams = static_cast<double>(runs.streams);
  const double tokens = static_cast<double>(runs.tokens.value_or(0)) / streams;
  const bool guessed = std::ranges::any_of(recordings, counts_active);
  std::optional<expected_activity> active;
  // With --quiet only the limits matter: where all neurons could be active, nothing is measured.
  if (guessed && runs.tokens && runs.streams != 0 &&
      !(o.quiet && fits_in_any_case(o, recordings, tokens, streams, runs.first.model())))
    active = measured_activity(o, runs, static_cast<std::uint64_t>(tokens));
  const auto bytes = [&](double count) { return predict_bytes(recordings, count, active); };
  const auto shown = [](double b) {
    return shown_bytes(static_cast<std::uint64_t>(std::clamp(b, 0.0, 1e19)));
  };
  const char* const plural = recordings.size() == 1 ? "" : "s";
  if (!runs.tokens) {
    constexpr double many = 1e6;
    const predicted_bytes all = bytes(many);
    if (!o.quiet)
      note(
          fmt::format("{} recording{}: about {} a token{}, and {} of journals until the run is "
                      "complete",
                      recordings.size(), plural, shown(all.recordings / many),
                      guessed ? ", if a quarter of X and a twentieth of Y are active" : "",
                      shown(all.journals / many)));
    return;
  }
  const predicted_bytes each = bytes(tokens);
  const double all = streams * (each.recordings + each.journals);
  if (!o.quiet)
    note(fmt::format("{} recording{}{}: about {}, and {} of journals until the run is complete",
                     recordings.size(), plural,
                     runs.streams == 1 ? "" : fmt::format(" of {} streams", runs.streams),
                     shown(streams * each.recordings), shown(streams * each.journals)));
  if (o.force) return;
  if (all > most_recorded_bytes)
    throw input_error("--record", "about " + shown(all), "at most " + shown(most_recorded_bytes),
                      "--force records it all the same");
  if (const double available = free_bytes(o.folder); all > most_of_free_space * available)
    throw input_error("--record", "about " + shown(all),
                      "at most 90 % of the " + shown(available) + " free in " + o.folder,
                      "--force records it all the same");
}

}  // namespace bdh::app
