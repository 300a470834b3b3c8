#include "graph/structure/random_edges.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <bdh/error.hpp>

namespace bdh {

edge_set random_edges(neuron_id nodes, neuron_id sources, edge_id m, random_stream random) {
  const std::uint64_t targets =
      sources != 0 ? nodes - sources : nodes - std::min<neuron_id>(nodes, 1);
  const std::uint64_t pairs = (sources != 0 ? sources : nodes) * targets;
  if (m > pairs)
    throw input_error("random graph", std::to_string(m) + " edges",
                      "at most " + std::to_string(pairs));
  const auto draw = [&] {
    constexpr std::uint64_t all = ~std::uint64_t{0};
    for (;;) {
      const std::uint64_t high = random(), number = high << 32 | random();
      if (number < all - all % pairs) return number % pairs;
    }
  };
  // Drawn one by one until m differ, many at a time.
  std::vector<std::uint64_t> drawn;
  while (drawn.size() < m) {
    const std::size_t before = drawn.size();
    while (drawn.size() < m) drawn.push_back(draw());
    std::sort(drawn.begin() + static_cast<std::ptrdiff_t>(before), drawn.end());
    std::inplace_merge(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(before),
                       drawn.end());
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  }
  edge_set g;
  g.indptr.assign(std::size_t{nodes} + 1, 0);
  for (const std::uint64_t pair : drawn) {
    const auto source = static_cast<neuron_id>(pair / targets);
    auto target = static_cast<neuron_id>(pair % targets);
    target += sources != 0 ? sources : target >= source;
    ++g.indptr[source + 1];
    g.targets.push_back(target);
  }
  std::partial_sum(g.indptr.begin(), g.indptr.end(), g.indptr.begin());
  return g;
}

}  // namespace bdh
