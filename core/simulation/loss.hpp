// How wrong a prediction was: the cross-entropy of the token that came.
#pragma once

#include <span>

#include <bdh/ids.hpp>

namespace bdh {

// The likelihoods of all logits (core/simulation/sampling_law.hpp) at temperature 1: in double, by
// blocks of 64, relative to `largest`, that of them.
double likelihood_sum(std::span<const float> logits, float largest) noexcept;

// -log softmax(logits)[next] in nats, summed in double as core/simulation/sampling_law.hpp says.
// `next` < logits.size().
double cross_entropy(std::span<const float> logits, token_id next) noexcept;

// The same of one logit, where the sum of all likelihoods at temperature 1 is known.
double cross_entropy(double sum, float largest, float logit) noexcept;

}  // namespace bdh
