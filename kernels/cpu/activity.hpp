// Neurons that have a value at one site of the CPU engine.
#pragma once

#include <bdh/array.hpp>
#include <bdh/ids.hpp>

namespace bdh {

// Neurons with a value, ascending; the neurons of one block stand together.
struct activity {
  array<neuron_id> id;
  array<float> value;
  neuron_id count = 0;
  explicit activity(neuron_id most) : id(most), value(most) {}
  void add(neuron_id i, float v) noexcept {
    id[count] = i;
    value[count++] = v;
  }
  // Without a branch, which would be unpredictable; there must be room for it.
  void add_unless_zero(neuron_id i, float v) noexcept {
    id[count] = i;
    value[count] = v;
    count += v != 0.0f;
  }
};

}  // namespace bdh
