// What a rank makes of a job: the model, from its own copy of the file, and an engine of its sites.
#pragma once

#include <memory>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/model.hpp>
#include <bdh/model_file.hpp>

#include "core/base/instruction_set.hpp"
#include "core/ranks/rank_commands.hpp"

namespace bdh {

// Files of any size are mapped: a rank reads the rows that are its own, and of explicit edges those
// that end at it.
inline model load_for_ranks(const std::string& file) {
  return load_model(file, 0, validation::skip);
}

inline std::shared_ptr<const model> open_job(const rank_job& job) {
  model m = load_for_ranks(job.model_file);
  return std::make_shared<const model>(job.bfloat16_weights ? std::move(m).in_bfloat16()
                                                            : std::move(m));
}

inline std::unique_ptr<engine> make_sites(const model& m, const rank_job& job, site_id sites,
                                          site_range local) {
  return cpu_engine(m, {.sites = sites,
                        .instructions = instruction_set_named(job.instructions),
                        .retention = job.retention,
                        .bfloat16_synapses = job.bfloat16_synapses,
                        .local = local,
                        .spikes = job.spikes});
}

}  // namespace bdh
