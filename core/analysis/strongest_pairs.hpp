// The strongest synapses among all pairs of neurons: of a layer after a text, from the factors that
// wrote them (core/analysis/hebbian_trace.hpp), n^2 of them, of which no more than a block is held.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <bdh/ids.hpp>

#include "core/base/executor.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

struct weighted_pair {
  neuron_pair pair;  // pre -> post
  float weight = 0;
};

// The `count` with the largest |weight|, largest first; of equal ones the lower target, then the
// lower source first. Weights of 0 do not count. The same for any number of threads. `after_block`:
// called with the share of the blocks that is done, by several threads; may throw, to stop.
std::vector<weighted_pair> strongest_pairs(const weight_matrix& of, std::size_t count,
                                           executor& work,
                                           const std::function<void(double)>& after_block = {});

}  // namespace bdh
