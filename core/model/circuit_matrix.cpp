#include "core/model/circuit_matrix.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/model/hub_algebra.hpp"

namespace bdh {
namespace {

array<float> in_float(const std::vector<double>& from) {
  array<float> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(),
                 [](double v) { return static_cast<float>(v); });
  return to;
}

// excitatory - inhibitory, by target. A pair that has both gets one edge with the difference.
projection difference(const projection& excitatory, const projection& inhibitory) {
  const auto by_target = [](const projection& p) {
    return p.rows_are() == major::target ? p.copy() : p.transposed();
  };
  const projection plus = by_target(excitatory), minus = by_target(inhibitory);
  std::vector<neuron_id> sources;
  std::vector<float> weights;
  array<edge_id> indptr(std::size_t{plus.rows()} + 1);
  const auto range = [](const projection& p, neuron_id row) {
    return p.is_dense() ? std::pair<edge_id, edge_id>(edge_id{row} * p.columns(),
                                                      edge_id{row + 1} * p.columns())
                        : std::pair<edge_id, edge_id>(p.indptr()[row], p.indptr()[row + 1]);
  };
  const auto column = [](const projection& p, edge_id first, edge_id e) {
    return p.is_dense() ? static_cast<neuron_id>(e - first) : p.indices()[e];
  };
  for (neuron_id row = 0; row < plus.rows(); ++row) {
    auto [p, p_end] = range(plus, row);
    auto [m, m_end] = minus.edges() ? range(minus, row) : std::pair<edge_id, edge_id>(0, 0);
    const edge_id p_first = p, m_first = m;
    while (p < p_end || m < m_end) {
      const neuron_id a = p < p_end ? column(plus, p_first, p) : ~neuron_id{0},
                      b = m < m_end ? column(minus, m_first, m) : ~neuron_id{0};
      const float weight = (a <= b ? plus.weight(p) : 0.0f) - (b <= a ? minus.weight(m) : 0.0f);
      sources.push_back(std::min(a, b));
      weights.push_back(weight);
      p += a <= b;
      m += b <= a;
    }
    indptr[row + 1] = sources.size();
  }
  array<neuron_id> indices(sources.size());
  std::copy(sources.begin(), sources.end(), indices.begin());
  array<float> data(weights.size());
  std::copy(weights.begin(), weights.end(), data.begin());
  return projection::sparse(plus.name(), plus.source(), plus.target(), major::target,
                            std::move(indptr), std::move(indices), std::move(data));
}

}  // namespace

weight_matrix circuit_matrix(const model& m, circuit which) {
  const bool x = which == circuit::gx;
  if (!m.is_direct())
    return weight_matrix::of_product(m.hubs(),
                                     in_float(dense_rows(x ? m.circuits().dx : m.circuits().dy)),
                                     in_float(centred_sources(m)));
  const direct_circuits& d = m.direct();
  return weight_matrix::of_edges(
      difference(x ? d.gx_excitatory : d.gy_excitatory, x ? d.gx_inhibitory : d.gy_inhibitory));
}

}  // namespace bdh
