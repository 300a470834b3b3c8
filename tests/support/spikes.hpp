// How the activity of a model travels as spikes in tests.
#pragma once

#include <cstdint>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/spike_scales.hpp"

namespace tests {

// All that can emit, in windows of so many bins, with scales of `factor` times the largest values
// that the tokens give.
inline bdh::spiking settings(const bdh::model& m, const std::vector<int>& tokens,
                             std::uint32_t bins, float factor = 1.5f) {
  bdh::simulator brain(m, bdh::cpu_engine(m));
  const bdh::spike_scale_meter meter(brain);
  for (const int t : tokens) brain.step(static_cast<bdh::token_id>(t));
  bdh::spiking how;
  for (auto& [s, scales] : meter.scales({100, 100, 100, 100, 100})) {
    for (float& scale : scales) scale *= factor;
    how.of(s) = {bins, scales};
  }
  return how;
}

}  // namespace tests
