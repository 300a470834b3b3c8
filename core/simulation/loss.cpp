#include "core/simulation/loss.hpp"

#include <algorithm>

#include "core/base/rounded.hpp"
#include "core/simulation/sampling_law.hpp"

namespace bdh {

double likelihood_sum(std::span<const float> logits, float largest) noexcept {
  double sum = 0;
  for (std::size_t first = 0; first < logits.size(); first += choice_block) {
    double block = 0;
    for (std::size_t i = first; i < std::min(first + choice_block, logits.size()); ++i)
      block += likelihood(logits[i], largest, 1);
    sum += block;
  }
  return sum;
}

double cross_entropy(std::span<const float> logits, token_id next) noexcept {
  // Relative to the largest logit, so that no exponential overflows.
  const float largest = *std::max_element(logits.begin(), logits.end());
  return cross_entropy(likelihood_sum(logits, largest), largest, logits[next]);
}

double cross_entropy(double sum, float largest, float logit) noexcept {
  return rounded::log(sum) - (double{logit} - double{largest});
}

}  // namespace bdh
