#include "core/simulation/engine.hpp"

#include <bdh/sampling.hpp>

#include "core/simulation/loss.hpp"

void std::default_delete<bdh::engine>::operator()(bdh::engine* e) const noexcept { delete e; }

namespace bdh {

token_id engine::choose(const sampling& how, std::uint64_t position) const {
  return bdh::choose(logits(), how, position);
}

void engine::active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const {
  std::vector<float> all(info(variables(), v).size);
  read(v, all);
  ids.clear();
  values.clear();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == 0.0f) continue;
    ids.push_back(static_cast<neuron_id>(i));
    values.push_back(all[i]);
  }
}

double engine::loss(token_id next) const { return cross_entropy(logits(), next); }

}  // namespace bdh
