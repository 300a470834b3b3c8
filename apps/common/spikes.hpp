// The options of a network whose activity travels as spikes.
#pragma once

#include <memory>
#include <string>

#include <bdh/engine.hpp>
#include <bdh/model.hpp>

#include "apps/common/command_line.hpp"
#include "io/recording/spike_settings.hpp"

namespace bdh::app {

struct spike_choice : spike_settings {
  std::string described = {};  // of a run that goes on: JSON, for described_spikes

  void add_to(command_line& command);
  // Throws usage_error for what does not fit each other, whatever the model.
  void check() const;
  // Null without spikes. Throws usage_error for what does not fit the model's circuits, input_error
  // for scales that are not its own.
  std::shared_ptr<const spiking> of(const model& m) const;
  void read_scales(const model& m);  // once, for all engines to come
};

}  // namespace bdh::app
