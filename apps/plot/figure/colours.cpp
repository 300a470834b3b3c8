#include "apps/plot/figure/colours.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace bdh::figure {
namespace {

constexpr colour okabe_ito[] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                {0xe6, 0x9f, 0x00}, {0xcc, 0x79, 0xa7}, {0x56, 0xb4, 0xe9},
                                {0x00, 0x00, 0x00}};
constexpr colour viridis[] = {{0x44, 0x01, 0x54}, {0x47, 0x2d, 0x7b}, {0x3b, 0x52, 0x8b},
                              {0x2c, 0x72, 0x8e}, {0x21, 0x91, 0x8c}, {0x28, 0xae, 0x80},
                              {0x5e, 0xc9, 0x62}, {0xad, 0xdc, 0x30}, {0xfd, 0xe7, 0x25}};
constexpr colour red_blue[] = {{0x05, 0x30, 0x61}, {0x21, 0x66, 0xac}, {0x43, 0x93, 0xc3},
                               {0x92, 0xc5, 0xde}, {0xd1, 0xe5, 0xf0}, {0xf7, 0xf7, 0xf7},
                               {0xfd, 0xdb, 0xc7}, {0xf4, 0xa5, 0x82}, {0xd6, 0x60, 0x4d},
                               {0xb2, 0x18, 0x2b}, {0x67, 0x00, 0x1f}};

colour between(std::span<const colour> stops, double share) {
  if (std::isnan(share)) return {0xff, 0xff, 0xff};
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const std::size_t k = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const auto mixed = [part = at - static_cast<double>(k)](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + part * (b - a)));
  };
  return {mixed(stops[k].red, stops[k + 1].red), mixed(stops[k].green, stops[k + 1].green),
          mixed(stops[k].blue, stops[k + 1].blue)};
}

}  // namespace

std::string colour::text() const { return fmt::format("#{:02x}{:02x}{:02x}", red, green, blue); }

colour series_colour(std::size_t k, std::size_t count) {
  if (count <= std::size(okabe_ito)) return okabe_ito[k];
  return sequential(0.92 * static_cast<double>(k) /
                    static_cast<double>(count - 1));  // the lightest is hard to see on white
}

colour sequential(double share) { return between(viridis, share); }

colour diverging(double share) { return between(red_blue, (share + 1) / 2); }

}  // namespace bdh::figure
