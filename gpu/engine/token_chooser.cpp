#include "gpu/engine/token_chooser.hpp"

namespace bdh::gpu {

void token_chooser::plan(memory_plan& memory, index readout_nodes) {
  if (readout_nodes == 0 || readout_nodes >= index{1} << 24) return;
  nodes_ = readout_nodes;
  const index chunks = items_for(nodes_);
  memory.add(likely_, chunks, "most likely tokens");
  memory.add(among_, nodes_, "tokens to choose from");
  memory.add(plain_, nodes_, "likelihoods");
  memory.add(weight_, nodes_, "likelihoods at a temperature");
  memory.add(plain_sum_, chunks, "sums of likelihoods");
  memory.add(weight_sum_, chunks, "sums of likelihoods at a temperature");
  memory.add(statistics_, 1, "choice");
}

token_statistics token_chooser::choose(device& on, const buffer<float>& logits, const sampling& how,
                                       double share, std::optional<token_id> given) const {
  const index chunks = items_for(nodes_);
  const find_likely likely{.logits = logits.data(), .n = nodes_, .found = likely_.data()};
  gpu::launch(on, likely, {chunks});
  const bool some = how.temperature != 0 && how.top_k != 0 && how.top_k < nodes_;
  if (some)
    gpu::launch(
        on,
        rank_tokens{.logits = logits.data(), .n = nodes_, .k = how.top_k, .among = among_.data()},
        {nodes_});
  const weigh_tokens weigh{.likely = likely,
                           .temperature = how.temperature,
                           .among = some ? among_.data() : nullptr,
                           .plain = plain_.data(),
                           .weight = weight_.data(),
                           .plain_sum = plain_sum_.data(),
                           .weight_sum = weight_sum_.data()};
  gpu::launch(on, weigh, {chunks});
  gpu::launch(on,
              draw_token{.weighed = weigh,
                         .share = share,
                         .is_given = given.has_value(),
                         .given = given.value_or(0),
                         .out = statistics_.data()},
              {1});
  token_statistics found;
  statistics_.download({&found, 1});
  return found;
}

}  // namespace bdh::gpu
