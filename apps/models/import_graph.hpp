// The options of bdh import that make a model from graph files.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "io/graph_import.hpp"

namespace bdh::app {

struct graph_choice {
  std::optional<std::string> gx, gy, gs, sensory, readout, retention, rotation, dynamics;
  std::optional<std::uint64_t> vocabulary;

  void add_to(CLI::App& command);
  bool chosen() const { return gx.has_value(); }
  void check() const;                    // throws CLI::ParseError for options that need --gx, and for values that no file decides
  graph_import_options options() const;  // without layers, heads and tokenizer
};

// What was made, several lines.
std::string graph_summary(const imported_graph& made);

}  // namespace bdh::app
