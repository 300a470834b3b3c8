// The upper half of a float32: 8 bits of exponent, 7 of mantissa. Half the bytes, a relative error
// of at most 2^-9.
#pragma once

#include <bit>
#include <cstdint>

namespace bdh {

struct bfloat16 {
  std::uint16_t bits;
};

[[gnu::always_inline]] inline constexpr float to_float(bfloat16 b) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b.bits) << 16);
}

constexpr bool is_bfloat16(float value) noexcept {
  return (std::bit_cast<std::uint32_t>(value) & 0xffffu) == 0;
}

// The nearest one, ties to even. A float32 above the largest bfloat16 becomes infinite; not for
// NaN.
constexpr bfloat16 to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace bdh
