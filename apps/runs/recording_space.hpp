// How much a run's recordings will take on disk, before it begins.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <bdh/simulator.hpp>

#include "apps/runs/first_state.hpp"
#include "apps/runs/run_options.hpp"
#include "io/recording/recording.hpp"

namespace bdh::app {

// Streams that are about to run, and the first of them.
struct expected_streams {
  const simulator& first;                   // made, with nothing read yet
  const std::optional<first_state>& state;  // in which it begins
  std::size_t streams = 1, at_a_time = 1;
  std::optional<std::uint64_t> tokens;  // of all streams, where known
};

// Prints how much the recordings will take, those of pairs of neurons in memory and time, too.
// Where there are events, another stream over the same model reads the beginning of the input, to
// see how active it is. Throws input_error when all is more than a careless user may have meant, or
// than there is.
void expect_space(const run_options& o, const std::vector<recording_description>& recordings,
                  const expected_streams& runs);

}  // namespace bdh::app
