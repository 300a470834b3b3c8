// The hubs of an imported model as a pool: what every source sends to it, C B.
#pragma once

#include <vector>

#include <bdh/model.hpp>

namespace bdh {

// One row of a projection, with 0 where there is no edge.
std::vector<double> dense_row(const projection& p, neuron_id row);
// rows x columns of a projection, in its own order; pairs without an edge are 0.
std::vector<double> dense_rows(const projection& p);

// C [e | sensory], transposed: (sources x hubs); C only where the dynamics are centred.
std::vector<double> centred_sources(const model& m);

}  // namespace bdh
