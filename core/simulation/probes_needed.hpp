// What must be probed so that an intervention can act.
#pragma once

#include <cstdint>
#include <vector>

#include <bdh/intervention.hpp>
#include <bdh/probe.hpp>

namespace bdh {

// Through hubs, synapses of single pairs are known only by probes that have seen every token: what
// must be probed from the first token on so that `p` can act after `tokens` of them. Nothing with
// explicit edges. Throws unavailable_error where these are too many.
std::vector<probe_spec> probes_needed(const model& m, const intervention& p, std::uint64_t tokens);

}  // namespace bdh
