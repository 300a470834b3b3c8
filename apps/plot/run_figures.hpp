// Figures of a recorded run, with their data: what `bdh plot` draws and `bdh report` shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/plot/figure/output.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {

inline constexpr double figure_width = 720;  // px, by default

struct figure_choice {
  std::optional<layer_id> layer{};      // else all, or of many some
  std::string neurons{};                // of a raster; empty: all that were recorded
  std::vector<std::string> synapses{};  // "3->7"; empty: the strongest recorded
  std::uint64_t top = 6;                // so many of these
  bool by_y = false;                    // synapses: as recorded by `factor y`
  bool amplitude = false;               // of the two synapses that turn together
  std::uint64_t most_tips = 60;         // synapses: tokens of a line whose values a pointer shows
  bool interactive = false;             // the figure's values are read one by one
  double width = figure_width;          // px, of the figure
  figure::joined_as joined = figure::joined_as::largest;  // of a raster: a cell's tokens
};

// Which neurons were active at which tokens. Throws input_error when the run did not record it.
figure::picture raster_of(const run_reader& run, const figure_choice& choice);

// How often neurons are active, where that was recorded, and how many are at each token.
figure::picture rates_of(const run_reader& run, const figure_choice& choice);

// The active shares by layer and, where losses are known, against the surprisal of the token.
figure::picture sparsity_of(const run_reader& run, const figure_choice& choice);

// The strengths of synapses over the tokens. Throws input_error when none was recorded.
figure::picture synapses_of(const run_reader& run, const figure_choice& choice);

// Trains of spikes over time, and the intervals between them. Throw input_error when the run has
// not recorded any.
figure::picture spikes_of(const run_reader& run, const figure_choice& choice);
figure::picture intervals_picture(const run_reader& run, const figure_choice& choice);

}  // namespace bdh::app
