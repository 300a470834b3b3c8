// Gains of graphs, found by running them. Eq. 6 and 7 have no normalisation, so a graph with
// arbitrary gains falls silent or overflows. What decides what, in these equations:
//
//   - Which X and Y are active does not depend on the gains gx and gy, (.)_+ being homogeneous:
//     only on the ratio of inhibition to excitation g, on how many neurons a token drives, and on
//     the graph. A neuron that fires (Y) recruits up to its out-degree in X, and X adds up over
//     layers, so activity grows from layer to layer unless inhibition is as dense as what it holds
//     back.
//   - Layers are a cascade without a loop: sigma_l receives W of layer l-1 and X of layer l, and
//     both are reset at every token. So with u < 1 everything is bounded, by powers of the gains
//     that grow as 4^l: y_l ~ gy y_{l-1} x_l^3 / (1 - u), x_l - x_{l-1} ~ gx y_{l-1}. As long as Y
//     drives no more than a token does (the largest Y is 1, as is a token's W), x_l stays near x_1
//     and the cascade is linear.
//
// Hence what is searched for the active share of X: the number of neurons that a token drives,
// where the graph leaves it open, else g within its range; and for each candidate gx for a mean of
// 1 of the active X of layer 1, and gy for the largest Y of 1. Random graphs have one thing more
// that is open: denser inhibition (core/analysis/random_tuning.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "core/analysis/activity_stream.hpp"
#include "core/model/random_model.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

struct tuning_goal {
  double active_share = 0.05;  // of X, mean over layers
  double bound = 100;          // on the largest Y of the last stream
  // Of the largest Y of a layer: where each brings less than the one before, float32 ends at 1e-45.
  double least = 1e-12;
  std::uint64_t tokens = 1000;  // of the last stream
};

// Where the search stops. g is the mean weight of an inhibitory edge over that of an excitatory one
// (Brunel 2000, whose figures have 0 to 8; conductances in cortex have ratios of 1 to 10). A gain
// is the mean weight of an excitatory edge; X of neurons that a token drives and the largest Y
// being about 1, one neuron that is fully active changes another by a thousandth of its range at
// least, and by ten times its range at most. Synapses gather 1 / (1 - u) writes, so for Gy these
// are the bounds of its gain times as many.
struct tuning_bounds {
  static constexpr double least_g = 0.1, most_g = 20;
  static constexpr double least_gain = 1e-3, most_gain = 10;
  static constexpr double driven_share = 0.25;  // of the neurons of a kind that a token drives
  static constexpr neuron_id denser = 16;       // inhibitory out-degree over --degree
};

// A graph whose gains are open.
struct tunable_graph {
  std::string place;  // of messages
  // With edges of mean weight gx (excitatory), gx * inhibition_x (inhibitory), and so in Gy; keeps
  // what was found as provenance::tuning.
  std::function<model(const circuit_gains&, std::vector<provenance::entry>)> make;
  neuron_id excitatory = 0, inhibitory = 0;  // neurons that a token may drive
  bool sensory_open = false;
  // Inhibitory neurons that a token drives: so many times the proportion, or this number.
  double inhibitory_drive = 1;
  std::optional<neuron_id> blanket;
  double least_g = 5, most_g = 5;  // different: g is open, unless sensory_edges is
  circuit_gains start;             // inhibition_x, inhibition_y and what is not open
  std::string hint;                // where there is too much activity at best
};

struct tuned_model {
  circuit_gains gains;
  stream_activity measured;  // shares over the last 200 tokens of a stream that tuning had not seen
  model result;
};

// No gains reach the goal: the message says what came nearest.
class tuning_error : public input_error {
 public:
  tuning_error(input_error what, circuit_gains nearest, double distance, double share)
      : input_error(std::move(what)), nearest_(nearest), distance_(distance), share_(share) {}
  const circuit_gains& nearest() const noexcept { return nearest_; }
  double distance() const noexcept { return distance_; }  // from the goal: 0 is there
  // Of active X, mean over layers, of what came nearest; 0 where it ended before its last token.
  double share() const noexcept { return share_; }

  // The same with another hint.
  tuning_error advising(std::string hint) const;

 private:
  circuit_gains nearest_;
  double distance_, share_;
};

// Deterministic, whatever the threads. Throws tuning_error when no gains within the bounds reach
// the goal: active share of X within half and one and a half of it, a fifth of it in every layer,
// every layer alive, largest Y bounded.
tuned_model tune(const tunable_graph& graph, const engine_factory& make_engine,
                 const tuning_goal& goal = {}, const tuning_work& work = {});

// A target, of two digits, for which gains are found where there are none for the goal of `why`:
// what came nearest, or the first of what is twice as much, and so on. Nothing, where none of six
// does.
std::optional<double> target_within_reach(const tuning_error& why,
                                          const std::function<void(double)>& tune_for);

}  // namespace bdh
