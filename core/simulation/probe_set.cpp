#include <bdh/error.hpp>
#include <bdh/probe.hpp>

#include "core/simulation/bounds.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/probe_store.hpp"
#include "core/simulation/stream_position.hpp"

namespace bdh {

std::size_t probe_set::add(const probe_spec& what) {
  position_.expect_between_tokens();
  expect_possible();
  // What spikes of explicit edges write is known at the synapses that there are.
  if (engine_.spikes() && model_.is_direct() &&
      (what.factor != probe_factor::w || !model_.direct().gs.find(what.pair.pre, what.pair.post)))
    throw unavailable_error("probe", "a pair without a synapse, in a network of spikes",
                            "an edge of gs, read as it acts");
  return kept_.place(what, position_.tokens);
}

void probe_set::expect_possible() const {
  if (!published_) throw unavailable_error("probe", "a changed round table", "the published one");
  expect_all_sites_local("probe", engine_);
  const spiking* const spikes = engine_.spikes();
  if (spikes && spikes->emits(spike_source::w) && !model_.is_direct())
    throw unavailable_error("probe", "spikes of hubs, which come from no single source",
                            "graded hubs, or explicit edges");
}

std::optional<std::size_t> probe_set::find(const probe_spec& what) const {
  return kept_.find(what);
}

std::size_t probe_set::size() const noexcept { return kept_.size(); }

const probe_spec& probe_set::what(std::size_t number) const noexcept { return kept_.what(number); }

std::uint64_t probe_set::since(std::size_t number) const noexcept { return kept_.since(number); }

double probe_set::strength(std::size_t number) const noexcept { return kept_.strength(number); }

std::optional<double> probe_set::strength(const probe_spec& what) const {
  expect_in_model(model_, what.layer, what.pair.pre);
  if (model_.is_direct() && what.factor == probe_factor::w)
    if (const auto edge = model_.direct().gs.find(what.pair.pre, what.pair.post)) {
      float value = 0;
      engine_.read_synapses(what.layer, {&*edge, 1}, {&value, 1});
      return value;
    }
  const auto p = kept_.find(what);
  return p && kept_.since(*p) == 0 ? std::optional(kept_.strength(*p)) : std::nullopt;
}

}  // namespace bdh
