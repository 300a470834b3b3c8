#include "graph/structure/weight_matrix.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

namespace bdh {
namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t block_values = std::size_t{1} << 21;  // of computed weights: 8 MB a thread

// Eigen cuts sums where the caches of the machine suggest it. With the same sizes everywhere, it
// gives the same bits on every x86-64; on AArch64 it fuses multiply-adds.
void fix_block_sizes() {
  static std::once_flag done;
  std::call_once(done, [] { Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20); });
}

}  // namespace

weight_matrix weight_matrix::of_edges(const projection& edges) {
  weight_matrix rows;
  rows.targets_ = edges.target().size;
  rows.sources_ = edges.source().size;
  rows.edges_ = edges.rows_are() == major::target ? edges.copy() : edges.transposed();
  rows.block_rows_ = 64;
  return rows;
}

weight_matrix weight_matrix::of_product(std::size_t depth, array<float> left, array<float> right) {
  if (depth == 0 || left.size() % depth != 0 || right.size() % depth != 0)
    throw shape_error(
        "factors", std::to_string(left.size()) + " and " + std::to_string(right.size()) + " values",
        "multiples of " + std::to_string(depth));
  fix_block_sizes();
  weight_matrix rows;
  rows.targets_ = static_cast<neuron_id>(left.size() / depth);
  rows.sources_ = static_cast<neuron_id>(right.size() / depth);
  rows.depth_ = depth;
  rows.left_ = std::move(left);
  rows.right_ = std::move(right);
  rows.block_rows_ =
      std::clamp<std::size_t>(block_values / std::max<std::size_t>(1, rows.sources_), 1, 256);
  return rows;
}

weight_matrix weight_matrix::with_sources(neuron_id count) && {
  sources_ = std::min(sources_, count);
  return std::move(*this);
}

double weight_matrix::weights() const noexcept {
  return edges_ ? static_cast<double>(edges_->edges()) : static_cast<double>(targets_) * sources_;
}

std::size_t weight_matrix::blocks() const noexcept {
  return (targets_ + block_rows_ - 1) / block_rows_;
}

void weight_matrix::visit(std::size_t block,
                          const std::function<void(const weight_row&)>& each) const {
  const std::size_t first = block * block_rows_,
                    last = std::min<std::size_t>(targets_, first + block_rows_);
  if (!edges_) {
    const Eigen::Map<const row_major> left(left_.data() + first * depth_,
                                           static_cast<Eigen::Index>(last - first),
                                           static_cast<Eigen::Index>(depth_)),
        right(right_.data(), sources_, static_cast<Eigen::Index>(depth_));
    row_major product(last - first, sources_);
    product.noalias() = left * right.transpose();
    for (std::size_t row = first; row < last; ++row)
      each(
          {static_cast<neuron_id>(row), {}, {product.data() + (row - first) * sources_, sources_}});
    return;
  }
  std::vector<neuron_id> every;  // the sources of a dense block
  std::vector<float> weights;
  for (std::size_t row = first; row < last; ++row) {
    const projection& p = *edges_;
    const edge_id begin = p.is_dense() ? row * p.columns() : p.indptr()[row];
    std::span<const neuron_id> sources;
    if (p.is_dense()) {
      for (neuron_id j = static_cast<neuron_id>(every.size()); j < sources_; ++j)
        every.push_back(j);
      sources = every;
    } else {
      sources = p.indices().subspan(begin, p.indptr()[row + 1] - begin);
      sources = sources.first(static_cast<std::size_t>(
          std::lower_bound(sources.begin(), sources.end(), sources_) - sources.begin()));
    }
    weights.resize(sources.size());
    for (std::size_t e = 0; e < weights.size(); ++e) weights[e] = p.weight(begin + e);
    each({static_cast<neuron_id>(row), sources, weights});
  }
}

}  // namespace bdh
