#include "core/simulation/engine.hpp"

#include <utility>

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

std::optional<fault> add_counts(const engine& work, std::size_t layers,
                                std::span<std::uint64_t> counts) {
  std::optional<fault> first;
  const site_range local = work.local();
  for (site_id s = local.begin; s < local.end; ++s)
    if (auto f = work.first_fault(s); f && (!first || f->step < first->step)) first = std::move(f);
  for (site_id s = local.begin; s < local.end && !first; ++s) {
    const site_counts& c = work.counts(s);
    for (std::size_t l = 0; l < layers; ++l) {
      counts[l] += c.active_x[l];
      counts[layers + l] += c.active_y[l];
    }
    counts[2 * layers] += c.synaptic_events;
    counts[2 * layers + 1] += c.hebbian_writes;
  }
  return first;
}

double engine::loss(token_id next) const { return cross_entropy(logits(), next); }

}  // namespace bdh
