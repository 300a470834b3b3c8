// Chooses the next token from the logits.
#pragma once

#include <cstdint>
#include <span>

#include <bdh/ids.hpp>

namespace bdh {

struct sampling {
  double temperature =
      0;  // 0: the most likely token, the lowest id where several are equally likely
  std::uint32_t top_k =
      0;  // choose among the k most likely tokens (lowest ids first where equal); 0: among all
  std::uint64_t seed = 0;
};

// The token to read at `position`. A pure function of its arguments: with the same seed, a run that
// continues from saved synapses chooses as the run that was never stopped. Throws input_error when
// the largest logit is not finite.
token_id choose(std::span<const float> logits, const sampling& how, std::uint64_t position);

}  // namespace bdh
