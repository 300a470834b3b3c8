// The token to read next, drawn on the device from the logits that are there
// (core/simulation/sampling_law.hpp): only a few bytes come back.
#pragma once

#include <optional>

#include <bdh/sampling.hpp>

#include "gpu/device/buffer.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {

class token_chooser {
 public:
  // Adds nothing where it cannot choose: without readout nodes, or with 2^24 of them.
  void plan(memory_plan& memory, index readout_nodes);
  bool can_choose() const noexcept { return nodes_ != 0; }
  // Of `logits`: statistics of the token that `share` chooses, or of a given one.
  token_statistics choose(device& on, const buffer<float>& logits, const sampling& how,
                          double share, std::optional<token_id> given) const;

 private:
  index nodes_ = 0;
  buffer<likely_token> likely_;
  buffer<index> among_;
  buffer<double> plain_, weight_, plain_sum_, weight_sum_;
  buffer<token_statistics> statistics_;
};

}  // namespace bdh::gpu
