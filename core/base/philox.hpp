// Philox4x32-10 (Salmon et al., SC 2011), the bijection under all random numbers
// (core/base/random.hpp), in a form that kernel bodies can use on every device.
#pragma once

#include <cstdint>

namespace bdh {

struct philox_words {
  std::uint32_t word[4];
  friend bool operator==(const philox_words&, const philox_words&) = default;
};
struct philox_key {
  std::uint32_t word[2];
};

// 128-bit counter, 64-bit key -> 128 random bits.
[[gnu::always_inline]] inline constexpr philox_words philox_block(philox_words c,
                                                                  philox_key k) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c.word[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c.word[2];
    c = {{static_cast<std::uint32_t>(b >> 32) ^ c.word[1] ^ k.word[0],
          static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>(a >> 32) ^ c.word[3] ^ k.word[1],
          static_cast<std::uint32_t>(a)}};
    k = {{k.word[0] + 0x9E3779B9u, k.word[1] + 0xBB67AE85u}};
  }
  return c;
}

}  // namespace bdh
