// Colours that can be distinguished with any colour vision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bdh::figure {

struct colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  std::string text() const;  // "#0072b2"
  bool operator==(const colour&) const = default;
};

inline constexpr colour ink{0x22, 0x22, 0x22}, pale{0xdd, 0xdd, 0xdd}, grey{0x77, 0x77, 0x77};
inline constexpr colour excitatory{0xd5, 0x5e, 0x00},
    inhibitory{0x00, 0x72, 0xb2};  // and positive, negative

// Of the k-th of `count` series: Okabe and Ito's colours up to seven, then steps of the sequential
// map.
colour series_colour(std::size_t k, std::size_t count);

// Viridis: share in [0, 1], dark to light. What is not a number is white.
colour sequential(double share);

// Blue over white to red: share in [-1, 1].
colour diverging(double share);

}  // namespace bdh::figure
