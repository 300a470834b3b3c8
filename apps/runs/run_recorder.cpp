#include "apps/runs/run_recorder.hpp"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_text.hpp"
#include "apps/runs/session.hpp"
#include "io/model/resume_points.hpp"

namespace bdh::app {

run_recorder::run_recorder(const run_options& o, simulator& brain,
                           std::vector<recording_description> recordings)
    : options_(o),
      brain_(brain),
      recordings_(std::move(recordings)),
      first_(brain.tokens()),
      last_checkpoint_(first_),
      totals_(brain.model()) {
  if (brain.learns_by()) learned_.emplace();
}

void run_recorder::open(const std::optional<resumed_run>& resumed) {
  resumed_ = resumed.has_value();
  if (resumed) first_ = last_checkpoint_ = brain_.tokens() - resumed->rows;
  if (resumed && learned_)
    for (std::size_t k = 0; k + resumed->generated < resumed->tokens.size(); ++k)
      learned_->add(brain_.model(), resumed->tokens[k]);
  if (options_.folder.empty()) return;
  if (resumed) {
    writer_ = run_writer::reopen(options_.folder, brain_.model(), resumed->rows);
    recordings_ = writer_->recordings();
    recorder_.emplace(brain_, recordings_, options_.engine.threads);
    if (recorder_->needs_history()) catch_up(*resumed);
  } else {
    recorder_.emplace(brain_, recordings_, options_.engine.threads);
    writer_ = run_writer::create(options_.folder, brain_.model(),
                                 recorded_options(options_, brain_), recordings_, first_);
  }
}

// What pairs of neurons need: another stream reads the tokens once more, under the same
// interventions.
void run_recorder::catch_up(const resumed_run& resumed) {
  if (!options_.quiet && !options_.json)
    note(
        fmt::format("(reads the {} tokens so far again: strengths of pairs of neurons are known "
                    "from what all of them wrote)",
                    shown_count(static_cast<double>(resumed.tokens.size()))));
  const std::unique_ptr<simulator> again = brain_.new_stream();
  again->seed_draws(options_.seed);
  intervene(*again, options_, first_, std::nullopt);
  try {
    recorder_->catch_up(*again, resumed.tokens, stop_if_requested);
  } catch (const stopped&) {
    finish(run_status::interrupted);
    throw;
  }
}

void run_recorder::before_token() {
  const std::uint64_t every = options_.checkpoint_every, at = brain_.tokens();
  if (every != 0 && at != last_checkpoint_ && at % every == 0) write_checkpoint();
}

void run_recorder::before_block() {
  const std::uint64_t every = options_.checkpoint_every;
  if (every != 0 && brain_.tokens() / every != last_checkpoint_ / every) write_checkpoint();
}

void run_recorder::add(const step_report& report, bool generated) {
  totals_.add(report);
  if (learned_ && !generated) learned_->add(brain_.model(), report.token);
  if (!writer_) return;
  writer_->append(report, token_text(brain_.model(), report.token), generated,
                  recorder_->rows(report.position));
}

void run_recorder::commit() {
  if (writer_) writer_->commit();
}

// All before it is recorded, on the disk.
void run_recorder::write_checkpoint() {
  last_checkpoint_ = brain_.tokens();
  if (!writer_ || brain_.tokens() == first_) return;
  writer_->commit();
  write_resume_point(options_.folder, brain_);
}

void run_recorder::finish(run_status status) {
  try {
    if (status == run_status::interrupted) write_checkpoint();
  } catch (const error&) {
    fail_writer();
    throw;
  }
  if (writer_) writer_->finish(status);
}

void run_recorder::end(run_status status) {
  finish(status);
  if (learned_) {
    if (saves_model(status == run_status::interrupted)) save_learned();
  } else if (!options_.save_state.empty()) {
    save_state(brain_, options_.save_state);
  }
  if (status == run_status::complete && writer_) remove_resume_points(options_.folder);
}

// A state belongs to the model that has been written, and read back.
void run_recorder::save_learned() {
  if (options_.engine.learning.save_model.empty()) return;
  learned_->save_model(brain_, options_.engine.learning.save_model, resumed_);
  if (!options_.save_state.empty())
    save_state(brain_, load_model(options_.engine.learning.save_model), options_.save_state);
}

// The folder may be what has failed: the first error is the one to report.
void run_recorder::fail() noexcept {
  try {
    finish(run_status::failed);
  } catch (const std::exception&) {
  }
}

void run_recorder::fail_writer() noexcept {
  try {
    if (writer_) writer_->finish(run_status::failed);
  } catch (const std::exception&) {
  }
}

}  // namespace bdh::app
