#include "core/simulation/engine.hpp"

#include <bdh/sampling.hpp>

#include "core/simulation/loss.hpp"

void std::default_delete<bdh::engine>::operator()(bdh::engine* e) const noexcept { delete e; }

namespace bdh {

token_id engine::choose(const sampling& how, std::uint64_t position) const {
  return bdh::choose(logits(), how, position);
}

double engine::loss(token_id next) const { return cross_entropy(logits(), next); }

}  // namespace bdh
