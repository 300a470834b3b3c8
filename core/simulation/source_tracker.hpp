// W of every source while a model runs. Circuits through hubs carry only what W gives at the hubs;
// here it is computed again from Y and the gains of the pool, at the moments at which it changes.
//
//     token:  W = g(e) e, or e        e: one-hot on the token's sensory node
//     layer:  W = Y; g(y) Y; or W <- g(w) (W + g(y) Y)
#pragma once

#include <span>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

class source_tracker {
 public:
  // Both outlive the tracker.
  source_tracker(const model& m, const engine& work) noexcept : model_(m), engine_(work) {}

  void follow() noexcept { following_ = true; }  // from the next token on
  bool following() const noexcept { return following_; }

  // W of every source, (sources). Models through hubs: known from the first token that was
  // followed, empty before.
  std::vector<float> activity() const;

  void token_entered(token_id token);  // at moment::token_entered, or while its W still holds
  void layer_ended();                  // at moment::y_ready, or while its Y still holds
  std::span<const float> w() const noexcept { return w_; }  // as of the last of these

 private:
  const model& model_;
  const engine& engine_;
  bool following_ = false;
  std::vector<float> w_, y_;
};

}  // namespace bdh
