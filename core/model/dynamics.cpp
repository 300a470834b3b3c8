#include <cmath>

#include <bdh/dynamics.hpp>
#include <bdh/error.hpp>

namespace bdh {

dynamics dynamics::named(std::string_view name, double epsilon) {
  if (!(static_cast<float>(epsilon) > 0) || !std::isfinite(static_cast<float>(epsilon)))
    throw input_error("dynamics/epsilon", shown(epsilon), "a number > 0");
  dynamics d;
  d.name_ = name;
  d.epsilon_ = epsilon;
  if (name == "bdh") {
    d.equation_ = "Eq. 6";
    d.x_ = x_rule::accumulate;
    d.w_ = w_rule::y;
    d.token_gain_ = d.attention_gain_ = d.centred_ = d.heads_ = false;
  } else if (name == "normfree") {
    d.equation_ = "Eq. 7";
    d.x_ = x_rule::accumulate;
    d.w_ = w_rule::y;
    d.token_gain_ = d.attention_gain_ = d.centred_ = d.heads_ = false;
  } else if (name == "gpu-paper") {
    d.equation_ = "Eq. 8";
    d.x_ = x_rule::accumulate;
    d.w_ = w_rule::gain_y;
    d.heads_ = false;
  } else if (name == "gpu-release") {
    d.equation_ = "the paper's listing and the released code";
  } else {
    throw input_error("dynamics", "'" + std::string(name) + "'",
                      "bdh, normfree, gpu-paper or gpu-release");
  }
  return d;
}

}  // namespace bdh
