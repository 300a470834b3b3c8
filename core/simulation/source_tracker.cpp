#include <algorithm>
#include <numeric>

#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "kernels/source_update.hpp"

namespace bdh {

std::vector<float> source_tracker::activity() const {
  if (!model_.is_direct()) return w_;
  std::vector<float> w(model_.sources());
  engine_.read(variable::w, w);
  return w;
}

void source_tracker::token_entered(token_id token) {
  w_.resize(model_.sources());
  if (model_.is_direct()) return engine_.read(variable::w, w_);
  std::fill(w_.begin(), w_.end(), 0.0f);
  w_[model_.neurons() + token] =
      kernels::w_of_token(model_.rules().scales_w(true), engine_.gains().y);
}

void source_tracker::layer_ended() {
  w_.resize(model_.sources());
  if (model_.is_direct()) return engine_.read(variable::w, w_);
  const pool_gains gain = engine_.gains();
  const bool accumulates = model_.rules().accumulates_w(false);
  const auto sources = static_cast<kernels::index>(w_.size());
  if (engine_.spikes()) {  // the pool knows Y by its spikes
    y_.resize(model_.neurons());
    engine_.read_sent(variable::y, y_);
    active_.resize(y_.size());
    std::iota(active_.begin(), active_.end(), neuron_id{0});
  } else {
    engine_.active(variable::y, active_, y_);
  }
  kernels::set_source_w{
      .w = w_.data(),
      .first = 0,
      .sources = sources,
      .neuron = active_.data(),
      .y = y_.data(),
      .active = static_cast<kernels::index>(active_.size()),
      .accumulate = accumulates,
      .gain_y = model_.rules().scales_w(false) ? gain.y : 1.0f}(kernels::one_lane{});
  if (accumulates) kernels::leak{.w = w_.data(), .n = sources, .gain = gain.w}(kernels::one_lane{});
}

}  // namespace bdh
