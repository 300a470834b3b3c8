// Sine and cosine of an angle given in turns, and integer powers, from plain arithmetic alone: the same bits on every
// machine and for every compiler, which a libm does not promise.
#pragma once

#include <cstdint>

namespace bdh {

struct direction {
  double cosine, sine;
};

// cos(2 pi turns), sin(2 pi turns) for any finite `turns`; absolute error below 5e-16.
direction turn(double turns) noexcept;

// base^exponent by repeated squaring; power(x, 0) == 1.
[[gnu::always_inline]] inline constexpr double power(double base, std::uint64_t exponent) noexcept {
  double result = 1.0;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

}  // namespace bdh
