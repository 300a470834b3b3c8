#include "core/simulation/prediction.hpp"

#include "core/simulation/loss.hpp"

namespace bdh {

token_id prediction::choose(const sampling& how, std::uint64_t position) const {
  return at_engine_ ? engine_.choose(how, position) : bdh::choose(logits_, how, position);
}

double prediction::loss(token_id next) const {
  return at_engine_ ? engine_.loss(next) : cross_entropy(logits_, next);
}

std::optional<double> prediction::surprisal(token_id next) const {
  if (next >= readout_nodes_ || (!at_engine_ && logits_.empty())) return std::nullopt;
  return loss(next);
}

}  // namespace bdh
