// The weights of a projection as the bodies of prompts in blocks read them: float32. Rounded ones
// are widened, all of them where rows are sparse, tile by tile where they are dense.
#pragma once

#include <bdh/projection.hpp>

#include "core/simulation/partition.hpp"
#include "kernels/cpu/tile.hpp"

namespace bdh {

class prefill_weights {
 public:
  explicit prefill_weights(const projection& p)
      : edges_(p), widened_(p.is_bfloat16() && !p.is_dense() ? p.edges() : 0) {
    for (edge_id e = 0; e < widened_.size(); ++e) widened_[e] = p.weight(e);
  }
  const projection& edges() const noexcept { return edges_; }
  const float* sparse() const noexcept {
    return widened_.empty() ? edges_.view().wide : widened_.data();
  }
  // Memory for dense(): a tile of rows, or nothing where none is needed.
  array<float> scratch() const {
    const bool widens = edges_.is_dense() && edges_.is_bfloat16();
    return array<float>(widens ? std::size_t{kernels::block_tokens} * edges_.columns() : 0);
  }
  // Rows of a tile; null where they are sparse.
  const float* dense(id_range rows, array<float>& scratch) const noexcept {
    if (!edges_.is_dense()) return nullptr;
    const std::size_t first = std::size_t{rows.begin} * edges_.columns(),
                      count = std::size_t{rows.size()} * edges_.columns();
    if (!edges_.is_bfloat16()) return edges_.view().wide + first;
    for (std::size_t k = 0; k < count; ++k) scratch[k] = to_float(edges_.view().narrow[first + k]);
    return scratch.data();
  }
  kernels::prefetch_range prefetch(id_range rows) const noexcept {
    if (!edges_.is_dense() || edges_.is_bfloat16()) return {};
    const float* const first = edges_.view().wide + std::size_t{rows.begin} * edges_.columns();
    return {reinterpret_cast<const char*>(first),
            reinterpret_cast<const char*>(first + std::size_t{rows.size()} * edges_.columns())};
  }

 private:
  const projection& edges_;
  array<float> widened_;
};

}  // namespace bdh
