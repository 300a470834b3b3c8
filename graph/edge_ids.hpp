// Edge ids as users and files know them: positions in CSR with a row for each target, sources
// ascending within a row.
#pragma once

#include <span>
#include <vector>

#include <bdh/projection.hpp>

namespace bdh {

// The file positions of `chosen`, ascending positions in p.weights(); O(edges) where p is stored by
// source, in one pass.
std::vector<edge_id> file_positions(const projection& p, std::span<const edge_id> chosen);

}  // namespace bdh
