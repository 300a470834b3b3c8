#include "core/ranks/rank_shares.hpp"

namespace bdh {

rank_shares::rank_shares(const model& m, rank_sites sites) : model_(m) {
  const auto shares = partition(
      {m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()}, sites.all());
  const auto grown = [](id_range all, id_range more) {
    if (more.size() == 0) return all;
    return all.size() == 0 ? more : id_range{all.begin, more.end};
  };
  for (rank_id r = 0; r < sites.ranks; ++r) {
    id_range neurons, sensory;
    for (site_id s = r * sites.each; s < (r + 1) * sites.each; ++s) {
      neurons = grown(neurons, shares[s].neurons);
      sensory = grown(sensory, shares[s].sensory);
    }
    if (!m.is_direct() || !m.sensory_are_sources()) sensory = {};
    if (sensory.size() != 0) sensory = {m.neurons() + sensory.begin, m.neurons() + sensory.end};
    neurons_.push_back(neurons);
    sensory_.push_back(sensory);
  }
}

rank_id rank_shares::owner(neuron_id neuron) const {
  for (rank_id r = 0; r < neurons_.size(); ++r)
    if (neurons_[r].contains(neuron)) return r;
  return 0;
}

}  // namespace bdh
