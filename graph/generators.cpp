#include "graph/generators.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/erdos_renyi_generator.hpp>
#include <boost/graph/plod_generator.hpp>
#include <boost/graph/small_world_generator.hpp>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include <bdh/error.hpp>

namespace bdh {
namespace {

using boost_graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;

constexpr std::pair<graph_family, const char*> families[] = {
    {graph_family::erdos_renyi, "erdos-renyi"},
    {graph_family::small_world, "small-world"},
    {graph_family::scale_free, "scale-free"},
    {graph_family::blocks, "blocks"},
    {graph_family::ring, "ring"},
    {graph_family::complete, "complete"}};

// Edges in any order, packed into one word each; repeated ones and self-loops are dropped.
class edge_list {
 public:
  void add(std::uint64_t source, std::uint64_t target) {
    if (source != target) edges_.push_back(source << 32 | target);
  }
  void reserve(std::size_t edges) { edges_.reserve(edges); }

  edge_set by_source(neuron_id neurons) && {
    std::sort(edges_.begin(), edges_.end());
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
    edge_set s;
    s.indptr.assign(std::size_t{neurons} + 1, 0);
    s.targets.reserve(edges_.size());
    for (std::uint64_t e : edges_) {
      ++s.indptr[(e >> 32) + 1];
      s.targets.push_back(static_cast<neuron_id>(e));
    }
    std::partial_sum(s.indptr.begin(), s.indptr.end(), s.indptr.begin());
    return s;
  }

