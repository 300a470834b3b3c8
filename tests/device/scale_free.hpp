// A graph with heavy-tailed degrees: most targets have a few edges, one neuron hears all others,
// another sends to all.
#pragma once

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <bdh/model.hpp>

#include "core/base/random.hpp"

namespace tests {

struct scale_free_shape {
  bdh::neuron_id neurons = 10500, tokens = 5;
  bdh::layer_id layers = 2;
};
inline constexpr bdh::neuron_id scale_free_hub = 7, scale_free_sender = 10;

inline bdh::model scale_free(const scale_free_shape& s) {
  const bdh::population neurons{"neurons", s.neurons}, sources{"sources", s.neurons},
      sensory{"sensory", s.tokens}, readout{"readout", s.tokens};
  const auto draw = [&](std::uint64_t stream, std::uint64_t item) {
    return bdh::uniform(3, bdh::purpose::test_weights, item, stream);
  };
  // Targets of every source; ends come to low numbers more often than to high ones.
  const auto connect = [&](std::uint64_t stream, bool hubs) {
    std::vector<std::set<bdh::neuron_id>> targets(s.neurons);
    for (bdh::neuron_id i = 0; i < s.neurons; ++i) {
      for (std::uint64_t k = 0; k < 3; ++k) {
        const double u = draw(stream, 3 * std::uint64_t{i} + k);
        targets[i].insert(static_cast<bdh::neuron_id>(u * u * u * u * s.neurons));
      }
      if (hubs) targets[i].insert(scale_free_hub);
      if (hubs) targets[scale_free_sender].insert(i);
    }
    return targets;
  };
  const auto edges = [&](const char* name, bdh::population from, bdh::population to,
                         bdh::major rows, std::uint64_t stream, bool hubs) {
    const auto targets = connect(stream, hubs);
    std::vector<std::vector<bdh::neuron_id>> row(s.neurons);
    std::vector<bdh::neuron_id> arriving(s.neurons);
    for (bdh::neuron_id i = 0; i < s.neurons; ++i)
      for (bdh::neuron_id j : targets[i]) {
        (rows == bdh::major::source ? row[i] : row[j])
            .push_back(rows == bdh::major::source ? j : i);
        ++arriving[j];
      }
    bdh::array<bdh::edge_id> indptr(s.neurons + 1);
    for (bdh::neuron_id r = 0; r < s.neurons; ++r) indptr[r + 1] = indptr[r] + row[r].size();
    bdh::array<bdh::neuron_id> indices(indptr[s.neurons]);
    bdh::array<float> weights(indptr[s.neurons]);
    for (bdh::neuron_id r = 0, e = 0; r < s.neurons; ++r)
      for (bdh::neuron_id other : row[r]) {
        indices[e] = other;
        const bdh::neuron_id target = rows == bdh::major::source ? other : r;
        weights[e] = static_cast<float>(draw(stream + 1, e) / arriving[target]);
        ++e;
      }
    return bdh::projection::sparse(name, std::move(from), std::move(to), rows, std::move(indptr),
                                   std::move(indices), std::move(weights));
  };
  const auto tokens = [&](const char* name, bdh::population from, bdh::population to,
                          bdh::major rows, std::uint64_t stream) {
    bdh::array<bdh::edge_id> indptr(s.tokens + 1);
    bdh::array<bdh::neuron_id> indices(std::size_t{s.tokens} * (s.neurons / 2));
    bdh::array<float> weights(indices.size());
    for (bdh::neuron_id t = 0; t < s.tokens; ++t) {
      indptr[t + 1] = (t + 1) * std::uint64_t{s.neurons / 2};
      for (bdh::neuron_id k = 0; k < s.neurons / 2; ++k) {
        indices[indptr[t] + k] = 2 * k + t % 2;
        weights[indptr[t] + k] = static_cast<float>(draw(stream, indptr[t] + k));
      }
    }
    return bdh::projection::sparse(name, std::move(from), std::move(to), rows, std::move(indptr),
                                   std::move(indices), std::move(weights));
  };
  bdh::model_spec p;
  p.rules = bdh::dynamics::named("bdh", 1e-5);
  p.layers = s.layers;
  p.retention = 0.9;
  bdh::direct_circuits g;
  g.gx_excitatory = edges("gx_excitatory", sources, neurons, bdh::major::source, 1, true);
  g.gx_inhibitory = edges("gx_inhibitory", sources, neurons, bdh::major::source, 3, false);
  g.gy_excitatory = edges("gy_excitatory", sources, neurons, bdh::major::target, 5, true);
  g.gy_inhibitory = edges("gy_inhibitory", sources, neurons, bdh::major::target, 7, false);
  g.gs = edges("gs", neurons, sources, bdh::major::source, 9, true);
  g.sensory = tokens("sensory", sensory, neurons, bdh::major::source, 11);
  g.readout = tokens("readout", sources, readout, bdh::major::target, 13);
  p.direct = std::move(g);
  return bdh::model(std::move(p));
}

}  // namespace tests
