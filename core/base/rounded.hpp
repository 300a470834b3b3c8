// Logarithm, exponential, powers and cosine from plain arithmetic alone, for numbers that become
// bits of a model, of its weights or of a record: a libm does not promise its last bit, and glibc's
// depends on whether the processor has fused multiply-add. These are the same on every machine, and
// all but always the double that is nearest to the exact value: they are worked out with about 100
// bits and rounded once. core/base/sincos.hpp and exponential.hpp are for kernels and devices:
// faster, and a few units in the last place from the nearest.
#pragma once

namespace bdh::rounded {

double log(double x) noexcept;            // as std::log outside x > 0
double log1p(double x) noexcept;          // ln(1 + x); as std::log1p outside x > -1
double exp(double x) noexcept;            // 0 for x < -700, infinite for x > 700
double pow(double x, double y) noexcept;  // e^(y ln x), x > 0
double cos(double x) noexcept;            // |x| <= 1000

}  // namespace bdh::rounded
