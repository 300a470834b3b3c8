// One run: tokens go in, reports come out; the same for `bdh run`, for `bdh resume`, and for each
// of several streams.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/token_source.hpp"
#include "apps/runs/run_options.hpp"
#include "apps/runs/statistics.hpp"
#include "core/simulation/simulator.hpp"
#include "io/recording/recording.hpp"

namespace bdh::app {

// Where a run that was stopped goes on: the simulator holds the synapses of that moment.
struct resume_point {
  std::uint64_t rows = 0;         // tokens of the run that were read
  std::uint64_t generated = 0;    // of them
  std::vector<token_id> to_skip;  // of the input, which has them once more
};

// Perturbs `brain` as the run was asked to. `first`: position of the run's first token; `total`:
// its tokens, where known. Throws input_error for what can never happen in this run.
void intervene(simulator& brain, const run_options& o, std::uint64_t first,
               std::optional<std::uint64_t> total);

// Whether a stream without forgetting that gets to `tokens` tokens leaves what the model was
// trained on; and what is said then.
bool leaves_window(const simulator& brain, std::uint64_t tokens);
void note_window(const model& m);

// Reads all tokens, generates the others; returns the exit code. Whatever happens, what was read
// until then is recorded.
int run_session(const run_options& o, const model& m, simulator& brain, token_source& input,
                std::vector<report_description> reports,
                const std::optional<resume_point>& resumed = std::nullopt);

// The same run token by token, for a stream among others: it tells what is to be read, somebody
// else reads. It says nothing.
class stream_session {
 public:
  // Opens the recording, if there is to be one. Throws input_error for an input without tokens.
  stream_session(run_options o, std::unique_ptr<simulator> brain,
                 std::unique_ptr<token_source> input, std::vector<report_description> reports);
  stream_session(stream_session&&) noexcept;
  stream_session& operator=(stream_session&&) noexcept;
  ~stream_session();

  simulator& brain() noexcept;
  std::optional<token_id>
  next();  // the token that brain() is to read; nothing: all are read, or a stop was requested
  void took(const step_report& report);
  void end();            // no token more: the run is complete, or interrupted
  void fail() noexcept;  // after an error: what was read before it is kept
  bool complete() const noexcept;

  const statistics& done() const noexcept;
  const std::vector<token_id>& generated() const noexcept;
  const std::string& generated_text() const noexcept;  // bytes; empty where tokens are not bytes

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace bdh::app
