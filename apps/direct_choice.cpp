#include "apps/direct_choice.hpp"

#include <fmt/format.h>

#include <vector>

#include "apps/console.hpp"
#include "apps/options.hpp"
#include "apps/token_source.hpp"
#include "core/base/error.hpp"
#include "kernels/calibrate.hpp"

namespace bdh::app {
namespace {

constexpr range<double> share_range{std::numeric_limits<double>::min(), 1.0, "0 < share <= 1"};

std::vector<std::vector<token_id>> windows_of(const direct_choice& o, const model& m) {
  token_choice text;
  text.text_file = o.text_file;
  const auto source = text.open(m);
  std::vector<std::vector<token_id>> windows;
  while (windows.size() < o.windows) {
    std::vector<token_id> window;
    while (window.size() < o.window) {
      const auto token = source->next();
      if (!token) break;
      window.push_back(*token);
    }
    if (window.size() < o.window && !(windows.empty() && window.size() > 1)) break;  // what is left over is no window
    windows.push_back(std::move(window));
  }
  if (windows.empty()) throw input_error(*o.text_file, "no window of text", "at least 2 tokens");
  return windows;
}

calibration calibrated(const direct_choice& o, const model& m, bool pairs) {
  const auto windows = windows_of(o, m);
  progress_line progress(true, windows.size() * windows[0].size());
  calibrate_options how;
  how.pairs = pairs;
  how.threads = o.threads;
  how.after_window = [&](std::size_t done) { progress.at(done * windows[0].size()); };
  return calibrate(m, windows, how);
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

std::string circuit_line(const char* name, const projection& excitatory, const projection& inhibitory, double pairs) {
  const auto kept = static_cast<double>(excitatory.edges() + inhibitory.edges());
  return fmt::format("{}: {} edges ({} of all pairs), {} excitatory, {} inhibitory, {}\n", name, shown_count(kept), percent(kept / pairs),
                     shown_count(static_cast<double>(excitatory.edges())), shown_count(static_cast<double>(inhibitory.edges())),
                     shown_bytes(excitatory.bytes() + inhibitory.bytes()));
}

}  // namespace

void direct_choice::add_to(CLI::App& c) {
  const auto one_of = [](std::vector<std::string> words) {
    return CLI::Validator(
        [words](const std::string& text) {
          for (const std::string& word : words)
            if (text == word) return std::string();
          return fmt::format("'{}', expected {}", text, fmt::join(words, ", "));
        },
        "");
  };
  c.add_option("--circuit", circuit, "hubs, as the checkpoint has it, or direct: explicit neuron -> neuron edges [hubs]")
      ->type_name("HOW")
      ->check(one_of({"hubs", "direct"}));
  add_number<double>(c, "--keep-gx", keep_gx, share_range, "direct: share of the edges W -> X to keep [1]")->type_name("SHARE");
  add_number<double>(c, "--keep-gy", keep_gy, share_range, "direct: share of the edges A -> Y to keep [1]")->type_name("SHARE");
  add_number<double>(c, "--keep-gs", keep_gs, share_range, "direct: share of the synapses to keep [1]")->type_name("SHARE");
  c.add_option("--calibrate", text_file, "direct: the text whose activity tells which edges matter")->type_name("FILE");
  add_number<std::uint64_t>(c, "--calibration-window", window, {2, 1 << 20, "2 to 1048576"},
                            "tokens; synapses start from zero in each [96]");
  add_number<std::uint64_t>(c, "--calibration-windows", windows, {1, 1 << 30, "1 to 1073741824"}, "windows to read, from the start [64]");
  c.add_option("--rank", rank, "direct: edges by activity, or by magnitude of their weight alone [activity]")
      ->type_name("HOW")
      ->check(one_of({"activity", "magnitude"}));
  add_number<std::uint64_t>(c, "--threads", threads, {1, 1024, "1 to 1024"}, "direct: threads to calibrate with [1]");
}

void direct_choice::check() const {
  if (!wanted()) {
    if (keep_gx || keep_gy || keep_gs || text_file)
      throw CLI::ValidationError("--keep-gx, --keep-gy, --keep-gs, --calibrate", "only with --circuit direct");
    return;
  }
  const bool by_text = keep_gs.value_or(1) < 1 || (rank == "activity" && (keep_gx.value_or(1) < 1 || keep_gy.value_or(1) < 1));
  if (by_text && !text_file) throw CLI::ValidationError("--calibrate", "missing, expected a text to rank edges by what is active in it");
}

direct_form direct_choice::make(const model& hubs) const {
  direct_options how{keep_gx.value_or(1), keep_gy.value_or(1), keep_gs.value_or(1),
                     rank == "activity" ? ranking::activity : ranking::magnitude};
  std::optional<calibration> seen;
  if (text_file) seen = calibrated(*this, hubs, how.keep_gs < 1);
  return as_direct(hubs, how, seen ? &*seen : nullptr);
}

std::string direct_summary(const direct_form& form) {
  const direct_circuits& c = form.graph.direct();
  const double pairs = static_cast<double>(form.graph.neurons()) * form.graph.sources();
  const auto kept = static_cast<double>(form.synapses_kept);
  return circuit_line("Gx", c.gx_excitatory, c.gx_inhibitory, pairs) + circuit_line("Gy", c.gy_excitatory, c.gy_inhibitory, pairs) +
         fmt::format("Gs: {} synapses ({} of all pairs), {} partners added at rate 0, {}, and {} of strengths while running\n",
                     shown_count(kept), percent(kept / pairs), shown_count(static_cast<double>(form.partners_added)),
                     shown_bytes(c.gs.bytes()), shown_bytes(form.graph.synapse_bytes()));
}

}  // namespace bdh::app
