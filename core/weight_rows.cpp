#include "core/weight_rows.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/pool.hpp"

namespace bdh {
namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t block_values = std::size_t{1} << 21;  // of computed weights: 8 MB a thread

// Eigen cuts sums where the caches of the machine suggest it. Told the same sizes everywhere, it gives the same bits on every x86-64; on
// AArch64 it fuses multiply-adds.
void fix_block_sizes() {
  static std::once_flag done;
  std::call_once(done, [] { Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20); });
}

array<float> in_float(const std::vector<double>& from) {
  array<float> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(), [](double v) { return static_cast<float>(v); });
  return to;
}

// excitatory - inhibitory, by target. A pair that has both gets one edge with the difference.
projection difference(const projection& excitatory, const projection& inhibitory) {
  const auto by_target = [](const projection& p) { return p.rows_are() == order::by_target ? p.copy() : p.transposed(); };
  const projection plus = by_target(excitatory), minus = by_target(inhibitory);
  std::vector<neuron_id> sources;
  std::vector<float> weights;
  array<edge_id> indptr(std::size_t{plus.rows()} + 1);
  const auto range = [](const projection& p, neuron_id row) {
    return p.is_dense() ? std::pair<edge_id, edge_id>(edge_id{row} * p.columns(), edge_id{row + 1} * p.columns())
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
      const neuron_id a = p < p_end ? column(plus, p_first, p) : ~neuron_id{0}, b = m < m_end ? column(minus, m_first, m) : ~neuron_id{0};
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
  return projection::sparse(plus.name(), plus.source(), plus.target(), order::by_target, std::move(indptr), std::move(indices),
                            std::move(data));
}

}  // namespace

weight_rows weight_rows::of_circuit(const model& m, circuit which) {
  const bool x = which == circuit::gx;
  if (!m.is_direct())
    return of_product(m.hubs(), in_float(dense_rows(x ? m.circuits().dx : m.circuits().dy)), in_float(centred_sources(m)));
  const direct_circuits& d = m.direct();
  return of_edges(difference(x ? d.gx_excitatory : d.gy_excitatory, x ? d.gx_inhibitory : d.gy_inhibitory));
}

weight_rows weight_rows::of_edges(const projection& edges) {
  weight_rows rows;
  rows.targets_ = edges.target().size;
  rows.sources_ = edges.source().size;
  rows.edges_ = edges.rows_are() == order::by_target ? edges.copy() : edges.transposed();
  rows.block_rows_ = 64;
  return rows;
}

weight_rows weight_rows::of_product(std::size_t depth, array<float> left, array<float> right) {
  if (depth == 0 || left.size() % depth != 0 || right.size() % depth != 0)
    throw shape_error("factors", std::to_string(left.size()) + " and " + std::to_string(right.size()) + " values",
                      "multiples of " + std::to_string(depth));
  fix_block_sizes();
  weight_rows rows;
  rows.targets_ = static_cast<neuron_id>(left.size() / depth);
  rows.sources_ = static_cast<neuron_id>(right.size() / depth);
  rows.depth_ = depth;
  rows.left_ = std::move(left);
  rows.right_ = std::move(right);
  rows.block_rows_ = std::clamp<std::size_t>(block_values / std::max<std::size_t>(1, rows.sources_), 1, 256);
  return rows;
}

weight_rows weight_rows::with_sources(neuron_id count) && {
  sources_ = std::min(sources_, count);
  return std::move(*this);
}

double weight_rows::weights() const noexcept {
  return edges_ ? static_cast<double>(edges_->edges()) : static_cast<double>(targets_) * sources_;
}

std::size_t weight_rows::blocks() const noexcept { return (targets_ + block_rows_ - 1) / block_rows_; }

void weight_rows::visit(std::size_t block, const std::function<void(const weight_row&)>& each) const {
  const std::size_t first = block * block_rows_, last = std::min<std::size_t>(targets_, first + block_rows_);
  if (!edges_) {
    const Eigen::Map<const row_major> left(left_.data() + first * depth_, static_cast<Eigen::Index>(last - first),
                                           static_cast<Eigen::Index>(depth_)),
        right(right_.data(), sources_, static_cast<Eigen::Index>(depth_));
    row_major product(last - first, sources_);
    product.noalias() = left * right.transpose();
    for (std::size_t row = first; row < last; ++row)
      each({static_cast<neuron_id>(row), {}, {product.data() + (row - first) * sources_, sources_}});
    return;
  }
  std::vector<neuron_id> every;  // the sources of a dense block
  std::vector<float> weights;
  for (std::size_t row = first; row < last; ++row) {
    const projection& p = *edges_;
    const edge_id begin = p.is_dense() ? row * p.columns() : p.indptr()[row];
    std::span<const neuron_id> sources;
    if (p.is_dense()) {
      for (neuron_id j = static_cast<neuron_id>(every.size()); j < sources_; ++j) every.push_back(j);
      sources = every;
    } else {
      sources = p.indices().subspan(begin, p.indptr()[row + 1] - begin);
      sources = sources.first(static_cast<std::size_t>(std::lower_bound(sources.begin(), sources.end(), sources_) - sources.begin()));
    }
    weights.resize(sources.size());
    for (std::size_t e = 0; e < weights.size(); ++e) weights[e] = p.weight(begin + e);
    each({static_cast<neuron_id>(row), sources, weights});
  }
}

}  // namespace bdh
