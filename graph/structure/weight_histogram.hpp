// How many weights of a window there are of every size, to choose the thresholds of a cut by.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/executor.hpp"
#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

enum class sign { excitatory, inhibitory, both };

// Sizes with the same first 13 significant bits (12 of the mantissa are stored) count as equal.
class weight_histogram {
 public:
  // `interrupt` is called by several threads at once, and may throw.
  weight_histogram(const weight_matrix& rows, const neuron_window& w, executor& work,
                   const std::function<void()>& interrupt = {});

  // The smallest number of 13 significant bits for which at most `edges` weights are above it
  // (sign::both: in absolute value).
  float threshold(std::uint64_t edges, sign which) const;

  // use(size, count) of the sizes of 13 significant bits that occur, ascending: of the weights of
  // this sign, not both, `count` have an absolute value from this size to the next.
  void each_size(sign which, const std::function<void(float, std::uint64_t)>& use) const;

 private:
  std::vector<std::uint64_t> positive_, negative_;
};

}  // namespace bdh
