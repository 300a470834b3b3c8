#include "core/model/random_sensory.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/random.hpp"

namespace bdh {

// Floyd's sampling.
projection random_sensory(std::uint64_t each, std::uint64_t seed, neuron_id vocabulary,
                          neuron_id neurons) {
  constexpr std::uint64_t most_edges = 1'000'000'000;
  if (each > most_edges / vocabulary)
    throw input_error(
        "--sensory",
        std::to_string(each) + " neurons for each of " + std::to_string(vocabulary) + " tokens",
        "at most " + std::to_string(most_edges) + " edges in all");
  array<edge_id> indptr(std::size_t{vocabulary} + 1);
  array<neuron_id> indices(each * vocabulary);
  array<float> weights(each * vocabulary);
  std::fill(weights.begin(), weights.end(), 1.0f);
  std::vector<bool> is_chosen(neurons);
  for (neuron_id t = 0; t < vocabulary; ++t) {
    indptr[t] = t * each;
    neuron_id* const own = indices.begin() + indptr[t];
    for (std::uint64_t k = 0; k < each; ++k) {
      const auto last = static_cast<neuron_id>(neurons - each + k);
      const auto drawn =
          static_cast<neuron_id>(uniform(seed, purpose::wiring, t, last) * (double{1} + last));
      own[k] = is_chosen[drawn] ? last : drawn;
      is_chosen[own[k]] = true;
    }
    for (std::uint64_t k = 0; k < each; ++k) is_chosen[own[k]] = false;
    std::sort(own, own + each);
  }
  indptr[vocabulary] = each * vocabulary;
  return projection::sparse("sensory", {"sensory", vocabulary}, {"neurons", neurons}, major::source,
                            std::move(indptr), std::move(indices), std::move(weights));
}

}  // namespace bdh
