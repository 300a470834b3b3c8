// bdh run: a model reads tokens, and writes on from there.
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "apps/console.hpp"
#include "apps/options.hpp"
#include "apps/signals.hpp"
#include "apps/statistics.hpp"
#include "apps/token_source.hpp"
#include "core/base/error.hpp"
#include "core/loss.hpp"
#include "core/sampling.hpp"
#include "io/atomic_file.hpp"
#include "io/recorder.hpp"
#include "io/recording_plan.hpp"
#include "io/run_directory.hpp"
#include "io/state_file.hpp"
#include "kernels/cpu_kernels.hpp"

namespace bdh::app {
namespace {

constexpr double most_recorded_bytes = 1e10, most_of_free_space = 0.9;

struct run_options {
  std::string model;
  token_choice input;
  engine_choice engine;
  std::uint64_t generate = 0, top_k = 0;
  std::optional<double> temperature;
  std::uint64_t seed = 0;
  std::string folder, record_file, state, save_state;
  std::vector<std::string> record;
  bool json = false, quiet = false, force = false;
};

void check(const run_options& o) {
  o.input.check(false);
  if (o.generate == 0 && (o.temperature || o.top_k != 0)) throw CLI::ValidationError("--temperature and --top-k", "need --generate");
  if (o.top_k != 0 && o.temperature.value_or(0) == 0) throw CLI::ValidationError("--top-k", "needs a --temperature above 0");
  if ((!o.record.empty() || !o.record_file.empty()) && o.folder.empty()) throw CLI::ValidationError("--record", "needs -o RUNDIR");
  if (o.json && o.quiet) throw CLI::ValidationError("--json and --quiet", "contradict each other");
}

// Generated tokens, as they come: text as it is, escaped on a terminal; ids separated by commas. With --json they are kept.
class speaker {
 public:
  speaker(const model& m, bool keep) : model_(m), keep_(keep), terminal_(!keep && output_is_terminal()) {}

  void say(token_id token) {
    const auto byte = byte_of(model_, token);
    if (keep_) {
      tokens_.push_back(token);
      if (byte) text_ += *byte;
    } else if (model_.tokens() == tokenizer::ids) {
      print((spoken_ ? "," : "") + std::to_string(token));
    } else if (byte) {
      print(terminal_ ? shown_.add({&*byte, 1}) : std::string(1, *byte));
    }
    spoken_ = true;
  }
  void finish() {
    if (keep_ || !spoken_) return;
    if (terminal_) print(shown_.finish() + "\n");
    if (!terminal_ && model_.tokens() == tokenizer::ids) print("\n");
  }
  bool shows_on_terminal() const { return terminal_; }
  nlohmann::ordered_json json() const {
    nlohmann::ordered_json all{{"tokens", tokens_}};
    if (model_.tokens() != tokenizer::ids) all["text"] = text_;
    return all;
  }

 private:
  const model& model_;
  bool keep_, terminal_, spoken_ = false;
  std::vector<token_id> tokens_;
  std::string text_;
  terminal_text shown_;
};

nlohmann::json recorded_options(const run_options& o, const simulator& brain) {
  const instruction_set set = kernels::cpu_kernels_for(instruction_set_named(o.engine.instructions)).set;
  nlohmann::json all{{"model", o.model},
                     {"generate", o.generate},
                     {"temperature", o.temperature.value_or(0)},
                     {"top_k", o.top_k},
                     {"seed", o.seed},
                     {"retention", brain.retention()},
                     {"threads", o.engine.threads},
                     {"sites", o.engine.site_count()},
                     {"instructions", name(set)}};
  if (o.input.text_file) all["text_file"] = *o.input.text_file;
  if (o.input.tokens_file) all["tokens_file"] = *o.input.tokens_file;
  if (!o.state.empty()) all["state"] = o.state;
  if (!o.record.empty()) all["record"] = o.record;
  if (!o.record_file.empty()) all["record_file"] = o.record_file;
  return all;
}

// What is to be recorded, checked before anything runs.
std::vector<report_description> planned_reports(const run_options& o, const simulator& brain) {
  std::vector<recording_request> requests;
  if (!o.record_file.empty()) requests = read_recordings(o.record_file);
  for (const std::string& text : o.record) requests.push_back(parse_recording(text));
  return plan_reports(brain.subject(), requests, brain.tokens());
}

double free_bytes(std::filesystem::path folder) {
  std::error_code failed;
  for (folder = std::filesystem::absolute(folder, failed); !std::filesystem::exists(folder, failed) && folder.has_relative_path();)
    folder = folder.parent_path();
  const auto space = std::filesystem::space(folder, failed);
  return failed ? std::numeric_limits<double>::infinity() : static_cast<double>(space.available);
}

// Tells how much the reports will take. Throws input_error when that is more than a careless user may have meant, or than there is.
void expect_space(const run_options& o, const std::vector<report_description>& reports, std::optional<std::uint64_t> tokens) {
  if (reports.empty()) return;
  const predicted_bytes bytes = predict_bytes(reports, static_cast<double>(tokens.value_or(1)));
  const double all = bytes.reports + bytes.journals;
  const auto shown = [](double b) { return shown_bytes(static_cast<std::uint64_t>(std::min(b, 1e19))); };
  if (!o.quiet)
    note(fmt::format("recording {} report{}: about {}{}, and {} of journals until the run is complete", reports.size(),
                     reports.size() == 1 ? "" : "s", shown(bytes.reports), tokens ? "" : " a token", shown(bytes.journals)));
  if (o.force || !tokens) return;
  if (all > most_recorded_bytes)
    throw input_error("--record", "about " + shown(all), "at most " + shown(most_recorded_bytes), "--force records it all the same");
  if (const double available = free_bytes(o.folder); all > most_of_free_space * available)
    throw input_error("--record", "about " + shown(all), "at most 90 % of the " + shown(available) + " free in " + o.folder,
                      "--force records it all the same");
}

// One run: tokens go in, reports come out. A token's report is held back until the next token is known, and with it the loss.
class session {
 public:
  session(const run_options& o, const model& m, simulator& brain, token_source& input, std::vector<report_description> reports)
      : options_(o),
        model_(m),
        brain_(brain),
        input_(input),
        reports_(std::move(reports)),
        statistics_(m),
        speaker_(m, o.json),
        total_(input.total() ? std::optional(*input.total() + o.generate) : std::nullopt),
        progress_(!o.quiet, total_) {}

