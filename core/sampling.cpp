#include "core/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/random.hpp"

namespace bdh {
namespace {

// The k most likely tokens, ascending by id.
std::vector<token_id> most_likely(std::span<const float> logits, std::size_t k) {
  std::vector<token_id> ids(logits.size());
  std::iota(ids.begin(), ids.end(), token_id{0});
  if (k == 0 || k >= ids.size()) return ids;
  const auto more_likely = [&](token_id a, token_id b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  std::nth_element(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(k), ids.end(), more_likely);
  ids.resize(k);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

token_id choose(std::span<const float> logits, const sampling& how, std::uint64_t position) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  if (!std::isfinite(*largest))
    throw input_error("token " + std::to_string(position) + ", logits", std::to_string(*largest), "finite values to choose from");
  if (how.temperature == 0) return static_cast<token_id>(largest - logits.begin());

  const auto candidates = most_likely(logits, how.top_k);
  std::vector<double> upto(candidates.size());  // sums of the probabilities, not normalised
  double sum = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    upto[i] = sum += std::exp((double{logits[candidates[i]]} - *largest) / how.temperature);
  const double drawn = uniform(how.seed, purpose::sampling, 0, position) * sum;
  // The product may round up to the sum itself.
  const auto hit = std::min(std::upper_bound(upto.begin(), upto.end(), drawn) - upto.begin(), std::ssize(upto) - 1);
  return candidates[static_cast<std::size_t>(hit)];
}

}  // namespace bdh
