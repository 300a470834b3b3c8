// How wrong a prediction was: the cross-entropy of the token that came.
#pragma once

#include <span>

#include "core/base/ids.hpp"

namespace bdh {

// -log softmax(logits)[next] in nats, summed in double. `next` < logits.size().
double cross_entropy(std::span<const float> logits, token_id next) noexcept;

}  // namespace bdh
