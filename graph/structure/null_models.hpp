// The null model of a graph that is a product of two trained factors: a product of factors without
// any structure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

// Factors with independent standard normal entries; the product is of the size of a window, and its
// rows are those of a window of the same kind.
struct random_product {
  weight_matrix rows;
  neuron_window window;
};
random_product gaussian_product(const neuron_window& like, std::size_t depth, std::uint64_t seed);

}  // namespace bdh
