// What is kept of one run while it goes on: its folder, with recordings and checkpoints, and sums
// over its tokens. The caller drives the simulator.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <bdh/simulator.hpp>

#include "apps/runs/run_options.hpp"
#include "apps/runs/statistics.hpp"
#include "io/recording/recorder.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh::app {

// Where a run that was stopped goes on: the simulator holds the synapses of that moment.
struct resumed_run {
  std::uint64_t rows = 0;         // tokens of the run that were read
  std::uint64_t generated = 0;    // of them
  std::vector<token_id> tokens;   // all of them
  std::vector<token_id> to_skip;  // of the input, which has them once more
};

class run_recorder {
 public:
  // Options and simulator must outlive it. `recordings`: of a new run; one that goes on has its
  // own. Nothing is written before open().
  run_recorder(const run_options& o, simulator& brain,
               std::vector<recording_description> recordings);

  // Makes the folder; or, with `resumed`, goes on in it. Without a folder in the options only the
  // sums are kept. All of these throw device_error where a write fails; this one `stopped`, after
  // which the run goes on from where it was.
  void open(const std::optional<resumed_run>& resumed);
  void before_token();  // writes a checkpoint, where one is due
  void before_block();  // the same: at the first end of a block behind a multiple of the interval
  void add(const step_report& report, bool generated);  // after a token, before the next one
  void commit();

  void finish(run_status status);  // an interrupted run leaves a checkpoint
  // finish(); then the model that learned and the state are saved, as the options say.
  void end(run_status status);
  // A run that learns and was stopped, but can go on, does not leave its model.
  bool saves_model(bool interrupted) const { return !interrupted || options_.folder.empty(); }
  void fail() noexcept;  // after an error: what was read before it is kept

  const statistics& totals() const noexcept { return totals_; }
  std::span<const recording_description> recordings() const noexcept { return recordings_; }
  std::uint64_t first() const noexcept { return first_; }  // position of the run's first token

 private:
  void catch_up(const resumed_run& resumed);
  void write_checkpoint();
  void fail_writer() noexcept;
  void save_learned();

  const run_options& options_;
  simulator& brain_;
  std::vector<recording_description> recordings_;
  std::uint64_t first_, last_checkpoint_;
  statistics totals_;
  std::optional<recorder> recorder_;
  std::optional<run_writer> writer_;
  std::optional<learned_text> learned_;  // where weights learn
  bool resumed_ = false;
};

}  // namespace bdh::app
