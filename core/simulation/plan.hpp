// The steps of one token as data: what every site does, where messages travel, and where a layer
// can be observed. The scheduler runs a plan (core/simulation/scheduler.hpp).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <bdh/round_table.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

// Steps that a site can do one after the other without a message from another site.
struct phase {
  std::vector<step> steps;
  bool sends = false;              // messages are delivered after it
  std::optional<round_mark> ends;  // the moment that is reached with it
};

using token_plan = std::vector<phase>;

// The stages of an action: engine::stages of the engine that is to run the plan.
using action_stages = std::function<std::span<const stage>(action)>;

// The 4 L rounds of a token in `layers` >= 1 layers, and its readout: phases as long as
// communication allows, from observation::activity on cut at every moment.
//
// Where a layer's synapses are read once and written next, `stages` has an answer for
// propagate_and_reweight, and no synapse is observed in between, that action takes the place of
// both: all of its stages but the last instead of propagate_synapses, the last instead of reweight.
token_plan make_plan(const round_table& table, const action_stages& stages, layer_id layers,
                     observation sees);

// The rounds in which a token that has been read learns from the next one: the error of the
// readout comes back to the hubs; by the exact rule, layer after layer from the last one down, over
// Gy and over the synapses and Gx; then weights change.
token_plan make_learning_plan(const action_stages& stages, layer_id layers, learning_rule rule);

}  // namespace bdh
