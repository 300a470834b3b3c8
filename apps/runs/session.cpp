#include "apps/runs/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/common/console.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "core/base/error.hpp"
#include "core/simulation/sampling.hpp"
#include "core/simulation/simulator.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/model/resume_points.hpp"
#include "io/model/state_file.hpp"
#include "io/recording/recorder.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t long_text = 256;  // tokens

// Generated tokens, as they come: text as it is, escaped on a terminal; ids separated by commas.
// With --json they are kept.
class speaker {
 public:
  speaker(const model& m, bool keep)
      : model_(m), keep_(keep), terminal_(!keep && output_is_terminal()) {}

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
  const std::vector<token_id>& tokens() const {
    return tokens_;
  }  // those that were kept, and their bytes
  const std::string& text() const { return text_; }
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

// One run: tokens go in, reports come out.
class session {
 public:
  session(const run_options& o, const model& m, simulator& brain, token_source& input,
          std::vector<report_description> reports, const std::optional<resume_point>& resumed)
      : options_(o),
        model_(m),
        brain_(brain),
        input_(input),
        reports_(std::move(reports)),
        resumed_(resumed),
        first_(brain.tokens() - (resumed ? resumed->rows : 0)),
        statistics_(m),
        speaker_(m, o.json),
        total_(input.total() ? std::optional(*input.total() + o.generate) : std::nullopt),
        progress_(!o.quiet, total_ && resumed
                                ? std::optional(*total_ - std::min(*total_, resumed->rows))
                                : total_) {}

  int run() {
    const std::optional<token_id> next = begin();
    try {
      read_all(next);
      speaker_.finish();
    } catch (const broken_pipe&) {
      finish(run_status::interrupted);
      throw;
    } catch (const error&) {
      finish_failed();
      throw;
    }
    const int signal = stop_requested();
    end(signal == 0 ? run_status::complete : run_status::interrupted);
    tell(signal);
    return signal == 0 ? 0 : 128 + signal;
  }

  // The same in pieces, for a stream among others. Opens the recording; the first token of the
  // input.
  std::optional<token_id> begin() {
    std::optional<token_id> next = resumed_ ? next_after_resuming() : input_.next();
    if (!next && !resumed_ && stop_requested() == 0)
      throw input_error("input", "no tokens", "at least one");
    if (!options_.folder.empty()) {
      if (resumed_) {
        recording_ = run_directory::reopen(options_.folder, model_, resumed_->rows);
        reports_ = recording_->reports();
        recorder_.emplace(brain_, reports_);
      } else {
        recorder_.emplace(brain_, reports_);
        recording_ = run_directory::create(
            options_.folder, model_, recorded_options(options_, brain_), reports_, brain_.tokens());
      }
      // Somebody may be reading the recording while we wait.
      input_.on_wait([this] { recording_->commit(); });
    }
    return next;
  }

  // What is read after the input's `token`, or in its place when it has ended; nothing: no more.
  std::optional<token_id> next(std::optional<token_id> token) {
    generating_ = !token;
    if (!token) {
      if (generated_ == options_.generate) return std::nullopt;
      ++generated_;
      speaker_.say(*(token = chosen()));
    }
    before_token();
    return token;
  }
  bool generating() const { return generating_; }
  void took(const step_report& report) { record(report, generating_); }

  void end(run_status status) {
    finish(status);
    if (!options_.save_state.empty()) save_state(brain_.save(), model_, options_.save_state);
    if (status == run_status::complete && recording_) remove_resume_points(options_.folder);
  }
  void finish_failed() noexcept {
    try {
      finish(run_status::failed);
    } catch (const std::exception&) {  // the recorder may be what has failed: the first error is
                                       // the one to tell
    }
  }

  const statistics& done() const { return statistics_; }
  const speaker& said() const { return speaker_; }

 private:
  // The input begins with what was read already; it must still be that.
  std::optional<token_id> next_after_resuming() {
    for (std::size_t k = 0; k < resumed_->to_skip.size(); ++k) {
      const auto token = input_.next();
      if (!token && stop_requested() != 0) return std::nullopt;
      if (token != resumed_->to_skip[k])
        throw input_error(
            fmt::format("input[{}]", k), token ? fmt::format("token {}", *token) : "its end",
            fmt::format("token {}, which the run has read there", resumed_->to_skip[k]),
            "the text has changed since the run began");
    }
    return resumed_->generated == 0 ? input_.next() : std::nullopt;
  }

