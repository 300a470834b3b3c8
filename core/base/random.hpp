// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A draw is a pure function
// of (seed, purpose, item, step), so results never depend on the order in which particles are
// visited.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/philox.hpp"

namespace bdh {

// What a stream of draws is for; streams of different purposes are independent. Values are part of
// the file formats.
enum class purpose : std::uint32_t {
  sampling = 1,
  test_weights = 2,
  wiring = 3,
  selection = 4,     // random:K@SEED
  graph_edges = 16,  // of generated graphs; step: which of them
  graph_weights = 17,
  graph_inhibition = 18,
  graph_sensory = 19,
  graph_readout = 20,
  calibration = 21,       // tokens of a test stream
  synapse_rounding = 32,  // item: layer and pair of neurons, step: the layer's clock
  noise = 33,             // random currents; item: stream and neuron, step: token, layer, X or Y
  permutation = 34,       // of labels, in tests; step: which of them
  spikes =
      35  // item: particle and token, step: token, layer, population and bins (kernels/spikes.hpp)
};

// The key of a stream of draws.
philox_key random_key(std::uint64_t seed, purpose why) noexcept;

// The 128 bits that all draws below are made of.
std::array<std::uint32_t, 4> random_bits(std::uint64_t seed, purpose why, std::uint64_t item,
                                         std::uint64_t step) noexcept;

// Uniform in [0, 1), a multiple of 2^-53. `item` numbers a particle or edge, `step` a token or
// repetition.
double uniform(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept;

// Standard normal (Box-Muller on one Philox block).
double normal(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept;

// The draws of one (seed, purpose, step) one after the other, 32 bits each: a uniform random bit
// generator, as the standard library's and Boost's distributions and generators take it.
class random_stream {
 public:
  using result_type = std::uint32_t;

  random_stream(std::uint64_t seed, purpose why, std::uint64_t step) noexcept
      : seed_(seed), step_(step), why_(why) {}
  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return 0xFFFFFFFFu; }
  result_type operator()() noexcept;

  double unit() noexcept;                             // uniform in [0, 1)
  std::uint32_t below(std::uint32_t bound) noexcept;  // uniform in 0 .. bound - 1; bound > 0
  // Geometric: Bernoulli(p) draws that fail first; 0 < p <= 1.
  std::uint64_t failures_before_success(double p) noexcept;

 private:
  std::uint64_t seed_, step_, item_ = 0;
  purpose why_;
  unsigned used_ = 4;  // words of block_
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace bdh