  // Reads all tokens, generates the others. Whatever happens, what was read until then is recorded.
  int run() {
    auto first = input_.next();
    if (!first && stop_requested() == 0) throw input_error("input", "no tokens", "at least one");
    if (!options_.folder.empty()) {
      recorder_.emplace(brain_, reports_);
      recording_ = run_directory::create(options_.folder, model_, recorded_options(options_, brain_), reports_, brain_.tokens());
      // Somebody may be reading the recording while we wait.
      input_.on_wait([this] { recording_->commit(); });
    }
    try {
      read_all(first);
      speaker_.finish();
    } catch (const broken_pipe&) {
      finish(run_status::interrupted);
      throw;
    } catch (const error&) {
      finish_failed();
      throw;
    }
    const int signal = stop_requested();
    finish(signal == 0 ? run_status::complete : run_status::interrupted);
    if (!options_.save_state.empty()) save_state(brain_.save(), model_, options_.save_state);
    tell(signal);
    return signal == 0 ? 0 : 128 + signal;
  }

 private:
  void read_all(std::optional<token_id> token) {
    if (total_) expect_window(brain_.tokens() + *total_);
    for (; token && stop_requested() == 0; token = input_.next()) read(*token, false);
    if (speaker_.shows_on_terminal()) progress_.clear();
    const sampling how{options_.temperature.value_or(0), static_cast<std::uint32_t>(options_.top_k), options_.seed};
    for (std::uint64_t k = 0; k < options_.generate && stop_requested() == 0; ++k) {
      const token_id next = choose(brain_.logits(), how, brain_.tokens());
      speaker_.say(next);
      read(next, true);
    }
  }

  void read(token_id token, bool generated) {
    pass_on(token);
    expect_window(brain_.tokens() + 1);
    held_ = {brain_.step(token), generated};
    if (!(generated && speaker_.shows_on_terminal())) progress_.at(statistics_.tokens() + 1);
  }

  // The report held back goes where reports go; the logits are still those of its token.
  void pass_on(std::optional<token_id> next) {
    if (!held_) return;
    auto [report, generated] = *std::exchange(held_, std::nullopt);
    if (next && model_.readout_nodes() != 0) report.loss = cross_entropy(brain_.logits(), *next);
    statistics_.add(report);
    if (!recording_) return;
    const auto byte = byte_of(model_, report.token);
    recording_->append(report, byte ? std::string_view(&*byte, 1) : std::string_view(), generated, recorder_->rows(report.position));
  }

  void expect_window(std::uint64_t tokens) {
    const std::uint64_t window = model_.training_window();
    if (told_window_ || window == 0 || tokens <= window || brain_.retention() < 1) return;
    told_window_ = true;
    progress_.clear();
    note(fmt::format(
        "note: past token {}, the window that this model was trained on, its predictions get worse; --retention 0.995 prevents it",
        shown_count(static_cast<double>(window))));
  }

  void finish(run_status status) {
    progress_.clear();
    pass_on(std::nullopt);
    if (recording_) recording_->finish(status);
  }

  // After an error the recorder may be what has failed: the first error is the one to tell.
  void finish_failed() noexcept {
    try {
      finish(run_status::failed);
    } catch (const std::exception&) {
    }
  }

