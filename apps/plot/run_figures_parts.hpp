// What the figures of a run have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/plot/figure/drawing.hpp"
#include "apps/plot/run_figures.hpp"

namespace bdh::app {

inline constexpr double figure_width = 720;  // px, by default

// Tokens as the ticks of an axis with so much room in px: their texts where these fit, else
// positions.
figure::axis token_axis(const run_reader& run, const std::vector<std::uint64_t>& positions,
                        double room);

// The layers to draw: the chosen one, else all, else `most` of them from the first to the last;
// then the figure says so.
std::vector<layer_id> drawn_layers(const run_reader& run, const figure_choice& choice,
                                   std::size_t most, figure::drawing& d);

std::string run_name(const run_reader& run);   // of its folder
std::string described(const run_reader& run);  // "run: 120 tokens, 4096 neurons, 4 layers"

std::string layer_name(layer_id layer);  // "layer 2"

figure::shape series_shape(std::size_t k);  // of the markers of the k-th series

}  // namespace bdh::app
