// An engine for a model with an order of its own (model::order): inside, neurons lie in that order,
// so that those that are connected are near each other in memory; outside, in everything that is
// asked and answered, they have their numbers. Nobody but this engine knows of the order. Sums have
// their terms in another order than without it; all else is the same.
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
