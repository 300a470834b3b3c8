// bdh resume: a run that was stopped goes on from its last checkpoint to its end.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/run_options.hpp"
#include "apps/runs/session.hpp"
#include "io/model/resume_points.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {
namespace {

struct resume_options {
  std::string folder, standard_input;
  engine_choice engine;
  bool other_summation = false, json = false, quiet = false;
};

// The tokens that were read up to the checkpoint, from tokens.csv.
resumed_run resumed_run_of(const run_reader& run, std::uint64_t rows) {
  if (run.tokens.size() < rows)
    throw input_error((run.folder / "tokens.csv").string(),
                      fmt::format("{} tokens", run.tokens.size()),
                      fmt::format("at least the {} before the checkpoint", rows));
  resumed_run point;
  point.rows = rows;
  point.tokens.assign(run.tokens.begin(), run.tokens.begin() + static_cast<std::ptrdiff_t>(rows));
  for (std::uint64_t k = 0; k < rows; ++k) {
    if (run.generated[k])
      ++point.generated;
    else
      point.to_skip.push_back(run.tokens[k]);
  }
  return point;
}

// A run goes on by the arithmetic with which it began, unless the user says otherwise.
void expect_interrupted(const run_reader& run, const resume_options& r, const std::string& place) {
  if (run.status == run_status::complete)
    throw input_error(place, "a complete run", "one that was interrupted");
  if (run.summation != summation_law && !r.other_summation)
    throw input_error(place, fmt::format("a run by law of summation {}", run.summation),
                      fmt::format("{}, that of this program", summation_law),
                      "--other-summation goes on, equal up to rounding to the run as it began");
}

spike_choice spikes_of(const std::string& description, const model& m, const std::string& place) {
  if (description.empty()) return {};
  try {
    return {described_spikes(nlohmann::json::parse(description), m, place)};
  } catch (const nlohmann::json::exception&) {
    throw input_error(place, "spikes of another kind", "those that bdh run wrote");
  }
}

// The input of a run that goes on, from its beginning, or from standard input what was not read.
// Returns whether it begins with what was read.
bool choose_input(run_options& o, resumed_run& point, const resume_options& r,
                  const std::string& place) {
  const bool has_input = o.input.text || o.input.tokens || o.input.text_file || o.input.tokens_file;
  if (has_input && !r.standard_input.empty())
    throw input_error("'-'", "standard input", "nothing",
                      "this run goes on with the text that it was given");
  if (!has_input && r.standard_input.empty() && point.generated == 0)
    throw input_error(place, "a run of standard input, which was not kept", "the rest of it",
                      "bdh resume " + r.folder + " - < REST");
  if (!has_input) {
    point.to_skip.clear();
    if (r.standard_input.empty())
      o.input.tokens = "";  // all that came was read
    else
      o.input.standard_input = "-";
    if (o.input.limit) *o.input.limit -= std::min(*o.input.limit, point.rows - point.generated);
  }
  return has_input;
}

int resume(const resume_options& r) {
  const run_reader run(r.folder);
  const std::string place = r.folder + "/run.json";
  run_options o = run_options_of(run.options, place);
  expect_interrupted(run, r, place);
  o.folder = r.folder;
  o.json = r.json;
  o.quiet = r.quiet;
  const engine_choice recorded = std::exchange(o.engine, r.engine);
  o.engine.retention = recorded.retention;
  o.engine.weights = recorded.weights;
  o.engine.synapses = recorded.synapses;
  o.engine.learning = recorded.learning;
  o.engine.seed = o.seed;
  o.engine.quiet = r.quiet;

  const model m = o.engine.open(o.model);
  o.engine.spikes = spikes_of(recorded.spikes.described, m, place);
  auto checkpoint = latest_resume_point(r.folder, m);
  if (!checkpoint)
    throw input_error(r.folder, "no checkpoint",
                      "one, as --checkpoint-every K, Ctrl-C and SIGTERM leave it",
                      "start the run again in another folder");
  for (const std::string& refused : checkpoint->refused)
    note("bdh: a damaged checkpoint is left out: " + refused + "; an older one is used");
  const std::uint64_t first = run.first;
  if (checkpoint->state.tokens < first)
    throw input_error(checkpoint->file.string(),
                      fmt::format("{} tokens read", checkpoint->state.tokens),
                      fmt::format("at least {}, where this run began", first));
  resumed_run point = resumed_run_of(run, checkpoint->state.tokens - first);

  const bool has_input = choose_input(o, point, r, place);
  const auto input = o.input.open(m);

  simulator brain = o.engine.make(m);
  if (o.engine.learning.given()) {
    o.engine.learning.check(o.engine);
    brain.learn_by(o.engine.learning.how());
  }
  restore_state(brain, checkpoint->file);
  checkpoint.reset();
  // Of standard input, how much there was before is not known.
  const auto total =
      has_input && input->total() ? std::optional(*input->total() + o.generate) : std::nullopt;
  intervene(brain, o, first, total);
  expect_blocks(o.prefill, brain, {});
  stop_on_signals();
  if (!r.quiet && !r.json)
    note(fmt::format("going on after {} tokens", shown_count(static_cast<double>(point.rows))));
  return run_session(o, brain, *input, {}, point);
}

class resume_app final : public command {
 public:
  explicit resume_app(command_line& program)
      : command(program, "resume", "Go on with a run that was stopped, from its last checkpoint.") {
    command_line& c = arguments_;
    c.add("RUNDIR", options_.folder, "the folder of the run").required().type_name("");
    c.add("INPUT", options_.standard_input, "-: the rest of a run that read standard input")
        .type_name("")
        .expects({"-"});
    options_.engine.add_to(c, false);
    c.add_flag("--other-summation", options_.other_summation,
               "go on with a run of an older bdh that added numbers in another order: what follows "
               "is equal up to rounding");
    c.add_flag("--json", options_.json, "one JSON object on standard output, nothing else");
    c.add_flag("--quiet", options_.quiet, "no progress, no summary; with --json the object alone");
  }
  int run() override { return resume(options_); }

 private:
  resume_options options_;
};

}  // namespace

std::unique_ptr<command> resume_command(command_line& program) {
  return std::make_unique<resume_app>(program);
}

}  // namespace bdh::app