  token_id chosen() const {
    return brain_.choose({options_.temperature.value_or(0),
                          static_cast<std::uint32_t>(options_.top_k), options_.seed});
  }

  void read_all(std::optional<token_id> token) {
    if (total_) expect_window(first_ + *total_);
    if (options_.prefill.blocks()) {
      read_in_blocks(token);
    } else {
      for (; token && stop_requested() == 0; token = input_.next())
        read(*token, false), ++one_by_one_;
    }
    if (speaker_.shows_on_terminal()) progress_.clear();
    for (std::uint64_t k = resumed_ ? resumed_->generated : 0;
         k < options_.generate && stop_requested() == 0; ++k) {
      const token_id next = chosen();
      speaker_.say(next);
      read(next, true);
    }
  }

  // A block is read when it is full, or when the input has ended: how the text arrives, and when a
  // stop comes, changes no bit.
  void read_in_blocks(std::optional<token_id> token) {
    while (token && stop_requested() == 0) {
      const std::uint64_t at = brain_.tokens(), end = end_of_blocks(at);
      const std::vector<token_id> piece = take(input_, *token, at, end);
      const bool whole = at + piece.size() == end;
      if (!whole && stop_requested() != 0) return;
      read(piece);
      token = whole ? input_.next() : std::nullopt;
    }
  }

  // A checkpoint can be made only between blocks: at the first end of a block where one is due.
  std::uint64_t end_of_blocks(std::uint64_t at) const {
    const auto next = [&](std::uint64_t unit) { return at / unit * unit + unit; };
    const std::uint64_t end = next(block_span), every = options_.checkpoint_every;
    if (every == 0 || every > end) return end;
    return std::min(end, (next(every) + block_length - 1) / block_length * block_length);
  }

  void read(const std::vector<token_id>& piece) {
    const std::uint64_t every = options_.checkpoint_every;
    if (every != 0 && brain_.tokens() / every != last_checkpoint_ / every) keep();
    expect_window(brain_.tokens() + piece.size());
    brain_.prefill().read(piece, [&](const step_report& report) { record(report, false); });
    progress_.at(statistics_.tokens());
  }

  void before_token() {
    if (options_.checkpoint_every != 0 && brain_.tokens() != last_checkpoint_ &&
        brain_.tokens() % options_.checkpoint_every == 0)
      keep();
  }

  void read(token_id token, bool generated) {
    before_token();
    expect_window(brain_.tokens() + 1);
    record(brain_.step(token), generated);
    if (!(generated && speaker_.shows_on_terminal())) progress_.at(statistics_.tokens());
  }

  // Of the token that was read last: synapses and logits are still its.
  void record(const step_report& report, bool generated) {
    statistics_.add(report);
    if (!recording_) return;
    const auto byte = byte_of(model_, report.token);
    recording_->append(report, byte ? std::string_view(&*byte, 1) : std::string_view(), generated,
                       recorder_->rows(report.position));
  }

  // A checkpoint: all before it is recorded, on the disk.
  void keep() {
    last_checkpoint_ = brain_.tokens();
    if (!recording_ || brain_.tokens() == first_) return;
    recording_->commit();
    write_resume_point(options_.folder, brain_.save(), model_);
  }

  void expect_window(std::uint64_t tokens) {
    if (told_window_ || !leaves_window(brain_, tokens)) return;
    told_window_ = true;
    progress_.clear();
    note_window(model_);
  }

  void finish(run_status status) {
    progress_.clear();
    try {
      if (status == run_status::interrupted) keep();
    } catch (const error&) {
      finish_recording_failed();
      throw;
    }
    if (recording_) recording_->finish(status);
  }

  void finish_recording_failed() noexcept {
    try {
      if (recording_) recording_->finish(run_status::failed);
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
      if (one_by_one_ >= long_text && !blocks_refused(brain_, reports_))
        note(
            "a text of this length is read several times faster with --prefill blocks; the results "
            "are equal up to rounding");
    }
    if (signal != 0)
      note(fmt::format(
          "bdh: stopped by a signal after {} tokens{}",
          shown_count(static_cast<double>(statistics_.tokens())),
          options_.folder.empty()
              ? ""
              : fmt::format("; all of them are recorded, bdh resume {} goes on", options_.folder)));
  }

