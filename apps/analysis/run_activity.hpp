// What a recorded run has of its tokens and its active neurons, for pictures of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/recording_reader.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {

// summary.csv by columns; NaN where a value is unknown, or cannot be. Rows are the first tokens of
// the run, those that all of its files have.
struct token_table {
  std::vector<std::uint64_t> positions;
  std::vector<std::vector<double>> active_x, active_y;  // [layer - 1][row], shares of the neurons
  std::vector<double> surprisal;                        // nats: of the token after those before it
};
token_table read_token_table(const run_reader& run);

// X or Y of one layer, from the recording with most of it: all events, else the values of chosen
// neurons, else the largest ones.
struct recorded_activity {
  quantity what = quantity::x;
  layer_id layer = 0;
  std::string request;
  std::uint64_t top = 0;                 // != 0: only so many of a token
  std::vector<std::uint64_t> neurons;    // recorded, ascending; empty: all
  std::vector<std::uint64_t> positions;  // recorded
};
// Throws input_error for a run of more neurons than can be counted one by one.
std::optional<recorded_activity> find_activity(const run_reader& run, quantity what,
                                               layer_id layer);

// Calls use(row, neuron, value) for every active neuron, row by row. Throws `stopped` when a signal
// requests a stop.
using use_active = std::function<void(std::size_t, std::uint64_t, float)>;
void for_each_active(const run_reader& run, const recorded_activity& activity,
                     const use_active& use);

// "5,7-9"; what is no number is looked up in the run's model. Ascending, each once. Throws
// input_error.
std::vector<std::uint64_t> chosen_neurons(const run_reader& run, const std::string& text);

// The text of the token at a position, for one place of an axis: "␣" for a blank.
std::string axis_label(const run_reader& run, std::uint64_t position);

}  // namespace bdh::app
