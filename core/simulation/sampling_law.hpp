// The arithmetic of choosing a token, once for hosts and devices: both take the same choice to the
// last bit. Sums of weights are those of blocks of 64 tokens, ascending within a block, blocks in
// ascending order.
#pragma once

#include <bdh/ids.hpp>

#include "core/base/exponential.hpp"

namespace bdh {

inline constexpr token_id choice_block = 64;

// Of tokens that are equally likely the one of the lowest id comes first.
[[gnu::always_inline]] inline constexpr bool more_likely(float a, token_id a_id, float b,
                                                         token_id b_id) noexcept {
  return a > b || (a == b && a_id < b_id);
}

// The probability of a token at this temperature, in units of that of the most likely one.
[[gnu::always_inline]] inline constexpr double likelihood(float logit, float largest,
                                                          double temperature) noexcept {
  return exponential((static_cast<double>(logit) - static_cast<double>(largest)) / temperature);
}

[[gnu::always_inline]] inline constexpr double ascending_sum(const double* values,
                                                             token_id count) noexcept {
  double sum = 0;
  for (token_id i = 0; i < count; ++i) sum += values[i];
  return sum;
}

// The first token up to which the weights come to more than `share` of all, 0 <= share < 1; the
// last that has any weight where rounding leaves none. sums: of each block's weights, of which some
// are not zero.
[[gnu::always_inline]] inline constexpr token_id sampled_token(const double* weights,
                                                               token_id tokens, const double* sums,
                                                               double share) noexcept {
  const token_id blocks = (tokens + choice_block - 1) / choice_block;
  const double goal = share * ascending_sum(sums, blocks);
  token_id block = 0;
  double before = 0, upto = 0;  // of `block`
  for (token_id b = 0; b < blocks && upto <= goal; ++b)
    if (sums[b] > 0) {
      block = b;
      before = upto;
      upto += sums[b];
    }
  const token_id first = block * choice_block,
                 last = tokens - first < choice_block ? tokens : first + choice_block;
  token_id token = first;
  upto = before;
  for (token_id i = first; i < last && upto <= goal; ++i)
    if (weights[i] > 0) {
      token = i;
      upto += weights[i];
    }
  return token;
}

}  // namespace bdh
