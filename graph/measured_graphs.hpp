// Random graphs after measured ones: with the degrees of every neuron, with probabilities that fall
// with distance, or with probabilities between populations. No duplicates, no self-loops, the same
// for the same seed everywhere.
#pragma once

#include <array>
#include <variant>
#include <vector>

#include <bdh/ids.hpp>

#include "core/base/random.hpp"
#include "graph/edge_set.hpp"

namespace bdh {

// Of every neuron: how many edges leave it, and how many arrive. Drawn as a configuration model:
// ends are matched at random, then double edges and self-loops are exchanged away.
struct degree_sequence {
  std::vector<neuron_id> out, in;
};

// An edge i -> j exists with probability * kernel(d / length), d the distance between the two:
// exponential exp(-d / length), gaussian exp(-d^2 / (2 length^2)).
enum class distance_kernel { exponential, gaussian };
struct distance_rule {
  std::vector<std::array<double, 3>> positions;
  distance_kernel kernel = distance_kernel::exponential;
  double length = 1, probability = 1;
};

// An edge from a neuron of population a to one of population b exists with
// probability[a * sizes.size() + b]; neurons are numbered population by population.
struct block_matrix {
  std::vector<neuron_id> sizes;
  std::vector<double> probability;
};

using measured_graph = std::variant<degree_sequence, distance_rule, block_matrix>;

const char* name(const measured_graph& g) noexcept;  // degrees, distance, populations
neuron_id neurons_of(const measured_graph& g);

// Throws input_error naming the number that is out of range: fewer than two neurons, degrees that
// do not add up, positions that are not finite, probabilities outside 0 to 1.
void check(const measured_graph& g);

// Throws input_error where there would be more than `most` edges, and where no graph without double
// edges was found for the degrees.
edge_set generate(const measured_graph& g, random_stream random, edge_id most);

}  // namespace bdh
