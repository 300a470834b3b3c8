#include "core/base/random.hpp"

#include <cmath>
#include <numbers>

#include "core/base/rounded.hpp"

namespace bdh {
namespace {

double unit(std::uint32_t high, std::uint32_t low) noexcept {
  return static_cast<double>(((static_cast<std::uint64_t>(high) << 32) | low) >> 11) * 0x1p-53;
}

}  // namespace

philox_key random_key(std::uint64_t seed, purpose why) noexcept {
  // The key carries seed and purpose, the counter item (64 bits) and step (64 bits): distinct
  // arguments, distinct blocks.
  const auto mixed = seed ^ (static_cast<std::uint64_t>(why) * 0x9E3779B97F4A7C15u);
  return {{static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)}};
}

std::array<std::uint32_t, 4> random_bits(std::uint64_t seed, purpose why, std::uint64_t item,
                                         std::uint64_t step) noexcept {
  const philox_words bits =
      philox_block({{static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32),
                     static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)}},
                   random_key(seed, why));
  return {bits.word[0], bits.word[1], bits.word[2], bits.word[3]};
}

double uniform(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept {
  const auto r = random_bits(seed, why, item, step);
  return unit(r[0], r[1]);
}

double normal(std::uint64_t seed, purpose why, std::uint64_t item, std::uint64_t step) noexcept {
  const auto r = random_bits(seed, why, item, step);
  const double radius = std::sqrt(-2.0 * rounded::log1p(-unit(r[0], r[1])));
  return radius * rounded::cos(2.0 * std::numbers::pi * unit(r[2], r[3]));
}

random_stream::result_type random_stream::operator()() noexcept {
  if (used_ == 4) {
    block_ = random_bits(seed_, why_, item_++, step_);
    used_ = 0;
  }
  return block_[used_++];
}

double random_stream::unit() noexcept {
  const std::uint32_t high = (*this)();
  return bdh::unit(high, (*this)());
}

std::uint32_t random_stream::below(std::uint32_t bound) noexcept {
  // The upper half of a product, with the draws that would favour some numbers thrown away (Lemire
  // 2019).
  const std::uint32_t threshold = (0u - bound) % bound;
  for (;;) {
    const std::uint64_t product = std::uint64_t{(*this)()} * bound;
    if (static_cast<std::uint32_t>(product) >= threshold)
      return static_cast<std::uint32_t>(product >> 32);
  }
}

std::uint64_t random_stream::failures_before_success(double p) noexcept {
  const double u = unit();
  if (p >= 1) return 0;
  const double failures = std::floor(rounded::log1p(-u) / rounded::log1p(-p));
  return failures < 0x1p62 ? static_cast<std::uint64_t>(failures) : std::uint64_t{1} << 62;
}

}  // namespace bdh
