// What the figures of a run have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/run_activity.hpp"
#include "apps/plot/figure/drawing.hpp"
#include "apps/plot/run_figures.hpp"
#include "core/analysis/event_statistics.hpp"

namespace bdh::app {

// Tokens as the ticks of an axis with so much room in px: their texts where these fit, else
// positions.
figure::axis token_axis(const run_reader& run, const std::vector<std::uint64_t>& positions,
                        double room);

// "4 'e'": a position and its token.
std::string token_name(const run_reader& run, std::uint64_t position);

// Interventions as bands of a panel whose x are positions: those of this layer, or of all.
void mark_interventions(const run_reader& run, figure::panel& p,
                        std::optional<layer_id> layer = std::nullopt);
// Those that have no band, or all of them where no panel has bands, as a note.
void note_interventions(const run_reader& run, figure::drawing& d, bool all_of_them = false);

// Of the interventions of a condition, those that hold at some of the distances from events at
// which a panel has its values: as bands of it, named by the condition. `first`: the colour of the
// first of them. Returns how many bands there are.
std::size_t mark_around_events(const run_reader& run, const std::string& condition,
                               const std::vector<std::uint64_t>& events, const event_window& window,
                               std::size_t first, figure::panel& p);
// What is done in each condition that is drawn, as a note.
void note_conditions(const std::string& folder, const std::vector<std::string>& conditions,
                     figure::drawing& d);

// The layers to draw: the chosen one, else all, else `most` of them from the first to the last;
// then the figure says so.
std::vector<layer_id> drawn_layers(const run_reader& run, const figure_choice& choice,
                                   std::size_t most, figure::drawing& d);

std::string run_name(const run_reader& run);   // of its folder
std::string described(const run_reader& run);  // "run: 120 tokens, 4096 neurons, 4 layers"

std::string layer_name(layer_id layer);  // "layer 2"

// Shares of the neurons, by token.
const std::vector<double>& active_shares(const token_table& t, quantity what, layer_id layer);
const char* variable_name(quantity what);  // "X"

figure::shape series_shape(std::size_t k);  // of the markers of the k-th series

}  // namespace bdh::app
