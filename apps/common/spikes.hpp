// The options of a network whose activity travels as spikes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <bdh/engine.hpp>

#include "apps/common/command_line.hpp"
#include "core/analysis/spike_scales.hpp"

namespace bdh {
class model;
}

namespace bdh::app {

struct spike_choice {
  std::optional<std::string> bins;  // --spikes
  std::optional<std::string> code, phase, pair, scales;
  std::optional<double> dt;
  bool hubs = false;
  std::string described;              // of a run that goes on: JSON, for described_spikes
  std::optional<spike_scales> known;  // of a run that goes on, in place of a file

  void add_to(command_line& command);
  bool given() const noexcept { return bins.has_value(); }
  // Throws usage_error for what does not fit each other, whatever the model.
  void check() const;
  // Null without spikes. Throws usage_error for what does not fit the model's circuits, input_error
  // for scales that are not its own.
  std::shared_ptr<const spiking> of(const model& m) const;
  double bin_ms() const noexcept { return dt.value_or(1); }
};

// What a person is to know about a choice that has been checked; empty: nothing.
std::string spike_note(const spiking& how, const model& m);

// A run's description of its spikes, for run.json: options, scales, windows of a token.
nlohmann::json spike_description(const spike_choice& choice, const spiking& how, const model& m,
                                 std::uint64_t seed);
// The choice of such a description. Throws input_error naming `place`.
spike_choice described_spikes(const nlohmann::json& description, const model& m,
                              const std::string& place);

}  // namespace bdh::app
