#include "graph/edge_ids.hpp"

namespace bdh {

std::vector<edge_id> file_positions(const projection& p, std::span<const edge_id> chosen) {
  std::vector<edge_id> positions;
  positions.reserve(chosen.size());
  if (p.rows_are() == major::target) {
    positions.assign(chosen.begin(), chosen.end());
  } else if (p.is_dense()) {
    for (edge_id e : chosen) positions.push_back(e % p.columns() * p.rows() + e / p.columns());
  } else {
    // next[j]: where the next edge to target j goes.
    std::vector<edge_id> next(p.columns() + std::size_t{1}, 0);
    for (neuron_id target : p.indices()) ++next[target + std::size_t{1}];
    for (std::size_t j = 1; j < next.size(); ++j) next[j] += next[j - 1];
    for (edge_id e = 0; e < p.edges() && positions.size() < chosen.size(); ++e) {
      const edge_id position = next[p.indices()[e]]++;
      if (e == chosen[positions.size()]) positions.push_back(position);
    }
  }
  return positions;
}

}  // namespace bdh
