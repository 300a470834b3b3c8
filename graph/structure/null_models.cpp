#include "graph/structure/null_models.hpp"

#include <algorithm>
#include <utility>

#include "core/base/random.hpp"

namespace bdh {

random_product gaussian_product(const neuron_window& like, std::size_t depth, std::uint64_t seed) {
  const auto drawn = [&](std::size_t rows, std::uint64_t step) {
    array<float> values(rows * depth);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(normal(seed, purpose::graph_weights, i, step));
    return values;
  };
  neuron_window window = like;
  window.first_source = window.first_target = 0;
  // Rows before it are of no use, and are never visited.
  if (!like.same_neurons()) window.first_target = like.sources;
  const std::size_t before = like.same_neurons() ? 0 : like.sources;
  array<float> left((before + like.targets) * depth);
  const array<float> of_targets = drawn(like.targets, 0);
  std::copy(of_targets.begin(), of_targets.end(),
            left.begin() + static_cast<std::ptrdiff_t>(before * depth));
  return {weight_matrix::of_product(depth, std::move(left), drawn(like.sources, 1)), window};
}

}  // namespace bdh
