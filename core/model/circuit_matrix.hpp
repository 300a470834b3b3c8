// A circuit of a model as one matrix of signed weights, W[target, source].
#pragma once

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

#include "graph/structure/weight_matrix.hpp"

namespace bdh {

// Gx or Gy: targets are neurons; sources are neurons and, in models imported from BDH-GPU, the
// sensory nodes after them. Through hubs Gx = Dx C B, the matrix that acts. The model need not
// outlive it.
weight_matrix circuit_matrix(const model& m, circuit which);

}  // namespace bdh
