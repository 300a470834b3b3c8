// What a stream of random tokens does to a model: the shares of active neurons, layer by layer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

struct layer_shares {
  double x = 0, y = 0;   // mean active shares over the last tokens of a stream
  double firing = 0;     // share of these tokens that had an active Y
  double largest_y = 0;  // over all of it
};

struct stream_activity {
  std::vector<layer_shares> layers;
  double mean_x = 0, mean_y = 0;      // active shares, over the layers
  double least_x = 0;                 // active share of the layer with the fewest active X
  double largest_y = 0;               // any layer, any token
  bool alive = true;                  // in every window of 100 tokens every layer had an active Y
  std::optional<std::string> failed;  // the finite check stopped the stream: its message
};

struct tuning_work {
  std::size_t threads = 1;
  std::function<void()> before_token = [] {};  // of every stream; an exception of it ends the work
};

// Reads `tokens` uniform random tokens (drawn for `stream`) from a fresh start; shares are over the
// last `counted` of them.
stream_activity measure_activity(const model& m, const engine_factory& make_engine,
                                 std::uint64_t tokens, std::uint64_t counted, std::uint64_t stream,
                                 const tuning_work& work = {});

}  // namespace bdh
