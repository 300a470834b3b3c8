// One of several streams that read their tokens together: what it reads next, and what is kept of
// it. The batch (apps/runs/batch.hpp) reads the tokens.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "apps/common/token_source.hpp"
#include "apps/runs/run_recorder.hpp"
#include "apps/runs/token_printer.hpp"

namespace bdh::app {

class stream {
 public:
  // Opens the recording, if there is to be one. The options must outlive it. Throws input_error for
  // an input without tokens.
  stream(std::size_t number, const run_options& o, std::unique_ptr<simulator> brain,
         std::unique_ptr<token_source> input, std::vector<recording_description> recordings);

  std::size_t number() const noexcept { return number_; }
  simulator& brain() noexcept { return *brain_; }

  // The token that brain() is to read; nothing: all are read, or a stop was requested.
  std::optional<token_id> next();
  void add(const step_report& report);  // of that token
  void end();                           // no token more: the run is complete, or interrupted
  void fail() noexcept;                 // after an error: what was read before it is kept

  run_status status() const noexcept { return status_; }  // once it has ended
  const statistics& totals() const noexcept { return recorder_.totals(); }
  const token_printer& generated() const noexcept { return generated_; }

 private:
  const std::size_t number_;
  const run_options& options_;
  const std::unique_ptr<simulator> brain_;
  const std::unique_ptr<token_source> input_;
  run_recorder recorder_;
  token_printer generated_;
  std::optional<token_id> prompt_;  // its next token
  run_status status_ = run_status::interrupted;
};

}  // namespace bdh::app
