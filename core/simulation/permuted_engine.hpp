// An engine for a model with a memory order of its own (model::memory_order): inside, neurons lie
// in that order, so that those that are connected are near each other in memory; outside, in every
// argument and result, they have their numbers. No other code depends on the order. Sums have their
// terms in another order than without it; all else is the same.
//
// It has a copy of the model's circuits, in its order.
#pragma once

#include <functional>
#include <memory>

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

// `make`: an engine for the model that it is given, which outlives it and has no order. `m` has
// one, and outlives the engine.
std::unique_ptr<engine> permuted_engine(
    const model& m, const std::function<std::unique_ptr<engine>(const model& inside)>& make);

}  // namespace bdh
