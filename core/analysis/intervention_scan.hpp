// What single interventions do to the predictions of a model over a text: one stream for each, in
// groups that read their tokens together and share the weights.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <bdh/intervention.hpp>
#include <bdh/simulator.hpp>

namespace bdh {

// Over the predictions of a text: all tokens but the first.
struct scan_effect {
  double loss = 0;        // nats, mean
  double top1 = 0;        // share of the tokens that were the most likely ones
  double divergence = 0;  // from the intact model: KL(intact | with the intervention), nats, mean
};

// A neuron in the intact run; sums over layers.
struct neuron_activity_summary {
  double active_x = 0, active_y = 0;  // share of (token, layer) at which it is not 0
  double mean_x = 0, mean_y = 0;      // over tokens
  // Of its X at a token with the surprisal of this token; NaN where it does not vary.
  double correlation = 0;
};

class intervention_scan {
 public:
  // `brain` has read nothing and has no interventions; it becomes the intact run, over `tokens`,
  // of which there are two or more. `stop`: called between tokens; true ends the
  // work, and the result is not to be used. Throws unavailable_error for a model without logits.
  intervention_scan(std::unique_ptr<simulator> brain, std::vector<token_id> tokens,
                    const std::function<bool()>& stop);

  const scan_effect& intact() const noexcept { return intact_; }
  const std::vector<neuron_activity_summary>& neurons() const noexcept { return neurons_; }  // (n)

  // The effect of each of these, every one of them in a stream of its own. Nothing, where it was
  // stopped; none of one whose values are not finite.
  std::optional<std::vector<std::optional<scan_effect>>> effects(std::span<const intervention> all,
                                                                 const std::function<bool()>& stop);

 private:
  void run_intact(const std::function<bool()>& stop);
  void add(scan_effect& to, std::span<const float> logits, std::size_t token) const;
  scan_effect mean(scan_effect sum) const;

  std::unique_ptr<simulator> brain_;  // after the intact run: of which streams are made
  std::vector<token_id> tokens_;
  std::vector<float> logits_;  // of the intact run, (tokens, V)
  scan_effect intact_;
  std::vector<neuron_activity_summary> neurons_;
};

}  // namespace bdh
