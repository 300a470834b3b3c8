// bdh run with --batch, --streams or --trials: several streams over one model, each a run of its
// own, read together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/simulator.hpp>

#include "apps/runs/first_state.hpp"
#include "apps/runs/run_options.hpp"
#include "io/protocol/protocol.hpp"
#include "io/recording/recording.hpp"

namespace bdh::app {

struct batch_plan {
  std::vector<run_options> streams;              // the options of each, as if it were alone
  std::size_t at_a_time = 0;                     // of them
  std::optional<std::uint64_t> tokens, longest;  // of all streams, of the longest; where known
};

// Reads the prompts, all of them; or makes a stream of each trial of each condition of `what`,
// where there is one: trials of a number have the same seed, seed + number, in all conditions.
// Throws input_error for what is no prompt, and for streams that do not fit into memory.
batch_plan plan_batch(const run_options& o, const model& m, bool rounded_synapses,
                      const std::optional<protocol>& what);

// `first`: a stream to begin with, `state`: where every stream begins. Returns the exit code: 1
// when a stream failed.
int run_batch(const run_options& o, const batch_plan& plan, std::unique_ptr<simulator> first,
              const std::optional<first_state>& state,
              const std::vector<recording_description>& recordings);

}  // namespace bdh::app
