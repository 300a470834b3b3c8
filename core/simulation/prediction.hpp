// What the model expects next: the logits after the last token, and what follows from them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <bdh/sampling.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

// The logits are set at the end of a step, of a token in a block, of a restore. After a step they
// stay with the engine: a device then chooses the next token without copying them to the host.
class prediction {
 public:
  prediction(const engine& work, neuron_id readout_nodes) noexcept
      : engine_(work), readout_nodes_(readout_nodes) {}

  void set_by_engine() noexcept {
    logits_ = {};
    at_engine_ = engine_.local().contains(0);  // else they are in another process
  }
  // `logits` (V) stay valid until the next set.
  void set(std::span<const float> logits) noexcept {
    logits_ = logits;
    at_engine_ = false;
  }
  // (V), or empty: none.
  void restore(std::vector<float> logits) {
    restored_ = std::move(logits);
    set(restored_);
  }

  std::span<const float> logits() const noexcept { return at_engine_ ? engine_.logits() : logits_; }
  token_id choose(const sampling& how, std::uint64_t position) const;  // there must be logits
  double loss(token_id next) const;                                    // likewise; nats
  // -ln p(next) in nats; nothing without logits, or for a token that has none.
  std::optional<double> surprisal(token_id next) const;

 private:
  const engine& engine_;
  neuron_id readout_nodes_;
  bool at_engine_ = false;
  std::span<const float> logits_;  // unless at_engine_
  std::vector<float> restored_;
};

}  // namespace bdh
