// The synapses between the neurons of a layer as a weighted graph, presynaptic -> postsynaptic: after a text, or out of a state.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/token_source.hpp"
#include "core/weight_rows.hpp"

namespace bdh::app {

struct sigma_choice {
  std::optional<std::uint64_t> layer;
  token_choice text;
  std::string state, factor;  // "w", "y", or empty: w
  std::optional<double> retention;

  void add_to(CLI::App& command);
  void check(bool wanted) const;  // throws CLI::ParseError for what is missing, or given without --graph sigma
  // Runs the text, or reads the state. Throws stopped after a signal, input_error, unavailable_error.
  weight_rows rows(const model& m, std::uint64_t threads) const;
};

}  // namespace bdh::app
