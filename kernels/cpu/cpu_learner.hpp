// Learning by all sites of one process, through hubs.
#pragma once

#include <memory>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/weight_learner.hpp"
#include "kernels/cpu/cpu_site.hpp"

namespace bdh {

// The sites are hub_sites, all there are; they and the model outlive the learner.
std::unique_ptr<weight_learner> make_cpu_learner(
    const model& m, const learning& how, const std::vector<std::unique_ptr<cpu_site>>& sites);

}  // namespace bdh
