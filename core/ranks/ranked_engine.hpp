// The engine of rank 0: it holds sites of its own, and what concerns all sites it does together
// with the other ranks, which follow it (rank_server.hpp). To a simulator it is an engine like any
// other, which has all values and all synapses.
#pragma once

#include <functional>
#include <memory>

#include <bdh/engine.hpp>
#include <bdh/model.hpp>

#include "core/ranks/rank_commands.hpp"
#include "core/ranks/ranks.hpp"

namespace bdh {

// An engine of these sites, of all of `sites`.
using site_engine_factory = std::function<std::unique_ptr<engine>(
    const model& m, const rank_job& job, site_id sites, site_range local)>;

// Makes engines on all ranks. The model outlives it. Throws what any rank met, naming it:
// "rank 3 on HOST: ...".
std::unique_ptr<engine> ranked_engine(const model& m, const rank_job& job,
                                      std::shared_ptr<ranks> on, const site_engine_factory& make);

rank_usage usage_here(const ranks& on);  // of this rank
// What each rank has used so far, ascending.
std::vector<rank_usage> usage_of(ranks& on);

// The other ranks end.
void end_ranks(ranks& on);

}  // namespace bdh
