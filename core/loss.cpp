#include "core/loss.hpp"

#include <algorithm>
#include <cmath>

namespace bdh {

double cross_entropy(std::span<const float> logits, token_id next) noexcept {
  // Relative to the largest logit, so that no exponential overflows.
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float z : logits) sum += std::exp(z - largest);
  return std::log(sum) - (logits[next] - largest);
}

}  // namespace bdh
