// The options of `bdh import --circuit direct`: a model through hubs as explicit edges, complete or pruned.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "core/direct_form.hpp"

namespace bdh::app {

struct direct_choice {
  std::string circuit = "hubs", rank = "activity";
  std::optional<double> keep_gx, keep_gy, keep_gs;
  std::optional<std::string> text_file;
  std::uint64_t window = 96, windows = 64, threads = 1;

  void add_to(CLI::App& command);
  void check() const;  // throws CLI::ParseError for options that do not fit together
  bool wanted() const { return circuit == "direct"; }
  direct_form make(const model& hubs) const;
};

// Kept edges, excitatory and inhibitory, synapses and partners, bytes; one line each.
std::string direct_summary(const direct_form& form);

}  // namespace bdh::app