  void tell(int signal) const {
    if (options_.json) {
      nlohmann::ordered_json all = statistics_.json(brain_);
      all["retention"] = brain_.retention();
      all["threads"] = options_.engine.threads;
      all["sites"] = options_.engine.site_count();
      all["interrupted"] = signal != 0;
      all["generated"] = speaker_.json();
      // Generated bytes need not be UTF-8; `tokens` has them exactly.
      print(all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    } else if (!options_.quiet) {
      statistics_.tell(brain_);
    }
    if (signal != 0)
      note(fmt::format("bdh: stopped by a signal after {} tokens{}", shown_count(static_cast<double>(statistics_.tokens())),
                       options_.folder.empty() ? "" : "; all of them are recorded in " + options_.folder));
  }

  struct held_report {
    token_report report;
    bool generated;
  };

  const run_options& options_;
  const model& model_;
  simulator& brain_;
  token_source& input_;
  std::vector<report_description> reports_;
  statistics statistics_;
  speaker speaker_;
  std::optional<std::uint64_t> total_;
  progress_line progress_;
  std::optional<recorder> recorder_;
  std::optional<run_directory> recording_;
  std::optional<held_report> held_;
  bool told_window_ = false;
};

// Finds out before a long run, not after it, that its synapses cannot be saved.
void check_target(const std::string& file) {
  const atomic_file target(file, true);
  const std::string folder = target.temporary().parent_path().string();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    throw input_error(file, "its folder cannot be written to", "a folder with write permission");
}

int run(const run_options& o) {
  check(o);
  const model m = open_model(o.model);
  if (o.generate != 0) expect_logits(m, o.model, "--generate");
  const auto input = o.input.open(m);
  if (!o.save_state.empty()) check_target(o.save_state);

  engine_choice engine = o.engine;
  std::optional<synapse_state> state;
  if (!o.state.empty()) {
    state = load_state(o.state, m);
    // Strengths are stored with their age: another u would change the past, too.
    if (engine.retention.value_or(state->retention) != state->retention)
      throw input_error("--retention", fmt::format("{}", *engine.retention),
                        fmt::format("{}, with which {} was made", state->retention, o.state));
    engine.retention = state->retention;
  }
  simulator brain = engine.make(m);
  if (state) brain.restore(*state);
  state.reset();
  const auto reports = planned_reports(o, brain);
  const auto known = input->total();
  expect_space(o, reports, known ? std::optional(*known + o.generate) : std::nullopt);
  stop_on_signals();
  return session(o, m, brain, *input, reports).run();
}

class run_app final : public command {
 public:
  explicit run_app(CLI::App& program) : command(program, "run", "Read tokens with a model, and write on from there.") {
    CLI::App& c = arguments_;
    run_options& o = options_;
    c.add_option("MODEL", o.model, "a model, NAME.bdh.h5")->required()->type_name("");
    o.input.add_to(c, false);
    add_number<std::uint64_t>(c, "--generate", o.generate, any_count, "tokens to generate after the text [0]");
    add_number<double>(c, "--temperature", o.temperature, {0, 1e6, "a number from 0 to 1e6"},
                       "0: the most likely token, 1: as the model predicts [0]")
        ->type_name("T");
    add_number<std::uint64_t>(c, "--top-k", o.top_k, {1, 0xffffffff, "an integer >= 1"}, "choose among the K most likely tokens [all]")
        ->type_name("K");
    add_number<std::uint64_t>(c, "--seed", o.seed, any_count, "of the random choices [0]");
    o.engine.add_to(c, true);
    c.add_option("--state", o.state, "start from the synapses in this file [all zero]")->type_name("FILE");
    c.add_option("--save-state", o.save_state, "write the synapses to this file at the end")->type_name("FILE");
    c.add_option("-o", o.folder, "record the run in this new folder")->type_name("RUNDIR");
    c.add_option("--record", o.record,
                 "also record: logits, events, x:NEURONS, y:NEURONS, synapses:SYNAPSES, snapshot; 'WHAT every K layers 1-2'; repeatable")
        ->type_name("WHAT")
        ->allow_extra_args(false)
        ->check([](const std::string& what) {
          try {
            parse_recording(what);
            return std::string();
          } catch (const input_error& e) {
            return e.found() + ", expected " + e.expected();
          }
        });
    c.add_option("--record-file", o.record_file, "also record what this file lists (JSON)")->type_name("FILE");
    c.add_flag("--force", o.force, "record even more than 10 GB, or than the disk has left");
    c.add_flag("--json", o.json, "one JSON object on standard output, nothing else");
    c.add_flag("--quiet", o.quiet, "no progress, no summary");
  }
  int run() override { return app::run(options_); }

 private:
  run_options options_;
};

}  // namespace

std::unique_ptr<command> run_command(CLI::App& program) { return std::make_unique<run_app>(program); }

}  // namespace bdh::app
