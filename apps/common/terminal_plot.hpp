// Bars over tokens, drawn with characters: no escape codes, so that it may go into a file or a
// pipe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bdh::app {

struct token_plot {
  std::vector<double> values;            // NaN: not known, drawn as ?
  std::vector<std::string> labels;       // of each, below its bar; ASCII or one character
  std::vector<std::uint64_t> positions;  // of each
};

// As many panels below each other as the width needs, all of one scale; bars go up from 0, and
// down where values are negative.
std::string drawn(const token_plot& plot, std::size_t width);

// Of a token's text, escaped as in tokens.csv: one character, or the token's number where it has no
// text.
std::string token_label(const std::string& text, std::uint32_t token);

std::size_t output_width();  // of the terminal; 100 where there is none

}  // namespace bdh::app
