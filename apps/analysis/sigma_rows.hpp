// The synapses between the neurons of a layer as a weighted graph, presynaptic -> postsynaptic:
// after a text, or out of a state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/common/token_source.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh::app {

class command_line;

struct sigma_choice {
  std::optional<std::uint64_t> layer;
  token_choice text;
  std::string state, factor;  // "w", "y", or empty: w
  std::optional<double> retention;

  void add_to(command_line& command);
  void check(
      bool wanted) const;  // throws usage_error for what is missing, or given without --graph sigma
  // Of a run, whose recorded pairs need a layer and may have a factor.
  void check_of_run() const;
  bool by_y() const { return factor == "y"; }
  // Runs the text, or reads the state. Throws stopped after a signal, input_error,
  // unavailable_error.
  weight_matrix rows(const model& m, std::uint64_t threads) const;
};

}  // namespace bdh::app
