#include "core/model/hub_algebra.hpp"

namespace bdh {

std::vector<double> dense_rows(const projection& p) {
  std::vector<double> rows(std::size_t{p.rows()} * p.columns());
  for (std::size_t r = 0; r < p.rows(); ++r) {
    const edge_id first = p.is_dense() ? r * p.columns() : p.indptr()[r],
                  last = p.is_dense() ? first + p.columns() : p.indptr()[r + 1];
    for (edge_id e = first; e < last; ++e)
      rows[r * p.columns() + (p.is_dense() ? e - first : p.indices()[e])] = p.weight(e);
  }
  return rows;
}

std::vector<double> centred_sources(const model& m) {
  std::vector<double> all = dense_rows(m.circuits().e);
  const std::vector<double> sensory = dense_rows(m.circuits().sensory);
  all.insert(all.end(), sensory.begin(), sensory.end());
  const std::size_t hubs = m.hubs();
  for (std::size_t j = 0; m.rules().centred() && j < all.size(); j += hubs) {
    double mean = 0;
    for (std::size_t h = 0; h < hubs; ++h) mean += all[j + h];
    mean /= static_cast<double>(hubs);
    for (std::size_t h = 0; h < hubs; ++h) all[j + h] -= mean;
  }
  return all;
}

}  // namespace bdh
