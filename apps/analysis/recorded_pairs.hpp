// The strongest pairs of neurons that a run has recorded (pairs:top:K) as a weighted graph,
// presynaptic -> postsynaptic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <bdh/model.hpp>

#include "graph/structure/weight_matrix.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {

struct recorded_pairs {
  weight_matrix rows;  // neurons x neurons, the pairs that were listed
  std::uint64_t position = 0, top = 0;
};

// After the token at `position` (none: the last that was recorded), of the recording of this layer
// and factor that lists most. Throws input_error where there is none.
recorded_pairs pairs_of_run(const run_reader& run, const model& m, layer_id layer, bool by_y,
                            std::optional<std::uint64_t> position);

}  // namespace bdh::app
