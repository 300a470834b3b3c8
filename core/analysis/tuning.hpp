// Gains for random circuits, found by running them. Eq. 6 and 7 have no normalisation, so a graph
// with arbitrary gains falls silent or overflows. What decides what, in these equations:
//
//   - X of layer 1 is a function of the token alone. Its active share does not depend on gx, (.)_+
//     being homogeneous: only on how many neurons a token drives and on the ratio of inhibition to
//     excitation of Gx, inhibition_x, which is therefore a quantile. Later layers add what Y
//     recruits.
//   - The share of the active X that fire (Y) depends on the same ratio of Gy alone, inhibition_y:
//     A is positive and spread wide.
//   - Layers are a cascade without a loop: sigma_l receives W of layer l-1 and X of layer l, and
//     both are reset at every token. So with u < 1 everything is bounded, by powers of the gains
//     that grow as 4^l: y_l ~ gy y_{l-1} x_l^3 / (1 - u), x_l - x_{l-1} ~ gx y_{l-1}. As long as Y
//     drives no more than a token does (the largest Y is 1, as is a token's W), x_l stays near x_1
//     and the cascade is linear.
//
// Hence the order: sensory edges, inhibition_x and gx for the first layer, exactly; inhibition_y by
// bisection and gy for the largest Y of 1, over a stream of tokens; then a first layer that leaves
// room for what the others recruited, or, where that recruits even more, tokens that drive more,
// since they need more inhibition, which later layers then have. A large graph starts from what a
// small one of its family needed, so that few streams through it are enough.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "core/model/random_model.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

struct layer_shares {
  double x = 0, y = 0;   // mean active shares over the last tokens of a stream
  double largest_y = 0;  // over all of it
};

// What a stream of random tokens does to a model.
struct stream_activity {
  std::vector<layer_shares> layers;
  double mean_x = 0, mean_y = 0;      // active shares, over the layers
  double least_x = 0;                 // active share of the layer with the fewest active X
  double least_firing = 0;            // active Y over active X, in the layer where it is least
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

struct tuning_goal {
  double active_share = 0.05;  // of X, mean over layers
  // Active Y over active X, in the layer where it is least; less or more where the graph needs it.
  double firing_share = 0.25;
  double bound = 100;  // on the largest Y of the last stream
  // Of the largest Y of a layer: each brings less than the one before, and float32 ends at 1e-45.
  double least = 1e-12;
  std::uint64_t tokens = 1000;  // of the last stream
};

struct tuned_model {
  circuit_gains gains;
  stream_activity measured;  // shares over the last 200 tokens of a stream that tuning had not seen
  model result;
};

// Deterministic for the seed, whatever the threads. Throws input_error when no gains reach the
// goal: active share of X within half and one and a half of it, a fifth of it in every layer, every
// layer alive, largest Y bounded.
tuned_model tune(const random_circuits& circuits, const engine_factory& make_engine,
                 const tuning_goal& goal = {}, const tuning_work& work = {});

}  // namespace bdh
