// The options of `bdh import --circuit direct`: a model through hubs as explicit edges, complete or
// pruned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <bdh/model.hpp>

namespace bdh::app {

class command_line;

struct direct_result {
  model graph;
  std::string summary;  // kept edges, excitatory and inhibitory, synapses and partners, bytes, and
                        // the loss on a held-out text; lines
};

struct direct_choice {
  std::optional<std::string> circuit, rank, calibrate, evaluate;
  std::optional<double> keep_gx, keep_gy, keep_gs;
  std::optional<std::uint64_t> window, calibration_windows, evaluation_windows, threads;

  void add_to(command_line& command);
  void check() const;  // throws usage_error for options that do not fit together
  bool wanted() const { return circuit == "direct"; }
  direct_result make(const model& hubs) const;  // throws stopped after a signal
};

}  // namespace bdh::app
