#include "core/simulation/engine.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/sampling.hpp>

#include "core/base/sincos.hpp"
#include "core/simulation/loss.hpp"
#include "kernels/decay.hpp"

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

void engine::learn(const learning&) {
  throw unavailable_error("learning",
                          "an engine on " + device() + " that keeps weights as they are",
                          "one process, on the CPU");
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

void engine::clear_strengths(layer_id layer) {
  state_arrays all = save(layer);
  std::fill(all.strengths().begin(), all.strengths().end(), 0.0f);
  restore(layer, all);
}

void for_parts(state_arrays& all, std::size_t most,
               const std::function<void(const kept_part&)>& f) {
  for (state_arrays::entry& e : all.all())
    std::visit(
        [&]<class T>(array<T>& values) {
          const std::size_t at_a_time = std::max<std::size_t>(1, most / sizeof(T));
          for (std::size_t first = 0; first < values.size(); first += at_a_time) {
            const std::span<T> some(values.data() + first,
                                    std::min(at_a_time, values.size() - first));
            kept_part part{.what = e.what, .first = first};
            if constexpr (std::is_same_v<T, float>)
              part.reals = some;
            else
              part.counts = some;
            f(part);
          }
        },
        e.values);
}

state_arrays save_in_parts(const engine& work, layer_id layer, std::size_t most) {
  state_arrays all(work.variables(), layer != 0);
  for_parts(all, most, [&](const kept_part& part) { work.save_part(layer, part); });
  return all;
}

void restore_in_parts(engine& work, layer_id layer, const state_arrays& from, std::size_t most) {
  // An engine only reads what it restores.
  for_parts(const_cast<state_arrays&>(from), most,
            [&](const kept_part& part) { work.restore_part(layer, part); });
}

float laboratory_strength(const model& m, neuron_id neuron, const stored_synapse& stored,
                          std::uint64_t clock, double retention) {
  const double decay = power(retention, clock - stored.last_used);
  if (!m.rotation().present()) return kernels::in_laboratory(stored.strength, 0, {1, 0}, decay);
  const cos_sin angle = sincos_turns(static_cast<double>(clock) *
                                     m.rotation().frequency()[neuron % m.neurons_per_head() / 2]);
  return kernels::in_laboratory(stored.strength, stored.partner,
                                neuron % 2 == 0 ? angle : cos_sin{angle.cosine, -angle.sine},
                                decay);
}

// By population, coincidences, clipped, neurons with a spike of X by layer, of Y by layer.
std::size_t spike_numbers(const engine& work, std::size_t layers) {
  return work.spikes() ? spike_sources + 2 + 2 * layers : 0;
}

void add_spike_counts(const engine& work, std::size_t layers, std::span<std::uint64_t> numbers) {
  if (numbers.empty()) return;
  const site_range local = work.local();
  for (site_id s = local.begin; s < local.end; ++s) {
    const spike_counts& c = work.counts(s).spikes;
    for (std::size_t k = 0; k < spike_sources; ++k) numbers[k] += c.spikes[k];
    numbers[spike_sources] += c.coincidences;
    numbers[spike_sources + 1] += c.clipped;
    for (std::size_t l = 0; l < layers; ++l) {
      numbers[spike_sources + 2 + l] += c.spiking_x[l];
      numbers[spike_sources + 2 + layers + l] += c.spiking_y[l];
    }
  }
}

spike_counts spike_counts_of(std::size_t layers, std::span<const std::uint64_t> numbers) {
  spike_counts c;
  std::copy_n(numbers.begin(), spike_sources, c.spikes.begin());
  c.coincidences = numbers[spike_sources];
  c.clipped = numbers[spike_sources + 1];
  const auto by_layer = numbers.subspan(spike_sources + 2);
  for (std::size_t l = 0; l < layers; ++l) {
    c.spiking_x.push_back(static_cast<neuron_id>(by_layer[l]));
    c.spiking_y.push_back(static_cast<neuron_id>(by_layer[layers + l]));
  }
  return c;
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
