// What the commands that tune gains have in common: options, progress and the lines about what was
// found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/models/write_model.hpp"
#include "core/analysis/model_tuning.hpp"

namespace bdh::app {

extern const range<double> g_range;

struct tuning_tools {
  engine_factory make_engine;
  tuning_work work;
};

engine_factory tuning_engine(std::uint64_t threads);

// Runs `tune` with an engine of so many threads and a progress meter. Ctrl-C ends it (stopped).
template <class F>
auto with_progress(std::uint64_t threads, F tune) {
  progress_meter progress(true, std::nullopt);
  std::uint64_t tokens = 0;
  return tune(tuning_tools{.make_engine = tuning_engine(threads),
                           .work = {.threads = threads, .before_token = [&] {
                                      stop_if_requested();
                                      progress.at(tokens++);
                                    }}});
}

// Tunes with a progress meter; its lines say what was found.
made_model tuned_of(const model& m, const model_tuning& how, double target, std::uint64_t threads);

// Gains and activity, a line each.
std::string tuning_text(const tuned_model& tuned);

}  // namespace bdh::app
