#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>

#include "core/base/random.hpp"
#include "core/simulation/sampling_law.hpp"
#include "core/simulation/sampling_parts.hpp"

namespace bdh {
namespace {

// Which tokens are not among the k most likely get no weight.
void drop_unlikely(std::span<const float> logits, std::size_t k, std::vector<double>& weights) {
  std::vector<token_id> ids(logits.size());
  std::iota(ids.begin(), ids.end(), token_id{0});
  const auto rest = ids.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(ids.begin(), rest, ids.end(),
                   [&](token_id a, token_id b) { return more_likely(logits[a], a, logits[b], b); });
  for (auto id = rest; id != ids.end(); ++id) weights[*id] = 0;
}

}  // namespace

void expect_choice(float largest, std::uint64_t position) {
  if (!std::isfinite(largest))
    throw input_error("token " + std::to_string(position) + ", logits", std::to_string(largest),
                      "finite values to choose from");
}

double choice_share(const sampling& how, std::uint64_t position) noexcept {
  return uniform(how.seed, purpose::sampling, 0, position);
}

token_id choose(std::span<const float> logits, const sampling& how, std::uint64_t position) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  expect_choice(*largest, position);
  if (how.temperature == 0) return static_cast<token_id>(largest - logits.begin());
  const auto tokens = static_cast<token_id>(logits.size());
  std::vector<double> weights(tokens), sums;
  for (token_id i = 0; i < tokens; ++i)
    weights[i] = likelihood(logits[i], *largest, how.temperature);
  if (how.top_k != 0 && how.top_k < tokens) drop_unlikely(logits, how.top_k, weights);
  for (token_id i = 0; i < tokens; i += choice_block)
    sums.push_back(ascending_sum(weights.data() + i, std::min(choice_block, tokens - i)));
  return sampled_token(weights.data(), tokens, sums.data(), choice_share(how, position));
}

}  // namespace bdh
