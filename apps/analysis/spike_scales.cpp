// bdh spike-scales: what a spike in every bin is to stand for, measured on a text.
#include "core/analysis/spike_scales.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "apps/common/token_text.hpp"
#include "core/simulation/spiking.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/files/sha256.hpp"
#include "io/recording/spike_scales_file.hpp"

namespace bdh::app {
namespace {

struct scale_options {
  std::string model, to;
  token_choice input;
  engine_choice engine;
  std::uint64_t window = 512;
  spike_percentiles percentiles;
  bool force = false, json = false;
};

// A text is known by its bytes; where tokens have none, by their numbers.
void add_text(sha256& to, const model& m, token_id token) {
  const std::string text =
      m.tokens() == tokenizer::ids ? std::to_string(token) + "\n" : token_text(m, token);
  to.update(std::as_bytes(std::span(text)));
}

spike_scales_file measured(const scale_options& o, const model& m) {
  const auto input = o.input.open(m);
  simulator brain = o.engine.make(m);
  const spike_scale_meter meter(brain);
  progress_meter progress(true, input->total());
  sha256 text;
  std::uint64_t tokens = 0;
  for (;; ++tokens) {
    const auto token = input->next();
    stop_if_requested();
    if (!token) break;
    if (tokens != 0 && tokens % o.window == 0) brain.clear_synapses();
    brain.step(*token);
    add_text(text, m, *token);
    progress.at(tokens + 1);
  }
  if (tokens == 0) throw input_error("input", "no tokens", "at least one");
  return {.model_sha256 = m.content_sha256().empty() ? content_hash(m) : m.content_sha256(),
          .model_source = m.origin().source,
          .text_sha256 = text.hex(),
          .tokens = tokens,
          .window = o.window,
          .percentiles = o.percentiles,
          .scales = meter.scales(o.percentiles)};
}

int measure_scales(const scale_options& o) {
  o.input.check(false);
  const model m = o.engine.open(o.model);
  if (!o.force) const atomic_file target(o.to, false);
  stop_on_signals();
  const spike_scales_file found = measured(o, m);
  write_spike_scales(o.to, found);
  if (o.json) {
    print(json_text(as_json(found.scales), 1) + "\n");
    return 0;
  }
  std::string text = fmt::format("{:>9}", "layer");
  for (layer_id l = 1; l <= m.layers(); ++l) text += fmt::format("  {:>8}", l);
  for (const auto& [s, scales] : found.scales) {
    text += fmt::format("\n{:>9}", name(s));
    for (const float scale : scales) text += fmt::format("  {:>8.4g}", scale);
  }
  print(text + "\n");
  return 0;
}

class spike_scales_app final : public command {
 public:
  explicit spike_scales_app(command_line& program)
      : command(program, "spike-scales",
                "Measure on a text what spikes are to stand for, for --spike-scales.") {
    command_line& c = arguments_;
    scale_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    o.input.add_to(c, false);
    c.add("-o", o.to, "the file to write (JSON)").required().type_name("FILE");
    add_number<std::uint64_t>(c, "--window", o.window, {1, any_count.most, "an integer >= 1"},
                              "tokens; synapses start from zero in each window [512]");
    add_number<double>(c, "--percentile", o.percentiles.common, {50, 100, "50 to 100"},
                       "of the active values of X, Y and hubs [99.5]")
        .type_name("P");
    o.engine.add_to(c, false);
    c.add_flag("--force", o.force, "overwrite the file of -o");
    c.add_flag("--json", o.json, "the scales as one JSON object on standard output");
  }
  int run() override { return measure_scales(options_); }

 private:
  scale_options options_;
};

}  // namespace

std::unique_ptr<command> spike_scales_command(command_line& program) {
  return std::make_unique<spike_scales_app>(program);
}

}  // namespace bdh::app
