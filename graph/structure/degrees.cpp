#include "graph/structure/degrees.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace bdh {
edge_set reversed(const edge_set& g) {
  edge_set r;
  r.indptr.assign(g.indptr.size(), 0);
  for (const neuron_id t : g.targets) ++r.indptr[t + 1];
  std::partial_sum(r.indptr.begin(), r.indptr.end(), r.indptr.begin());
  r.targets.resize(g.targets.size());
  std::vector<edge_id> next(r.indptr.begin(), r.indptr.end() - 1);
  for (neuron_id i = 0; i < g.neurons(); ++i)
    for (const neuron_id t : g.row(i)) r.targets[next[t]++] = i;
  return r;
}

edge_set united(const edge_set& a, const edge_set& b) {
  edge_set u;
  u.targets.reserve(a.targets.size() + b.targets.size());
  for (neuron_id i = 0; i < a.neurons(); ++i) {
    const auto x = a.row(i), y = b.row(i);
    std::merge(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(u.targets));
    u.indptr.push_back(u.targets.size());
  }
  return u;
}

degree_summary summary_of(std::span<const std::uint32_t> degrees) {
  degree_summary s;
  if (degrees.empty()) return s;
  std::map<std::uint32_t, std::uint64_t> count;
  for (const std::uint32_t d : degrees) ++count[d];
  s.histogram.assign(count.begin(), count.end());
  const double n = static_cast<double>(degrees.size());
  double sum = 0, squares = 0;
  std::uint64_t below = 0;
  for (const auto& [degree, nodes] : s.histogram) {
    sum += static_cast<double>(degree) * static_cast<double>(nodes);
    for (const std::uint64_t middle :
         {(degrees.size() - 1) / 2, degrees.size() / 2})  // places, of all in order
      if (below <= middle && middle < below + nodes) s.median += 0.5 * degree;
    below += nodes;
  }
  s.mean = sum / n;
  for (const auto& [degree, nodes] : s.histogram)
    squares += static_cast<double>(nodes) * (degree - s.mean) * (degree - s.mean);
  s.deviation = std::sqrt(squares / n);
  s.least = s.histogram.front().first;
  s.largest = s.histogram.back().first;
  s.without = s.least == 0 ? s.histogram.front().second : 0;
  return s;
}

void for_each_reciprocal(const edge_set& first, const edge_set& second,
                         const std::function<void(neuron_id, neuron_id)>& use) {
  const edge_set back = reversed(second);
  for (neuron_id i = 0; i < first.neurons(); ++i) {
    const auto there = back.row(i);
    auto at = there.begin();
    for (const neuron_id k : first.row(i)) {
      while (at != there.end() && *at < k) ++at;
      if (at == there.end()) break;
      if (*at == k) use(i, k);
    }
  }
}

std::optional<reciprocity> reciprocity_of(edge_id both_ways, edge_id edges, neuron_id nodes) {
  if (edges == 0) return std::nullopt;
  const double density = static_cast<double>(edges) / (static_cast<double>(nodes) * (nodes - 1.0));
  reciprocity r{static_cast<double>(both_ways) / static_cast<double>(edges), {}};
  if (density < 1) r.rho = (r.share - density) / (1 - density);
  return r;
}

}  // namespace bdh
