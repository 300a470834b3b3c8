// Orders for the neurons of a model with explicit edges in which those that are connected lie near
// each other (model::order).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <bdh/model.hpp>

#include "graph/structure/node_order.hpp"

namespace bdh {

// Neurons are neighbours where any circuit or synapse connects them. Heads stay where they are,
// rotation pairs stay together; all heads of a model that rotates get the same order. Throws
// unavailable_error for circuits through hubs, whose rows are dense. `seed` and `interrupt` as in
// graph/structure/node_order.hpp.
std::vector<neuron_id> memory_order(const model& m, node_order how, std::uint64_t seed = 0,
                                    std::function<void()> interrupt = {});

// The mean distance in memory of the two ends of an edge, over all explicit edges between neurons;
// 0 where there is none. Throws as above.
double mean_distance(const model& m);

}  // namespace bdh
