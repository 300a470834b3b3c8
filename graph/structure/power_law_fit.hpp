// The power law of largest likelihood on whole numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace bdh {

struct power_law_fit {
  double alpha = 0;
  double xmin = 0;  // where `ks` is smallest
  double ks = 0;    // Kolmogorov-Smirnov distance of the values from xmin on
};

// By igraph (plfit). Values are above 0 and not all the same. `interrupt` is called now and then,
// and may throw. Throws unavailable_error in a build without igraph.
power_law_fit fit_power_law(const std::vector<std::uint32_t>& values,
                            const std::function<void()>& interrupt = {});

}  // namespace bdh
