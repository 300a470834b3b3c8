// bdh run: a model reads tokens, and writes on from there.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/batch.hpp"
#include "apps/runs/first_state.hpp"
#include "apps/runs/recording_space.hpp"
#include "apps/runs/run_options.hpp"
#include "apps/runs/session.hpp"
#include "core/simulation/engine.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/protocol/initial_synapses.hpp"
#include "io/protocol/protocol.hpp"
#include "io/recording/recording_plan.hpp"

namespace bdh::app {
namespace {

// Of several streams, trials among them.
void check_streams(const run_options& o) {
  if (!o.input.standard_input.empty())
    throw usage_error(
        "--streams",
        "cannot share standard input, expected a file, or --batch - with one prompt a line");
  if (o.prefill.blocks())
    throw usage_error("--prefill blocks",
                      "is for one stream: several read their tokens together, token by token");
  if (!o.save_state.empty())
    throw usage_error(
        "--save-state",
        "is one file for several streams; -o keeps a checkpoint of each that is stopped");
}

void check_learning(const run_options& o) {
  o.engine.learning.check(o.engine);
  if (!o.engine.learning.given()) {
    if (!o.engine.learning.save_model.empty())
      throw usage_error("--save-model", "needs --learn RATE");
    return;
  }
  if (o.in_streams() || o.trials)
    throw usage_error("--learn", "is for one stream: each would need weights of its own");
  if (o.prefill.blocks())
    throw usage_error("--prefill blocks",
                      "contradicts --learn, by which weights change after every token");
  if (!o.save_state.empty() && o.engine.learning.save_model.empty())
    throw usage_error("--save-state",
                      "needs --save-model with --learn: synapses belong to the weights that wrote "
                      "them");
}

void check(const run_options& o) {
  if (o.batch.empty())
    o.input.check(false);
  else if (o.input.given() != 0)
    throw usage_error("--batch", "contradicts another text: its lines are the prompts");
  if (o.input.limit && !o.batch.empty())
    throw usage_error("--limit", "contradicts --batch, whose prompts are read to their ends");
  if (o.in_streams()) check_streams(o);
  if ((o.trials || !o.protocol.empty()) && !o.batch.empty())
    throw usage_error("--batch",
                      "contradicts --protocol and --trials: each trial has the one text");
  if (!o.initial_synapses.empty() && !o.state.empty())
    throw usage_error("--synapses", "contradicts --state: both say where synapses begin");
  if (!o.condition.empty() && o.protocol.empty())
    throw usage_error("--condition", "needs --protocol FILE");
  if (o.generate == 0 && (o.temperature || o.top_k != 0))
    throw usage_error("--temperature and --top-k", "need --generate");
  if (o.top_k != 0 && o.temperature.value_or(0) == 0)
    throw usage_error("--top-k", "needs a --temperature above 0");
  if ((!o.record.empty() || !o.record_file.empty()) && o.folder.empty())
    throw usage_error("--record", "needs -o RUNDIR");
  if (o.checkpoint_every != 0 && o.folder.empty())
    throw usage_error("--checkpoint-every", "needs -o RUNDIR");
  o.engine.spikes.check();
  if (o.engine.spikes.given() && o.prefill.blocks())
    throw usage_error("--prefill blocks",
                      "contradicts --spikes, of which each token has its own windows");
  check_learning(o);
  if (!o.folder.empty()) expect_free_folder(o.folder);  // before the work, not after it
}

// What is to be recorded, checked before anything runs.
std::vector<recording_description> planned_recordings(const run_options& o,
                                                      const simulator& brain) {
  std::vector<recording_request> requests;
  if (!o.record_file.empty()) requests = read_recordings(o.record_file);
  for (const std::string& text : o.record) requests.push_back(parse_recording(text));
  auto planned = plan_recordings(brain.model(), requests, brain.tokens());
  prepare_recordings(brain, o.engine.spikes.bin_ms(), planned);
  if (!brain.spikes() || o.quiet || o.json) return planned;
  if (const std::string text = spike_note(*brain.spikes(), brain.model()); !text.empty())
    note(text);
  return planned;
}

// That of a network which has read nothing, with strengths from a file.
run_state initial_state(const run_options& o, const model& m, const engine_choice& engine) {
  const auto strengths = read_initial_synapses(o.initial_synapses, m);
  auto work = engine.make_engine(m);
  for (const initial_synapses& of : strengths) work->write_synapses(of.layer, of.edges, of.values);
  return simulator(m, std::move(work), engine.simulation()).save();
}

// The synapses to begin from, if there are any; their retention and the way they are stored become
// those of the engine.
// `often`: many streams begin with them, so they are kept in memory.
std::optional<first_state> begin_with(const run_options& o, const model& m, engine_choice& engine,
                                      bool often) {
  if (!o.initial_synapses.empty()) return first_state{initial_state(o, m, engine)};
  if (o.state.empty()) return std::nullopt;
  run_state state = often ? load_state(o.state, m) : load_state_head(o.state, m);
  // Strengths are stored with their age: another u would change the past, too.
  if (engine.retention.value_or(state.retention) != state.retention)
    throw input_error("--retention", fmt::format("{}", *engine.retention),
                      fmt::format("{}, with which {} was made", state.retention, o.state));
  engine.retention = state.retention;
  const std::string stored = state.rounded ? "bf16" : "float32";
  if (engine.synapses.value_or(stored) != stored)
    throw input_error("--synapses", *engine.synapses, stored + ", as " + o.state + " has them");
  engine.synapses = stored;
  if (const std::string law = other_summation(state); !law.empty() && !o.quiet)
    note("bdh: " + o.state + " was " + law);
  return first_state{std::move(state), often ? "" : o.state};
}

// The conditions that are to run. Those of one run, which is no trial, become its interventions.
std::optional<protocol> conditions_to_run(run_options& o, const model& m) {
  std::optional<protocol> what;
  if (!o.protocol.empty()) {
    what = read_protocol(o.protocol, m);
    if (!o.condition.empty())
      what->conditions =
          std::vector{with_context([](const std::string&) { return std::string("--condition"); },
                                   [&] { return what->condition(o.condition); })};
  }
  if (o.trials && !what) what = protocol{{{}}, {}};
  if (!what || o.trials || o.streams || what->trials || what->conditions.size() > 1) return what;
  const protocol_condition& only = what->conditions.front();
  o.condition = only.name;
  o.interventions.insert(o.interventions.end(), only.interventions.begin(),
                         only.interventions.end());
  return std::nullopt;
}

int run_streams(const run_options& o, const model& m, const std::optional<protocol>& what) {
  engine_choice engine = o.engine;
  engine.seed = o.seed;
  engine.quiet = o.quiet;
  const auto state = begin_with(o, m, engine, true);
  const batch_plan plan = plan_batch(o, m, engine.rounds_synapses(), what);
  std::unique_ptr<simulator> brain(new simulator(engine.make(m)));
  if (state) state->restore_to(*brain);
  const auto recordings = planned_recordings(o, *brain);
  expect_space(plan.streams.front(), recordings,
               {.first = *brain,
                .state = state,
                .streams = plan.streams.size(),
                .at_a_time = plan.at_a_time,
                .tokens = plan.tokens});
  return run_batch(o, plan, std::move(brain), state, recordings);
}

int run(run_options o) {
  if (o.engine.synapses && o.engine.synapses->ends_with(".csv"))
    o.initial_synapses = *std::exchange(o.engine.synapses, std::nullopt);
  check(o);
  const model m = o.engine.open(o.model);
  if (o.generate != 0) expect_logits(m, o.model, "--generate");
  const auto what = conditions_to_run(o, m);
  if (what && o.engine.learning.given())
    throw usage_error("--learn", "is for one stream: a protocol of several conditions has more");
  if (what) check_streams(o);
  if (o.in_streams() || what) return run_streams(o, m, what);
  const auto input = o.input.open(m);
  if (o.engine.learning.given() && o.state.empty() && input->total() == std::uint64_t{1})
    throw input_error("--learn", "a text of one token, after which none comes that teaches",
                      "at least two tokens");

  engine_choice engine = o.engine;
  engine.seed = o.seed;
  engine.quiet = o.quiet;
  auto state = begin_with(o, m, engine, false);
  simulator brain = engine.make(m);
  if (o.engine.learning.given()) brain.learn_by(o.engine.learning.how());
  if (state) state->restore_to(brain);
  const auto recordings = planned_recordings(o, brain);
  const auto total = input->total() ? std::optional(*input->total() + o.generate) : std::nullopt;
  intervene(brain, o, brain.tokens(), total);
  expect_blocks(o.prefill, brain, recordings);
  expect_space(o, recordings, {.first = brain, .state = state, .tokens = total});
  state.reset();
  note_learning(brain, o);
  stop_on_signals();
  return run_session(o, brain, *input, recordings);
}

class run_app final : public command {
 public:
  explicit run_app(command_line& program)
      : command(program, "run", "Read tokens with a model, and write on from there.") {
    command_line& c = arguments_;
    run_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    o.input.add_to(c, false);
    c.add("--batch", o.batch,
          "prompts for streams of their own, one a line of this file; -: of standard input")
        .type_name("FILE");
    add_number<std::uint64_t>(c, "--streams", o.streams, {1, 1 << 20, "1 to 1048576"},
                              "streams that run at the same time [with --batch: all, at most 16]; "
                              "without --batch all have the same text and "
                              "differ in their seeds: seed, seed + 1, ...")
        .type_name("B");
    add_number<std::uint64_t>(c, "--generate", o.generate, any_count,
                              "tokens to generate after the text [0]");
    add_number<double>(c, "--temperature", o.temperature, {0, 1e6, "a number from 0 to 1e6"},
                       "0: the most likely token, 1: as the model predicts [0]")
        .type_name("T");
    add_number<std::uint64_t>(c, "--top-k", o.top_k, {1, 0xffffffff, "an integer >= 1"},
                              "choose among the K most likely tokens [all]")
        .type_name("K");
    add_number<std::uint64_t>(c, "--seed", o.seed, any_count,
                              "of what is random: the choices, the spikes [0]");
    o.engine.add_to(c, true, true);
    o.engine.spikes.add_to(c);
    o.prefill.add_to(c);
    c.add("--state", o.state, "start from the synapses in this file [all zero]").type_name("FILE");
    c.add("--save-state", o.save_state, "write the synapses to this file at the end")
        .type_name("FILE");
    o.engine.learning.add_to(c, "--learn");
    c.add("--save-model", o.engine.learning.save_model,
          "with --learn: write the model with the weights as they are at the end")
        .type_name("NEW");
    c.add("-o", o.folder, "record the run in this new folder").type_name("RUNDIR");
    c.add("--record", o.record,
          "also record: logits, events, x:NEURONS, y:NEURONS, spikes:NEURONS, synapses:SYNAPSES, "
          "snapshot, "
          "pairs:top:K (the strongest of all pairs of neurons); 'WHAT "
          "every K layers 1-2'; repeatable")
        .type_name("WHAT")
        .check([](const std::string& what) {
          try {
            parse_recording(what);
            return std::string();
          } catch (const input_error& e) {
            return e.found() + ", expected " + e.expected();
          }
        });
    c.add("--record-file", o.record_file, "also record what this file lists (JSON)")
        .type_name("FILE");
    add_experiment(c, o);
    add_number<std::uint64_t>(
        c, "--checkpoint-every", o.checkpoint_every, positive_count,
        "tokens between checkpoints, from which bdh resume goes on [only at Ctrl-C and SIGTERM]")
        .type_name("K");
    c.add_flag("--force", o.force, "record even more than 10 GB, or than the disk has left");
    c.add_flag("--json", o.json, "one JSON object on standard output, nothing else");
    c.add_flag("--quiet", o.quiet, "no progress, no summary; with --json the object alone");
  }
  int run() override { return app::run(options_); }

 private:
  // What is done to the network, and how often.
  static void add_experiment(command_line& c, run_options& o) {
    c.add("--do", o.interventions,
          "an intervention: 'lesion 5,7', 'stimulate x:3 0.4 every 50 for 3', ...; repeatable")
        .type_name("WHAT");
    c.add("--protocol", o.protocol,
          "interventions by condition, JSON or CSV; several conditions or trials are runs of their "
          "own: RUNDIR/CONDITION/trial-0000")
        .type_name("FILE");
    c.add("--condition", o.condition, "only this condition of the protocol").type_name("NAME");
    add_number<std::uint64_t>(c, "--trials", o.trials, {1, 1 << 20, "1 to 1048576"},
                              "runs of each condition, with the seeds seed, seed + 1, ...; they "
                              "differ in what is drawn at random [as the protocol says]");
  }

  run_options options_;
};

}  // namespace

std::unique_ptr<command> run_command(command_line& program) {
  return std::make_unique<run_app>(program);
}

}  // namespace bdh::app
