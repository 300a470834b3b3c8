#include "core/model/hub_algebra.hpp"

namespace bdh {

namespace {

void write_row(const projection& p, neuron_id row, double* out) {
  const edge_id first = p.is_dense() ? edge_id{row} * p.columns() : p.indptr()[row],
                last = p.is_dense() ? first + p.columns() : p.indptr()[row + 1];
  for (edge_id e = first; e < last; ++e)
    out[p.is_dense() ? e - first : p.indices()[e]] = p.weight(e);
}

}  // namespace

std::vector<double> dense_row(const projection& p, neuron_id row) {
  std::vector<double> out(p.columns());
  write_row(p, row, out.data());
  return out;
}

std::vector<double> dense_rows(const projection& p) {
  std::vector<double> rows(std::size_t{p.rows()} * p.columns());
  for (neuron_id r = 0; r < p.rows(); ++r)
    write_row(p, r, rows.data() + std::size_t{r} * p.columns());
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
