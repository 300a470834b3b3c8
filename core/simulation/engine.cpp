#include "core/simulation/engine.hpp"

#include <algorithm>
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

void perform_batch_inside(const step& s, site_id site, std::span<const stream_part> streams,
                          engine& (*inside)(engine&)) noexcept {
  constexpr std::size_t most_together = 64;
  stream_part within[most_together];
  for (std::size_t first = 0; first < streams.size(); first += most_together) {
    const auto some = streams.subspan(first, std::min(most_together, streams.size() - first));
    std::transform(some.begin(), some.end(), within, [inside](stream_part p) {
      p.work = &inside(*p.work);
      return p;
    });
    within[0].work->perform_batch(s, site, {within, some.size()});
  }
}

double engine::loss(token_id next) const { return cross_entropy(logits(), next); }

}  // namespace bdh
