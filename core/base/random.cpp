#include "core/base/random.hpp"

#include <cmath>
#include <numbers>

namespace bdh {
namespace {

std::array<std::uint32_t, 4> block(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept {
  // The key carries seed and purpose, the counter item (64 bits) and step (64 bits): distinct arguments, distinct blocks.
  const auto mixed = seed ^ (static_cast<std::uint64_t>(why) * 0x9E3779B97F4A7C15u);
  return philox({static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32), static_cast<std::uint32_t>(step),
                 static_cast<std::uint32_t>(step >> 32)},
                {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)});
}

double unit(std::uint32_t high, std::uint32_t low) noexcept {
  return static_cast<double>(((static_cast<std::uint64_t>(high) << 32) | low) >> 11) * 0x1p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
  }
  return c;
}

double uniform(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept {
  const auto r = block(seed, why, item, step);
  return unit(r[0], r[1]);
}

double normal(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept {
  const auto r = block(seed, why, item, step);
  const double radius = std::sqrt(-2.0 * std::log1p(-unit(r[0], r[1])));
  return radius * std::cos(2.0 * std::numbers::pi * unit(r[2], r[3]));
}

}  // namespace bdh
