// Text in pictures: made harmless, measured without any font, cut and wrapped. All texts are UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bdh::figure {

// Fit for XML and HTML, as content and between quotes. What these cannot hold (controls, what is
// not UTF-8) and what would turn the direction of writing becomes U+FFFD.
std::string escaped(std::string_view text);

// The same replaced, but nothing else.
std::string without_controls(std::string_view text);

// px of a line in the widest of the usual sans-serif families, so that other families need less.
// `size` in px.
double text_width(std::string_view text, double size, bool bold = false);

// At most so wide; what is cut ends in an ellipsis.
std::string cut(std::string_view text, double width, double size, bool bold = false);

// The same with the ellipsis in the middle: names often differ at their ends.
std::string cut_inside(std::string_view text, double width, double size);

// Lines at most so wide, broken at blanks; a longer word is cut.
std::vector<std::string> wrapped(std::string_view text, double width, double size);

std::string number(double value, int decimals = 2);  // of a coordinate: no trailing zeros, no "-0"

// 10 to a whole power: "10⁻³".
std::string power_of_ten(int exponent);

}  // namespace bdh::figure
