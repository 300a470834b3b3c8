// What a model does while it reads a text, for pruning (core/model/direct_form.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "core/model/direct_form.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

struct calibrate_options {
  bool pairs = false;       // the sums over pairs too: 4 x neurons x sources bytes
  std::size_t threads = 1;  // the result does not depend on it
  std::function<void(std::size_t)> after_window;  // how many are done
};

// Runs a model through hubs over the windows, each from synapses at zero. The hubs carry C B W, not
// W; W of the sources is followed from Y by the update rule, in double. Throws input_error for a
// token outside the vocabulary or without any token, and what simulator::step throws.
calibration calibrate(const model& hubs, const engine_factory& make_engine,
                      std::span<const std::vector<token_id>> windows,
                      const calibrate_options& options = {});

}  // namespace bdh
