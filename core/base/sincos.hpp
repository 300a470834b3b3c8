// Sine and cosine of an angle given in turns, and integer powers, from plain arithmetic alone: the
// same bits on every machine and for every compiler, which a libm does not promise.
#pragma once

#include <cstdint>
#include <numbers>
#include <type_traits>

namespace bdh {

struct cos_sin {
  double cosine, sine;
};

// cos(2 pi turns), sin(2 pi turns) for any finite `turns`; absolute error below 5e-16.
template <class Float = double>  // a template, since clang takes constexpr at its word where a
                                 // function is none
[[gnu::always_inline]] inline constexpr cos_sin sincos_turns(
    std::type_identity_t<Float> turns) noexcept {
  const double whole = turns - __builtin_floor(turns);                   // [0, 1]
  const double quarter = __builtin_floor(whole * 4.0 + 0.5);             // nearest quarter turn
  const double x = (whole - quarter * 0.25) * (2.0 * std::numbers::pi);  // |x| <= pi/4
  const double z = x * x;
  // Taylor series; the first omitted term is below 5e-17 for |x| <= pi/4.
  const double sine =
      x * (1.0 + z * (-1.0 / 6 +
                      z * (1.0 / 120 +
                           z * (-1.0 / 5040 +
                                z * (1.0 / 362880 +
                                     z * (-1.0 / 39916800 +
                                          z * (1.0 / 6227020800 + z * (-1.0 / 1307674368000))))))));
  const double cosine =
      1.0 +
      z * (-0.5 + z * (1.0 / 24 +
                       z * (-1.0 / 720 +
                            z * (1.0 / 40320 +
                                 z * (-1.0 / 3628800 +
                                      z * (1.0 / 479001600 + z * (-1.0 / 87178291200 +
                                                                  z * (1.0 / 20922789888000))))))));
  switch (static_cast<int>(quarter) & 3) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

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
