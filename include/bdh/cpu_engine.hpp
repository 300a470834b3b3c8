// The CPU engine: the four kernels over hub circuits, for the sites of one process.
#pragma once

#include <memory>
#include <optional>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

namespace bdh {

struct cpu_options {
  site_id sites = 1;
  instruction_set instructions = instruction_set::best;
  std::optional<double> retention = std::nullopt;  // 0 < u <= 1, in place of the model's
  // Strengths of synapses are stored as bfloat16, rounded at random when they are written
  // (kernels/group.hpp). For circuits through hubs.
  bool bfloat16_synapses = false;
  // The sites that live in this process; all. Others are named in messages only, and their
  // neurons' state is neither held nor read.
  std::optional<site_range> local = std::nullopt;
  // Activity travels as spikes; null: as it is.
  std::shared_ptr<const spiking> spikes = nullptr;
};

// The model must outlive the engine. Throws input_error, unavailable_error, or device_error when
// memory is short.
std::unique_ptr<engine> cpu_engine(const model& m, const cpu_options& options = {});

}  // namespace bdh
