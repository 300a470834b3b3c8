// Kernel 2 of 4: reweight (Hebb). What fires together wires together:
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) X(i)
//
// over the synapses of one active neuron i. X is given in the rotating frame; u^k is the decay that the row has not yet been
// given since it was last used (kernel 4).
#pragma once

#include "kernels/group.hpp"

namespace bdh::kernels {

struct reweight {
  float* rows;  // stored strengths, rows of `width` targets
  index width, first_source;
  const index* source;    // active neurons
  const float* activity;  // X in the rotating frame, as `source`
  const float* kept;      // u^k, as `source`
  const float* w;         // (width) W of the targets

  template <class Group>
  constexpr void operator()(const Group& group, index j) const noexcept {
    float* row = rows + static_cast<std::size_t>(source[j] - first_source) * width;
    const float x = activity[j], u = kept[j];
    group.row(width, [&](auto k) { store(row, k, load(row, k) * u + load(w, k) * x); });
  }
};

}  // namespace bdh::kernels
