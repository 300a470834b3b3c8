// The other ranks: they follow rank 0 until it ends.
#pragma once

#include <functional>
#include <memory>

#include "core/ranks/ranked_engine.hpp"

namespace bdh {

struct rank_server_options {
  // The model of a job; throws what is wrong with it.
  std::function<std::shared_ptr<const model>(const rank_job&)> open;
  site_engine_factory make;
};

// Returns when rank 0 says that it ends. Throws device_error when it no longer answers.
void serve(std::shared_ptr<ranks> on, const rank_server_options& options);

}  // namespace bdh
