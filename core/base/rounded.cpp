#include "core/base/rounded.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numbers>

namespace bdh::rounded {
namespace {

// An unevaluated sum, the second part below half a unit in the last place of the first: twice the
// digits of a double (Dekker 1971). Every operation below is one that IEEE 754 rounds in one way
// only, as long as no product is contracted with a sum.
struct two {
  double high, low = 0;
};

constexpr two ordered_sum(double a, double b) {  // |a| >= |b|
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

constexpr two sum(double a, double b) {
  const double sum = a + b, of_b = sum - a;
  return {sum, (a - (sum - of_b)) + (b - of_b)};
}

constexpr two product(double a, double b) {
  const auto halves = [](double v) {  // 26 bits each
    const double far = 134217729.0 * v, upper = far - (far - v);
    return two{upper, v - upper};
  };
  const double p = a * b;
  const two x = halves(a), y = halves(b);
  return {p, ((x.high * y.high - p) + x.high * y.low + x.low * y.high) + x.low * y.low};
}

constexpr two operator+(two a, two b) {
  const two high = sum(a.high, b.high), low = sum(a.low, b.low);
  const two all = ordered_sum(high.high, high.low + low.high);
  return ordered_sum(all.high, all.low + low.low);
}
constexpr two operator-(two a) { return {-a.high, -a.low}; }
constexpr two operator*(two a, two b) {
  const two p = product(a.high, b.high);
  return ordered_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}
constexpr two times(two a, double power_of_two) {
  return {a.high * power_of_two, a.low * power_of_two};
}

// Constants in three parts, of which the first two have 32 bits: their products with an integer are
// exact.
struct three {
  double first, second, third;
};
constexpr three ln2{0x1.62e42fee00000p-1, 0x1.a39ef35600000p-33, 0x1.93c7673007e5fp-65};
constexpr three half_pi{0x1.921fb54400000p+0, 0x1.0b4611a600000p-34, 0x1.3198a2e037073p-69};

constexpr two add_multiple(two to, double n, three of) {
  return ((to + two{n * of.first}) + two{n * of.second}) + two{n * of.third};
}

// 1/n!, n = 1 ... 11
constexpr two inverse_factorial[] = {{0, 0},
                                     {1, 0},
                                     {0x1p-1, 0},
                                     {0x1.5555555555555p-3, 0x1.5555555555555p-57},
                                     {0x1.5555555555555p-5, 0x1.5555555555555p-59},
                                     {0x1.1111111111111p-7, 0x1.1111111111111p-63},
                                     {0x1.6c16c16c16c17p-10, -0x1.f49f49f49f49fp-65},
                                     {0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-73},
                                     {0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
                                     {0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
                                     {0x1.27e4fb7789f5cp-22, 0x1.cbbc05b4fa99ap-76},
                                     {0x1.ae64567f544e4p-26, -0x1.c062e06d1f209p-80}};

// e^r - 1 for |r| <= 0.35, relative error below 2^-85. The series is that of r/4; of its terms the
// later ones need no more than a double.
two exp_minus_1(two r) {
  const two q = times(r, 0.25);
  double tail = 0;
  for (double inverse : {1.0 / 1307674368000, 1.0 / 87178291200, 1.0 / 6227020800, 1.0 / 479001600,
                         1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040})
    tail = tail * q.high + inverse;
  two e{tail};
  for (int n = 6; n >= 1; --n) e = e * q + inverse_factorial[n];
  e = e * q;
  for (int doubled = 0; doubled < 2; ++doubled) e = times(e, 2) + e * e;  // (1 + e)^2 - 1
  return e;
}

// Of a normal number.
double power_of_2(int n) { return std::bit_cast<double>((std::int64_t{1023} + n) << 52); }

double exp(two x) {
  if (std::isnan(x.high)) return x.high;
  if (x.high < -700) return 0;
  if (x.high > 700) return std::numeric_limits<double>::infinity();
  const double n = std::floor(x.high * std::numbers::log2e + 0.5);
  return (two{1} + exp_minus_1(add_multiple(x, -n, ln2))).high * power_of_2(static_cast<int>(n));
}

two log(two x) {
  int exponent = 0;
  double mantissa = std::frexp(x.high, &exponent);
  if (mantissa < 0.70710678118654752) exponent -= 1;
  // About sqrt(1/2) ... sqrt(2); in two steps, since the power for a denormal number would be none.
  const two m = times(times(x, power_of_2(-exponent / 2)), power_of_2(-exponent - -exponent / 2));
  // What a double can know of ln m, then what is missing: the logarithm of m / e^near, of which one
  // term of the series is enough.
  const double less = (m.high - 1) + m.low, s = less / (m.high + 1), z = s * s;
  double series = 0;
  for (int n = 21; n >= 3; n -= 2) series = (series + 1.0 / n) * z;
  const double near = 2 * (s + s * series);
  const two rest = (sum(m.high, -1) + two{m.low}) + m * exp_minus_1({-near});
  return add_multiple(sum(near, rest.high), exponent, ln2);
}

}  // namespace

// Infinities and NaN as in the standard library.
double log(double x) noexcept { return x > 0 && std::isfinite(x) ? log(two{x}).high : std::log(x); }
double log1p(double x) noexcept {
  return x != 0 && x > -1 && std::isfinite(x) ? log(sum(1, x)).high : std::log1p(x);
}
double exp(double x) noexcept { return exp(two{x}); }
double pow(double x, double y) noexcept { return exp(log(two{x}) * two{y}); }

double cos(double x) noexcept {
  const double quarter = std::floor(x * (2 / std::numbers::pi) + 0.5);
  const two r = add_multiple({x}, -quarter, half_pi), z = r * r;  // |r| <= pi/4
  const auto turned = static_cast<unsigned>(static_cast<int>(quarter)) & 3;
  const int odd = turned & 1;  // the sine of r: its series has the odd terms
  // Taylor; the later terms need no more than a double.
  double tail = 0;
  for (int n = 24 + odd; n >= 12 + odd; n -= 2) {
    double factorial = 1;
    for (int k = 2; k <= n; ++k) factorial *= k;
    tail = (n % 4 < 2 ? 1.0 : -1.0) / factorial + z.high * tail;
  }
  two value{tail};
  for (int n = 10 + odd; n >= 0; n -= 2) {
    const two term = n == 0 ? two{1} : inverse_factorial[n];
    value = value * z + (n % 4 < 2 ? term : -term);
  }
  if (odd) value = value * r;
  return turned == 1 || turned == 2 ? -value.high : value.high;
}

}  // namespace bdh::rounded
