// Internal to the simulator: its parts, in the order in which they build on each other.
#pragma once

#include <memory>
#include <optional>

#include <bdh/simulator.hpp>

#include "core/base/executor.hpp"
#include "core/simulation/plan.hpp"
#include "core/simulation/reduction.hpp"
#include "core/simulation/stream_position.hpp"
#include "core/simulation/token_loop.hpp"

namespace bdh {

struct simulator::parts {
  std::shared_ptr<const bdh::model> subject;
  std::unique_ptr<engine> work;
  std::shared_ptr<executor> threads;
  std::shared_ptr<exchange> mail;
  std::shared_ptr<reduction> totals;
  stream_position position;
  prediction next;
  probe_store kept;
  source_tracker sources;
  probe_set probes;
  intervention_set interventions;
  intervention_applier applier;
  const token_loop_parts of_loop;
  token_loop loop;
  bdh::prefill blocks;
  token_plan of_learning;                // where weights learn
  std::optional<learned_counts> taught;  // by the token that comes next

  parts(std::shared_ptr<const bdh::model> m, std::unique_ptr<engine> e,
        const simulator_options& options);
};

}  // namespace bdh
