// Pictures of pixels, by cairo and librsvg.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "apps/plot/figure/colours.hpp"

namespace bdh::figure {

// Pixels row by row from above, as a PNG file. Throws device_error when there is no memory.
std::string in_png(const std::vector<colour>& pixels, std::size_t width);

std::string in_base64(const std::string& bytes);

// An SVG of ours, drawn `scale` times as large. Throws unavailable_error where there is no font,
// input_error for more pixels than there can be.
std::string svg_to_png(const std::string& svg, double scale);

}  // namespace bdh::figure
