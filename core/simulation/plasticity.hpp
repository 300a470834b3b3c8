// How the synapse of a pair of neurons is written and kept, whether the model has this edge or not.
#pragma once

#include <bdh/model.hpp>
#include <bdh/selection.hpp>

namespace bdh {

struct plasticity {
  float rate = 1, partner_rate = 1;  // of i -> j and of i's rotation partner -> j
  double retention = 1;              // u per token
};

// An edge of gs has its own rate and u; any other pair has rate 1 and `retention`, that of the run.
plasticity plasticity_of(const model& m, double retention, const neuron_pair& pair);

}  // namespace bdh
