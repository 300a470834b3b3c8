// One projection from the edges of others: what cutting a graph into parts and joining parts into a
// graph have in common.
#pragma once

#include <limits>
#include <span>
#include <string>

#include <bdh/projection.hpp>

namespace bdh {

inline constexpr neuron_id nowhere = std::numeric_limits<neuron_id>::max();

// Where the edges of a projection go.
struct placement {
  const projection* edges = nullptr;
  // New number of each of its sources and targets; nowhere: left out, with its edges.
  std::span<const neuron_id> source, target;
  float factor = 1;  // of the weights
};

// All edges of the parts in their new places; the weights of edges that fall together are added, in
// the order of the parts. Dense when all parts are dense, which then must cover every pair. Throws
// input_error for a weight that is no longer finite.
projection combined(std::string name, population source, population target, major rows,
                    std::span<const placement> parts);

}  // namespace bdh
