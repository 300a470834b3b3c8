// What the neurons of a model did over a text: how many were active in each layer at each token,
// which ever were, how evenly activity is spread, and how it goes with the surprisal of the token
// that was read and with the frequency at which a neuron's synapses turn.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

struct token_activity {
  std::uint64_t position = 0;
  token_id token = 0;
  // -ln P of this token, in nats, before it was read; NaN: not known.
  double surprisal = std::numeric_limits<double>::quiet_NaN();
  double synaptic_events = 0;
  // Share of the neurons with X > 0, with Y > 0; layer l at [l - 1].
  std::vector<double> x = {}, y = {};
};

// Of one variable in one layer.
struct layer_activity {
  layer_id layer = 0;
  bool of_y = false;
  double mean = 0, least = 0, most = 0;  // share of active neurons, over the tokens
  // Of the share with the surprisal, over the tokens where it is known; NaN where either does not
  // vary.
  double pearson = 0, spearman = 0;
  // From here on only where single neurons were seen:
  bool seen = false;
  std::uint64_t ever = 0;  // neurons that were active at least once
  double of_a_token = 0;   // participation ratio (sum v)^2 / sum v^2 of the values at a token, mean
                           // over tokens with activity: neurons
  double of_the_text = 0;  // the same of the neurons' sums over the text
};

struct surprisal_bin {
  double from = 0, to = 0, mean = 0;  // nats; of tokens sorted by surprisal, so many to a bin
  std::uint64_t tokens = 0;
  double x = 0, y = 0;  // share of active neurons, mean over layers and tokens
  double synaptic_events = 0;
};

struct frequency_band {
  double fastest = 0, slowest = 0;  // turns per token
  std::uint64_t neurons = 0;        // of all heads
  double x = 0, y = 0;              // share of them that is active, mean over layers and tokens
};

class activity_statistics {
 public:
  // frequency: of the rotation pairs of a head, empty without rotation.
  activity_statistics(neuron_id neurons, neuron_id neurons_per_head, layer_id layers,
                      std::vector<double> frequency);

  // Values that are not 0, of a layer at one token. In any order of layers and tokens.
  void see(layer_id layer, bool of_y, std::span<const neuron_id> neurons,
           std::span<const float> values);
  void add(token_activity token) { tokens_.push_back(std::move(token)); }

  const std::vector<token_activity>& tokens() const noexcept { return tokens_; }
  std::vector<layer_activity> layers() const;  // X of all layers, then Y
  // As many as there are tokens for; none without surprisal.
  std::vector<surprisal_bin> by_surprisal(std::size_t bins) const;
  std::vector<frequency_band> by_frequency(
      std::size_t bands) const;       // the fastest first; none without rotation or neurons seen
  std::uint64_t ever_active() const;  // neurons with X > 0 in any layer at any token

 private:
  struct seen_layer {
    std::vector<std::uint64_t> times;  // (neurons) tokens at which it was active
    std::vector<double> sum;           // (neurons) of its values
    double participation = 0;          // sum over tokens
    std::uint64_t tokens = 0;          // with activity
  };
  const seen_layer& of(layer_id layer, bool of_y) const {
    return seen_[of_y ? layers_ + layer - 1 : layer - 1];
  }

  neuron_id neurons_, per_head_;
  layer_id layers_;
  std::vector<double> frequency_;
  std::vector<seen_layer> seen_;  // X of all layers, then Y
  std::vector<token_activity> tokens_;
};

}  // namespace bdh