  const run_options& options_;
  const model& model_;
  simulator& brain_;
  token_source& input_;
  std::vector<report_description> reports_;
  const std::optional<resume_point>& resumed_;
  const std::uint64_t first_;  // position of the run's first token
  std::uint64_t last_checkpoint_ = first_;
  statistics statistics_;
  speaker speaker_;
  std::optional<std::uint64_t> total_;
  progress_meter progress_;
  std::optional<recorder> recorder_;
  std::optional<run_directory> recording_;
  bool told_window_ = false;
  bool generating_ = false;  // the last of next(), and how many there were
  std::uint64_t generated_ = 0;
  std::uint64_t one_by_one_ = 0;  // tokens of the text
};

// Finds out before a long run, not after it, that its synapses cannot be saved.
void check_target(const std::string& file) {
  check_state_target(file);
  const atomic_file target(file, true);
}

}  // namespace

bool leaves_window(const simulator& brain, std::uint64_t tokens) {
  const std::uint64_t window = brain.model().training_window();
  return window != 0 && tokens > window && brain.retention() == 1;
}

void note_window(const model& m) {
  note(
      fmt::format("note: past token {}, the window that this model was trained on, its predictions "
                  "get worse; --retention 0.995 prevents it",
                  shown_count(static_cast<double>(m.training_window()))));
}

void intervene(simulator& brain, const run_options& o, std::uint64_t first,
               std::optional<std::uint64_t> total) {
  for (const std::string& text : o.interventions) {
    const auto named = [&](const std::string& place) { return "--do '" + text + "', " + place; };
    intervention p =
        with_context(named, [&] { return parse_intervention(brain.model(), text, first); });
    p.always = p.first == 0 && first == 0;
    const bool past = p.last < first || (p.acts_once() && p.first < first);
    if (past || (total && *total != 0 && p.first >= first + *total))
      throw input_error(
          "--do '" + text + "'", fmt::format("token {}", past && !p.acts_once() ? p.last : p.first),
          total && *total != 0
              ? fmt::format("{} to {}, the tokens of this run", first, first + *total - 1)
              : fmt::format("{} or later, the tokens of this run", first));
    if (p.acts_once() && p.first < brain.tokens()) continue;  // it has happened
    with_context(named, [&] { brain.interventions().add(p); });
  }
}

int run_session(const run_options& o, const model& m, simulator& brain, token_source& input,
                std::vector<report_description> reports,
                const std::optional<resume_point>& resumed) {
  if (!o.save_state.empty()) check_target(o.save_state);
  return session(o, m, brain, input, std::move(reports), resumed).run();
}

// ---- a stream among others

struct stream_session::parts {
  parts(run_options o, std::unique_ptr<simulator> b, std::unique_ptr<token_source> i,
        std::vector<report_description> reports)
      : options(std::move(o)),
        brain(std::move(b)),
        input(std::move(i)),
        run(options, brain->model(), *brain, *input, std::move(reports), never_stopped),
        prompt(run.begin()) {}

  const run_options options;
  const std::optional<resume_point> never_stopped;
  const std::unique_ptr<simulator> brain;
  const std::unique_ptr<token_source> input;
  session run;
  std::optional<token_id> prompt;  // its next token
  bool complete = false;
};

stream_session::stream_session(run_options o, std::unique_ptr<simulator> brain,
                               std::unique_ptr<token_source> input,
                               std::vector<report_description> reports) {
  o.json = o.quiet = true;  // nothing is said before its end
  parts_ =
      std::make_unique<parts>(std::move(o), std::move(brain), std::move(input), std::move(reports));
}
stream_session::stream_session(stream_session&&) noexcept = default;
stream_session& stream_session::operator=(stream_session&&) noexcept = default;
stream_session::~stream_session() = default;

simulator& stream_session::brain() noexcept { return *parts_->brain; }

std::optional<token_id> stream_session::next() {
  if (stop_requested() != 0) return std::nullopt;
  const auto token = parts_->run.next(parts_->prompt);
  parts_->complete = !token;
  return token;
}

void stream_session::took(const step_report& report) {
  parts_->run.took(report);
  if (!parts_->run.generating()) parts_->prompt = parts_->input->next();
}

void stream_session::end() {
  parts_->run.end(parts_->complete ? run_status::complete : run_status::interrupted);
}
bool stream_session::complete() const noexcept { return parts_->complete; }
void stream_session::fail() noexcept { parts_->run.finish_failed(); }
const statistics& stream_session::done() const noexcept { return parts_->run.done(); }
const std::vector<token_id>& stream_session::generated() const noexcept {
  return parts_->run.said().tokens();
}
const std::string& stream_session::generated_text() const noexcept {
  return parts_->run.said().text();
}

}  // namespace bdh::app
