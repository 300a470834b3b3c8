// One run: tokens go in, reports come out; the same for `bdh run` and for `bdh resume`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/run_options.hpp"
#include "apps/statistics.hpp"
#include "apps/token_source.hpp"
#include "core/simulator.hpp"
#include "io/report.hpp"

namespace bdh::app {

// Where a run that was stopped goes on: the simulator holds the synapses of that moment.
struct resume_point {
  std::uint64_t rows = 0;         // tokens of the run that were read
  std::uint64_t generated = 0;    // of them
  std::vector<token_id> to_skip;  // of the input, which has them once more
};

// Perturbs `brain` as the run was asked to. `first`: position of the run's first token; `total`: its tokens, where known. Throws
// input_error for what can never happen in this run.
void intervene(simulator& brain, const run_options& o, std::uint64_t first, std::optional<std::uint64_t> total);

// Reads all tokens, generates the others; returns the exit code. Whatever happens, what was read until then is recorded.
int run_session(const run_options& o, const model& m, simulator& brain, token_source& input, std::vector<report_description> reports,
                const std::optional<resume_point>& resumed = std::nullopt);

}  // namespace bdh::app
