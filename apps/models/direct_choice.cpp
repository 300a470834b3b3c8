#include "apps/models/direct_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "core/analysis/calibration.hpp"
#include "core/model/direct_form.hpp"

namespace bdh::app {
namespace {

using token_windows = std::vector<std::vector<token_id>>;

constexpr range<double> share_range{std::numeric_limits<double>::min(), 1.0, "0 < share <= 1"};
constexpr std::uint64_t default_window = 96, default_calibration = 64, default_evaluation = 12,
                        most_threads = 1024;

std::uint64_t all_threads() {
  return std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, most_threads);
}

// At most `count` windows from the start of the file. A text that is shorter than one window is one
// all the same; what is left over after the last whole one is none.
token_windows windows_of(const std::string& file, const model& m, std::uint64_t length,
                         std::uint64_t count) {
  token_choice text;
  (m.tokens() == tokenizer::ids ? text.tokens_file : text.text_file) = file;
  const auto source = text.open(m);
  token_windows windows;
  while (windows.size() < count) {
    std::vector<token_id> window;
    while (window.size() < length) {
      const auto token = source->next();
      if (!token) break;
      window.push_back(*token);
    }
    stop_if_requested();
    const bool whole = window.size() == length;
    if (whole || (windows.empty() && window.size() >= 2)) windows.push_back(std::move(window));
    if (!whole) break;
  }
  if (windows.empty()) throw input_error(file, "fewer than 2 tokens", "a text");
  return windows;
}

std::uint64_t tokens_in(const token_windows& windows) { return windows.size() * windows[0].size(); }

std::string shown_windows(const token_windows& windows, const std::string& file) {
  return fmt::format("{} window{} of {} tokens of {}", windows.size(),
                     windows.size() == 1 ? "" : "s", windows[0].size(), one_line(file));
}

calibration calibrated(const model& m, const token_windows& windows, bool pairs,
                       std::uint64_t threads) {
  progress_meter progress(true, tokens_in(windows));
  calibrate_options how;
  how.pairs = pairs;
  how.threads = threads;
  how.after_window = [&](std::size_t done) {
    stop_if_requested();
    progress.at(done * windows[0].size());
  };
  return calibrate(
      m, [](const model& to_run) { return cpu_engine(to_run); }, windows, how);
}

// Nats per token, as bdh evaluate --window gives them.
double mean_loss(const model& m, const token_windows& windows, std::uint64_t threads) {
  engine_choice engine;
  engine.threads = threads;
  simulator brain = engine.make(m);
  progress_meter progress(true, tokens_in(windows));
  double nats = 0;
  std::uint64_t done = 0, predictions = 0;
  for (const auto& window : windows) {
    brain.clear_synapses();
    for (std::size_t t = 0; t < window.size(); ++t) {
      stop_if_requested();
      if (const auto surprisal = brain.step(window[t]).surprisal) nats += *surprisal, ++predictions;
      progress.at(++done);
    }
  }
  return nats / static_cast<double>(predictions);
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

std::string circuit_line(const char* name, const projection& excitatory,
                         const projection& inhibitory, double pairs) {
  const auto kept = static_cast<double>(excitatory.edges() + inhibitory.edges());
  return fmt::format("{}: {} edges ({} of all pairs), {} excitatory, {} inhibitory, {}\n", name,
                     shown_count(kept), percent(kept / pairs),
                     shown_count(static_cast<double>(excitatory.edges())),
                     shown_count(static_cast<double>(inhibitory.edges())),
                     shown_bytes(excitatory.bytes() + inhibitory.bytes()));
}

std::string edges_of(const direct_form& form) {
  const direct_circuits& c = form.graph.direct();
  const double pairs = static_cast<double>(form.graph.neurons()) * form.graph.sources();
  const auto kept = static_cast<double>(form.synapses_kept);
  return circuit_line("Gx", c.gx_excitatory, c.gx_inhibitory, pairs) +
         circuit_line("Gy", c.gy_excitatory, c.gy_inhibitory, pairs) +
         fmt::format(
             "Gs: {} synapses ({} of all pairs), {} partners added at rate 0, {}, and {} of "
             "strengths while running\n",
             shown_count(kept), percent(kept / pairs),
             shown_count(static_cast<double>(form.partners_added)), shown_bytes(c.gs.bytes()),
             shown_bytes(form.graph.synapse_bytes()));
}

std::string losses_of(const model& hubs, const model& direct, const token_windows& held_out,
                      const std::string& file, std::uint64_t threads) {
  const double before = mean_loss(hubs, held_out, threads),
               after = mean_loss(direct, held_out, threads);
  return fmt::format("cross-entropy: {:.4f} nats per token before, {:.4f} after ({:+.4f}), {}\n",
                     before, after, after - before, shown_windows(held_out, file));
}

}  // namespace

void direct_choice::add_to(command_line& c) {
  c.add("--circuit", circuit,
        "hubs, as the checkpoint has it, or direct: explicit neuron -> neuron edges [hubs]")
      .type_name("HOW")
      .expects({"hubs", "direct"});
  add_number<double>(c, "--keep-gx", keep_gx, share_range,
                     "direct: share of the edges W -> X to keep [1]")
      .type_name("SHARE");
  add_number<double>(c, "--keep-gy", keep_gy, share_range,
                     "direct: share of the edges A -> Y to keep [1]")
      .type_name("SHARE");
  add_number<double>(c, "--keep-gs", keep_gs, share_range,
                     "direct: share of the synapses to keep [1]")
      .type_name("SHARE");
  c.add("--rank", rank,
        "direct: edges by activity, or by magnitude of their weight alone [activity]")
      .type_name("HOW")
      .expects({"activity", "magnitude"});
  c.add("--calibrate", calibrate, "direct: the text whose activity decides which edges matter")
      .type_name("FILE");
  c.add("--evaluate", evaluate, "direct: a held-out text: print the cross-entropy before and after")
      .type_name("FILE");
  add_number<std::uint64_t>(c, "--window", window, {2, 1 << 20, "2 to 1048576"},
                            "tokens; synapses start from zero in each [96]");
  add_number<std::uint64_t>(c, "--calibration-windows", calibration_windows,
                            {1, 1 << 30, "1 to 1073741824"},
                            "windows to calibrate on, from the start [64]");
  add_number<std::uint64_t>(c, "--evaluation-windows", evaluation_windows,
                            {1, 1 << 30, "1 to 1073741824"},
                            "windows to evaluate, from the start [12]");
  add_number<std::uint64_t>(
      c, "--threads", threads, {1, most_threads, "1 to 1024"},
      fmt::format("direct: threads that compute [{}, as many as the machine has]", all_threads()));
}

void direct_choice::check() const {
  using given = std::pair<const char*, bool>;
  const auto refuse = [](std::initializer_list<given> options, const char* why) {
    for (const auto& [name, is_given] : options)
      if (is_given) throw usage_error(name, why);
  };
  const given of_calibration{"--calibration-windows", calibration_windows.has_value()},
      of_evaluation{"--evaluation-windows", evaluation_windows.has_value()},
      of_both{"--window", window.has_value()};
  if (!wanted()) {
    refuse({{"--keep-gx", keep_gx.has_value()},
            {"--keep-gy", keep_gy.has_value()},
            {"--keep-gs", keep_gs.has_value()},
            {"--rank", rank.has_value()},
            {"--calibrate", calibrate.has_value()},
            {"--evaluate", evaluate.has_value()},
            of_both,
            of_calibration,
            of_evaluation,
            {"--threads", threads.has_value()}},
           "only with --circuit direct");
    return;
  }
  const bool circuits = keep_gx.value_or(1) < 1 || keep_gy.value_or(1) < 1,
             synapses = keep_gs.value_or(1) < 1;
  const bool by_activity = circuits && rank.value_or("activity") == "activity";
  if (!circuits)
    refuse({{"--rank", rank.has_value()}},
           "ranks edges of circuits, expected --keep-gx or --keep-gy below 1");
  if (calibrate && !synapses && !by_activity)
    throw usage_error("--calibrate",
                      "nothing is ranked by a text, expected --keep-gx, --keep-gy or --keep-gs "
                      "below 1, by activity");
  if (!calibrate) {
    if (synapses)
      throw usage_error(
          "--keep-gs",
          "needs --calibrate FILE, a text: synapses are ranked by what is written into them");
    if (by_activity)
      throw usage_error(
          "--keep-gx and --keep-gy",
          "need --calibrate FILE, a text to rank edges by activity, or --rank magnitude");
    refuse({of_calibration}, "needs --calibrate FILE");
  }
  if (!evaluate) refuse({of_evaluation}, "needs --evaluate FILE");
  if (!calibrate && !evaluate) refuse({of_both}, "needs --calibrate FILE or --evaluate FILE");
}

direct_result direct_choice::make(const model& hubs) const {
  direct_options how{keep_gx.value_or(1), keep_gy.value_or(1), keep_gs.value_or(1),
                     rank == "magnitude" ? ranking::magnitude : ranking::activity,
                     stop_if_requested};
  // Both texts are read first: what is wrong with them should show before the work.
  const std::uint64_t length = window.value_or(default_window),
                      workers = threads.value_or(all_threads());
  token_windows seen_text, held_out;
  if (calibrate)
    seen_text =
        windows_of(*calibrate, hubs, length, calibration_windows.value_or(default_calibration));
  if (evaluate)
    held_out = windows_of(*evaluate, hubs, length, evaluation_windows.value_or(default_evaluation));
  std::optional<calibration> seen;
  if (calibrate) seen = calibrated(hubs, seen_text, how.keep_gs < 1, workers);
  direct_form form = as_direct(hubs, how, seen ? &*seen : nullptr);
  seen.reset();
  std::string summary = edges_of(form);
  if (calibrate) summary += "calibrated on " + shown_windows(seen_text, *calibrate) + "\n";
  if (evaluate) summary += losses_of(hubs, form.graph, held_out, *evaluate, workers);
  return {std::move(form.graph), std::move(summary)};
}

}  // namespace bdh::app
