#include "graph/structure/sign_balance.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

namespace bdh {
namespace {

// E |2 B - k| / k for B binomial(k, p): over 12 standard deviations on each side of the mean,
// beyond which nothing is left.
double expected_agreement(std::uint32_t k, double p) {
  if (p <= 0 || p >= 1) return 1;
  const double n = k, spread = 12 * std::sqrt(n * p * (1 - p)) + 12;
  const auto first = static_cast<std::uint32_t>(std::max(0.0, n * p - spread)),
             last = static_cast<std::uint32_t>(std::min(n, n * p + spread));
  double sum = 0;
  for (std::uint32_t b = first; b <= last; ++b) {
    const double log_p = std::lgamma(n + 1) - std::lgamma(b + 1.0) - std::lgamma(n - b + 1) +
                         b * std::log(p) + (n - b) * std::log1p(-p);
    sum += std::exp(log_p) * std::abs(2.0 * b - n);
  }
  return sum / n;
}

template <class T>
std::vector<std::optional<double>> difference_in_sum(const std::vector<T>& plus,
                                                     const std::vector<T>& minus, bool absolute) {
  std::vector<std::optional<double>> share(plus.size());
  for (std::size_t i = 0; i < share.size(); ++i) {
    const double a = static_cast<double>(plus[i]), b = static_cast<double>(minus[i]);
    if (a + b > 0) share[i] = (absolute ? std::abs(a - b) : a - b) / (a + b);
  }
  return share;
}

}  // namespace

std::vector<std::optional<double>> dale_by_edges(const thresholded_graph& g) {
  return difference_in_sum(g.excitatory.out_edges, g.inhibitory.out_edges, true);
}

std::vector<std::optional<double>> dale_by_weight(const thresholded_graph& g) {
  return difference_in_sum(g.excitatory.out_weight, g.inhibitory.out_weight, true);
}

std::optional<double> expected_dale_index(const thresholded_graph& g) {
  const double edges = static_cast<double>(g.excitatory.edges + g.inhibitory.edges);
  if (edges == 0) return std::nullopt;
  const double p = static_cast<double>(g.excitatory.edges) / edges;
  std::map<std::uint32_t, double> nodes_of;
  for (neuron_id i = 0; i < g.where.nodes(); ++i)
    ++nodes_of[g.excitatory.out_edges[i] + g.inhibitory.out_edges[i]];
  nodes_of.erase(0);
  double sum = 0, nodes = 0;
  for (const auto& [k, count] : nodes_of) {
    sum += count * expected_agreement(k, p);
    nodes += count;
  }
  return sum / nodes;
}

std::vector<std::optional<double>> ei_balance(const thresholded_graph& g) {
  return difference_in_sum(g.excitatory.in_weight, g.inhibitory.in_weight, false);
}

}  // namespace bdh
