#include <Eigen/Core>
#include <algorithm>

#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"

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
  w_[model_.neurons() + token] = model_.rules().token_gain() ? engine_.gains().y : 1.0f;
}

void source_tracker::layer_ended() {
  w_.resize(model_.sources());
  if (model_.is_direct()) return engine_.read(variable::w, w_);
  const pool_gains gain = engine_.gains();
  const w_rule rule = model_.rules().w();
  if (rule != w_rule::leaky_sum) std::fill(w_.begin(), w_.end(), 0.0f);
  const float g = rule == w_rule::y ? 1.0f : gain.y;
  y_.resize(model_.neurons());
  engine_.read(variable::y, y_);
  const auto all = [](std::vector<float>& v) {
    return Eigen::Map<Eigen::ArrayXf>(v.data(), static_cast<Eigen::Index>(v.size()));
  };
  all(w_).head(model_.neurons()) += g * all(y_);
  if (rule == w_rule::leaky_sum) all(w_) *= gain.w;
}

}  // namespace bdh