 private:
  std::vector<std::uint64_t> edges_;
};

edge_set complete(neuron_id n) {
  edge_set s;
  s.targets.reserve(std::size_t{n} * (n - 1));
  for (neuron_id i = 0; i < n; ++i) {
    for (neuron_id j = 0; j < n; ++j)
      if (j != i) s.targets.push_back(j);
    s.indptr.push_back(s.targets.size());
  }
  return s;
}

edge_set erdos_renyi(const graph_recipe& r, random_stream& random) {
  // Boost's iterator needs a probability below 1.
  if (r.degree == r.neurons - 1) return complete(r.neurons);
  using iterator = boost::sorted_erdos_renyi_iterator<random_stream, boost_graph>;
  edge_list edges;
  edges.reserve(std::size_t{r.neurons} * r.degree);
  const iterator end;
  for (iterator e(random, r.neurons, static_cast<double>(r.degree) / (r.neurons - 1), false);
       e != end; ++e)
    edges.add(e->first, e->second);
  return std::move(edges).by_source(r.neurons);
}

// Boost's edges lead ahead only, k/2 from each neuron in turn; each is read in both directions, but
// for the last one of an odd degree.
edge_set small_world(const graph_recipe& r, double rewired, random_stream& random) {
  using iterator = boost::small_world_iterator<random_stream, boost_graph>;
  const neuron_id ahead = (r.degree + 1) / 2;
  // No neuron is outside the neighbourhood; Boost would look for one for ever.
  if (2 * ahead + 1 >= r.neurons) rewired = 0;
  edge_list edges;
  edges.reserve(std::size_t{r.neurons} * 2 * ahead);
  const iterator end;
  std::size_t position = 0;
  for (iterator e(random, r.neurons, std::size_t{ahead} * 2, rewired); e != end; ++e, ++position) {
    edges.add(e->first, e->second);
    if (r.degree % 2 == 0 || position % ahead != ahead - 1) edges.add(e->second, e->first);
  }
  return std::move(edges).by_source(r.neurons);
}

// PLOD draws a neuron's degree as b x^-a, x uniform in 0 .. N-1; a = 1/2 gives the exponent 3. Ends
// that coincide are one edge, so b is chosen for the mean number of different ends.
double plod_scale(const graph_recipe& r, double exponent) {
  const double n = r.neurons;
  const auto mean = [&](double scale) {
    double sum = 0;
    for (neuron_id x = 1; x < r.neurons; ++x)
      sum += (n - 1) * -std::expm1(std::floor(scale * std::pow(x, -exponent)) * std::log1p(-1 / n));
    return sum / n;
  };
  double low = 0, high = 1;
  while (mean(high) < r.degree && high < n * n) high *= 2;
  for (int step = 0; step < 30; ++step) {
    const double middle = (low + high) / 2;
    (mean(middle) < r.degree ? low : high) = middle;
  }
  return high;
}

edge_set scale_free(const graph_recipe& r, random_stream& random) {
  constexpr double exponent = 0.5;
  using iterator = boost::plod_iterator<random_stream, boost_graph>;
  edge_list edges;
  edges.reserve(std::size_t{r.neurons} * r.degree);
  const iterator end;
  iterator e(random, r.neurons, exponent, plod_scale(r, exponent));
  // The first one is Boost's placeholder 0 -> 0.
  for (++e; e != end; ++e) edges.add(e->first, e->second);
  return std::move(edges).by_source(r.neurons);
}

struct block_shape {
  neuron_id begin, end;
  double inside, outside;  // probability of an edge
};

block_shape block_of(const graph_recipe& r, neuron_id b) {
  const auto edge = [&](std::uint64_t k) {
    return static_cast<neuron_id>(k * r.neurons / r.communities);
  };
  block_shape s{edge(b), edge(b + 1), 0, 0};
  const double size = s.end - s.begin, rest = r.neurons - size,
               out = r.communities == 1 ? 0 : r.rewired;
  if (r.degree * (1 - out) > 0) s.inside = r.degree * (1 - out) / (size - 1);
  if (r.degree * out > 0) s.outside = r.degree * out / rest;
  return s;
}

edge_set blocks(const graph_recipe& r, random_stream& random) {
  edge_set s;
  s.targets.reserve(std::size_t{r.neurons} * r.degree);
  const auto draw = [&](neuron_id i, std::uint64_t begin, std::uint64_t end, double p) {
    if (p == 0) return;
    for (std::uint64_t j = begin + random.failures_before_success(p); j < end;
         j += 1 + random.failures_before_success(p))
      if (j != i) s.targets.push_back(static_cast<neuron_id>(j));
  };
  for (neuron_id b = 0; b < r.communities; ++b) {
    const block_shape block = block_of(r, b);
    for (neuron_id i = block.begin; i < block.end; ++i) {
      draw(i, 0, block.begin, block.outside);
      draw(i, block.begin, block.end, block.inside);
      draw(i, block.end, r.neurons, block.outside);
      s.indptr.push_back(s.targets.size());
    }
  }
  return s;
}

void check_blocks(const graph_recipe& r) {
  if (r.communities < 1 || r.communities > r.neurons)
    throw input_error("communities", std::to_string(r.communities),
                      "1 to " + std::to_string(r.neurons) + ", the neurons");
  for (neuron_id b = 0; b < r.communities; ++b) {
    const block_shape s = block_of(r, b);
    if (s.inside <= 1 && s.outside <= 1) continue;
    throw input_error("degree",
                      std::to_string(r.degree) + " with " + std::to_string(r.communities) +
                          " communities of " + std::to_string(s.end - s.begin) +
                          " neurons and a share of " + std::to_string(r.rewired) + " between them",
                      "no more edges than there are pairs", "fewer communities or a lower degree");
  }
}

}  // namespace

const char* name(graph_family f) noexcept {
  for (const auto& [family, text] : families)
    if (family == f) return text;
  return "";
}

graph_family graph_family_named(std::string_view text) {
  for (const auto& [family, known] : families)
    if (text == known) return family;
  throw input_error("graph family", "'" + std::string(text) + "'",
                    "erdos-renyi, small-world, scale-free, blocks, ring or complete");
}

void check(const graph_recipe& r) {
  if (r.neurons < 2) throw input_error("neurons", std::to_string(r.neurons), "at least 2");
  if (!(r.rewired >= 0 && r.rewired <= 1))
    throw input_error("rewire", std::to_string(r.rewired), "a share from 0 to 1");
  if (r.family == graph_family::complete) return;
  // The power law's longest rows would otherwise be cut at N - 1 edges.
  const neuron_id most = r.family == graph_family::scale_free ? r.neurons / 2 : r.neurons - 1;
  if (r.degree < 1 || r.degree > most)
    throw input_error("degree", std::to_string(r.degree),
                      "1 to " + std::to_string(most) +
                          (r.family == graph_family::scale_free ? ", half of the neurons"
                                                                : ", the other neurons"));
  if (r.family == graph_family::blocks) check_blocks(r);
}

edge_set generate(const graph_recipe& r, random_stream random) {
  check(r);
  switch (r.family) {
    case graph_family::erdos_renyi:
      return erdos_renyi(r, random);
    case graph_family::small_world:
      return small_world(r, r.rewired, random);
    case graph_family::scale_free:
      return scale_free(r, random);
    case graph_family::blocks:
      return blocks(r, random);
    case graph_family::ring:
      return small_world(r, 0, random);
    case graph_family::complete:
      break;
  }
  return complete(r.neurons);
}

}  // namespace bdh
