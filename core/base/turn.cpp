#include "core/base/turn.hpp"

#include <cmath>
#include <numbers>

namespace bdh {

direction turn(double turns) noexcept {
  const double whole = turns - std::floor(turns);                        // [0, 1]
  const double quarter = std::floor(whole * 4.0 + 0.5);                  // nearest quarter turn
  const double x = (whole - quarter * 0.25) * (2.0 * std::numbers::pi);  // |x| <= pi/4
  const double z = x * x;
  // Taylor series; the first omitted term is below 5e-17 for |x| <= pi/4.
  const double sine =
      x * (1.0 + z * (-1.0 / 6 +
                      z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 +
                                                                                                          z * (-1.0 / 1307674368000))))))));
  const double cosine =
      1.0 + z * (-0.5 + z * (1.0 / 24 +
                             z * (-1.0 / 720 +
                                  z * (1.0 / 40320 + z * (-1.0 / 3628800 + z * (1.0 / 479001600 +
                                                                                z * (-1.0 / 87178291200 + z * (1.0 / 20922789888000))))))));
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

}  // namespace bdh
