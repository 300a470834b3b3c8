// e^x from plain arithmetic alone, as core/base/sincos.hpp has sines: the same bits on every
// machine and every device.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <type_traits>

namespace bdh {

// e^x for x <= 0, relative error below 4e-16; 0 where it is less than e^-700.
template <class Float = double>  // a template, since clang takes constexpr at its word where a
                                 // function is none
[[gnu::always_inline]] inline constexpr double exponential(std::type_identity_t<Float> x) noexcept {
  if (!(x > -700.0)) return 0.0;
  const double n = __builtin_floor(x * std::numbers::log2e + 0.5);
  // ln 2 in two parts, of which the product of the first with n is exact: |r| <= ln(2)/2.
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  // Taylor series; the first omitted term is below 5e-18.
  double sum = 1.0 / 6227020800;
  for (double inverse : {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                         1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    sum = sum * r + inverse;
  return sum * std::bit_cast<double>((1023 + static_cast<std::int64_t>(n)) << 52);  // 2^n
}

}  // namespace bdh
