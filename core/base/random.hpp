// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A draw is a pure function of (seed, purpose, item,
// step), so results never depend on the order in which particles are visited.
#pragma once

#include <array>
#include <cstdint>

namespace bdh {

// What a stream of draws is for; streams of different purposes are independent. Values are part of the file formats.
enum class purpose : std::uint32_t { sampling = 1, test_weights = 2, wiring = 3, selection = 4 };

// The raw bijection: 128-bit counter, 64-bit key -> 128 random bits.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept;

// Uniform in [0, 1), a multiple of 2^-53. `item` numbers a particle or edge, `step` a token or repetition.
double uniform(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept;

// Standard normal (Box-Muller on one Philox block).
double normal(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept;

}  // namespace bdh
