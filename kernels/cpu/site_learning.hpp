// What one site through hubs keeps of a token so that it can learn from the next one, and the
// errors that come back to it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"
#include "kernels/cpu/activity.hpp"
#include "kernels/cpu/block_sums.hpp"
#include "kernels/cpu/learned_weights.hpp"

namespace bdh {

// Of rows that do not belong to neurons.
constexpr neuron_id blocks_of_rows(neuron_id rows) noexcept {
  return (rows + block_grid::block_size - 1) / block_grid::block_size;
}

struct site_learning {
  site_learning(learned_weights& all, const model& m, const site_share& own,
                id_range readout_blocks, const kernels::cpu_kernels& bodies);

  // Of a layer; [0]: v, s and the gain y alone, of the token.
  struct layer {
    activity x, y;           // own neurons that are active; x.value: later the error dX
    array<float> x_of_y, p;  // as y: X, and P, the drive over Gy
    array<float> v, s;       // (hubs) W after it; what Y gave the hubs, normalised
    array<float> a, gain_a;  // (heads x hubs), (heads): A after its gain
    pool_gains gains;
    bool frozen = false;
    array<float> dz;  // (hubs) error of what Y gives the hubs
    array<float> dx;  // (own neurons) error of X, of the active ones
    array<float> dp;  // as y
    layer(const model& m, neuron_id own, bool token);
  };

  learned_weights& weights;
  std::vector<layer> layers;  // L + 1
  bool known = false;         // of a token
  token_id token = 0, next = 0;
  id_range readout_blocks;  // blocks of readout nodes that are changed here

  // Errors on their way, known to every site.
  array<float> error;        // (readout nodes) e
  array<float> dw;           // (hubs) of W after a layer; from where the readout's error arrived
  array<float> du, arrived;  // (hubs), (heads x hubs)
  array<float> own_write;    // (heads) W . dA
  array<float> dw_readout;   // (hubs) as it came from the readout

  // Room for a step.
  array<float> drive, dy, row_sums, gradient;
  array<neuron_id> rows, units;
  std::vector<const float*> vectors;  // (layers): terms of a row's gradient
  std::vector<float> factors;
  std::vector<kernels::index> places;
  block_sums readout_sums;
  struct bad_row {
    learned_circuit what;
    neuron_id row;
  };
  std::optional<bad_row> bad;  // the first that is not finite

  std::size_t bytes() const noexcept;
};

}  // namespace bdh
