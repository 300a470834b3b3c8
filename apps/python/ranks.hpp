// Simulators on several ranks: rank 0 is the user's script, the others follow it.
#pragma once

#include <memory>
#include <string>

#include <bdh/simulator.hpp>

#include "core/ranks/rank_commands.hpp"

namespace bdh::python {

// The ranks that joined; null: this process is alone.
std::shared_ptr<ranks> together() noexcept;

// An engine on all ranks, and what a simulator of it needs. `file`: that of the model; throws
// unavailable_error where it is empty.
std::unique_ptr<engine> engine_of_ranks(const model& m, rank_job job);
void add_ranks(simulator_options& to, site_id sites);

}  // namespace bdh::python
