// The options of bdh import that make a model from graph files.
#pragma once

#include <optional>
#include <string>

#include "io/graph/graph_import.hpp"

namespace bdh::app {

class command_line;

struct graph_file_choice {
  std::optional<std::string> gx, gy, gs, sensory, readout, retention, rotation, dynamics;
  std::optional<std::string> ids, columns;
  std::optional<std::uint64_t> vocabulary, neurons;

  void add_to(command_line& command);
  bool chosen() const { return gx.has_value(); }
  void check()
      const;  // throws usage_error for options that need --gx, and for values that no file decides
  graph_import_options options() const;  // without layers, heads and tokenizer
};

// What was made, several lines.
std::string graph_summary(const imported_graph& made);

}  // namespace bdh::app
