// Gains of a model that exists, of whatever graph: its excitatory weights in Gx times one factor,
// its inhibitory ones times another, and so in Gy. Nothing else of it changes, unless which neurons
// a token drives is left open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/analysis/tuning.hpp"

namespace bdh {

struct model_tuning {
  std::string place;        // of messages: the file
  std::optional<double> g;  // in Gx and in Gy; none: searched, or 5 where sensory edges are open
  // Tokens drive other neurons: as many as the target needs, drawn with this seed.
  std::optional<std::uint64_t> new_sensory;
  // Where tokens drive the neurons of the model and no gains are found, the message says whether
  // there are some for tokens that drive others, drawn with this seed.
  std::optional<std::uint64_t> other_sensory = {};
};

// Throws unavailable_error for circuits through hubs, and for gains that come from a pool;
// input_error for a graph without excitatory weights; tuning_error, whose hint names a target for
// which gains were found.
tuned_model tune_model(const model& m, const model_tuning& how, const engine_factory& make_engine,
                       const tuning_goal& goal = {}, const tuning_work& work = {});

}  // namespace bdh
