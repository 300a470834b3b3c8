// Graphs rewired with their degrees kept, and communities by excitatory and inhibitory edges:
// against all graphs, and all divisions, of a few nodes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "graph/structure/network.hpp"
#include "graph/structure/random_edges.hpp"
#include "graph/structure/rewiring.hpp"
#include "graph/structure/signed_modularity.hpp"

namespace {

using bdh::edge_set;
using edges = std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>>;

edge_set set_of(bdh::neuron_id nodes, edges all) {
  std::ranges::sort(all);
  edge_set set;
  set.indptr.assign(nodes + std::size_t{1}, 0);
  for (const auto& [i, j] : all) {
    ++set.indptr[i + std::size_t{1}];
    set.targets.push_back(j);
  }
  for (std::size_t i = 0; i < nodes; ++i) set.indptr[i + 1] += set.indptr[i];
  return set;
}

edges list(const edge_set& set) {
  edges all;
  for (bdh::neuron_id i = 0; i < set.neurons(); ++i)
    for (const bdh::neuron_id j : set.row(i)) all.emplace_back(i, j);
  return all;
}

std::vector<int> in_degrees(const edge_set& set) {
  std::vector<int> in(set.neurons());
  for (const bdh::neuron_id j : set.targets) ++in[j];
  return in;
}

edge_set random_graph(bdh::neuron_id nodes, bdh::edge_id m, std::uint64_t seed) {
  return bdh::random_edges(nodes, 0, m, bdh::random_stream(seed, bdh::purpose::graph_edges, 0));
}

bdh::random_stream draws(std::uint64_t number) {
  return bdh::random_stream(1, bdh::purpose::graph_edges, number);
}

// Two sets on the same nodes: the edges of a random graph, the first ones of each three inhibitory.
std::vector<edge_set> two_signs(bdh::neuron_id nodes, bdh::edge_id m, std::uint64_t seed) {
  const edges all = list(random_graph(nodes, m, seed));
  edges plus, minus;
  for (std::size_t k = 0; k < all.size(); ++k) (k % 3 == 0 ? minus : plus).push_back(all[k]);
  return {set_of(nodes, plus), set_of(nodes, minus)};
}

// By the definition: sum over pairs of a community of w_ij - k+_i k+_j / 2w+ + k-_i k-_j / 2w-,
// over 2w+ + 2w-.
double q_by_definition(const std::vector<edge_set>& signs,
                       const std::vector<bdh::neuron_id>& member) {
  const std::size_t n = member.size();
  std::vector<double> w[2], k[2];
  double total[2] = {};
  for (const int s : {0, 1}) {
    w[s].resize(n * n);
    k[s].resize(n);
    for (const auto& [i, j] : list(signs[static_cast<std::size_t>(s)])) {
      ++w[s][i * n + j];
      ++w[s][j * n + i];
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) k[s][i] += w[s][i * n + j];
    for (const double d : k[s]) total[s] += d;
  }
  double q = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      if (member[i] != member[j]) continue;
      q += w[0][i * n + j] - w[1][i * n + j];
      if (total[0] > 0) q -= k[0][i] * k[0][j] / total[0];
      if (total[1] > 0) q += k[1][i] * k[1][j] / total[1];
    }
  return q / (total[0] + total[1]);
}

// The largest over all divisions: each node joins a community that there is, or begins the next.
double best_by_trying(const std::vector<edge_set>& signs, bdh::neuron_id nodes) {
  std::vector<bdh::neuron_id> member(nodes, 0);
  double best = -1;
  for (;;) {
    best = std::max(best, q_by_definition(signs, member));
    std::size_t i = nodes - std::size_t{1};
    for (; i != 0; --i) {
      const auto most =
          *std::max_element(member.begin(), member.begin() + static_cast<std::ptrdiff_t>(i));
      if (member[i] <= most) break;
    }
    if (i == 0) return best;
    ++member[i];
    std::fill(member.begin() + static_cast<std::ptrdiff_t>(i) + 1, member.end(), 0);
  }
}

}  // namespace

TEST_CASE("rewired graphs have the degrees of the graph, and no edge twice or to itself") {
  for (const bdh::edge_id m : {40u, 300u, 1000u}) {
    const std::vector<edge_set> signs = two_signs(40, m, m);
    const auto made = bdh::rewired_keeping_degrees(signs, draws(3));
    REQUIRE(made.size() == 2);
    std::set<std::pair<bdh::neuron_id, bdh::neuron_id>> all;
    for (const std::size_t s : {0, 1}) {
      CHECK(made[s].indptr == signs[s].indptr);
      CHECK(in_degrees(made[s]) == in_degrees(signs[s]));
      for (const auto& [i, j] : list(made[s])) {
        CHECK(i != j);
        CHECK(all.emplace(i, j).second);
      }
      for (bdh::neuron_id i = 0; i < 40; ++i) CHECK(std::ranges::is_sorted(made[s].row(i)));
      CHECK(list(made[s]) != list(signs[s]));
    }
    CHECK(list(bdh::rewired_keeping_degrees(signs, draws(3))[0]) == list(made[0]));
    CHECK(list(bdh::rewired_keeping_degrees(signs, draws(4))[0]) != list(made[0]));
  }
  CHECK(bdh::rewired_keeping_degrees({set_of(3, {})}, draws(1))[0].edges() == 0);
}

TEST_CASE("all graphs with the same degrees are as likely as each other") {
  // Cycles of three nodes can be turned round only as a whole; the other graphs by exchanges, too.
  for (const edges& first :
       {edges{{0, 1}, {1, 2}, {2, 0}}, edges{{0, 1}, {1, 2}, {2, 3}, {3, 0}},
        edges{{0, 1}, {0, 2}, {1, 2}, {2, 0}, {3, 1}}, edges{{0, 1}, {1, 0}, {2, 3}, {3, 2}}}) {
    const edge_set graph = set_of(4, first);
    // All with these degrees, among the 4096 graphs of 4 nodes.
    std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>> pairs;
    for (bdh::neuron_id i = 0; i < 4; ++i)
      for (bdh::neuron_id j = 0; j < 4; ++j)
        if (i != j) pairs.emplace_back(i, j);
    std::map<edges, int> count;
    for (unsigned bits = 0; bits < 4096; ++bits) {
      edges all;
      for (std::size_t k = 0; k < 12; ++k)
        if ((bits >> k & 1) != 0) all.push_back(pairs[k]);
      const edge_set other = set_of(4, all);
      if (other.indptr == graph.indptr && in_degrees(other) == in_degrees(graph)) count[all] = 0;
    }
    REQUIRE(count.size() >= 2);
    constexpr int graphs = 6000;
    for (int k = 0; k < graphs; ++k) {
      const auto found =
          count.find(list(bdh::rewired_keeping_degrees({graph}, draws(100u + unsigned(k)))[0]));
      REQUIRE(found != count.end());
      ++found->second;
    }
    // Chi square; its mean is the number of graphs - 1, its variance twice that.
    const double expected = graphs / static_cast<double>(count.size());
    double chi = 0;
    for (const auto& [all, times] : count)
      chi += (times - expected) * (times - expected) / expected;
    const double freedom = static_cast<double>(count.size()) - 1;
    CAPTURE(count.size());
    CHECK(chi < freedom + 4 * std::sqrt(2 * freedom) + 2);
  }
}

TEST_CASE("signed modularity is that of the definition, and the best of all divisions is found") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const std::vector<edge_set> signs = two_signs(8, 8 + 2 * (seed % 10), seed);
    const auto found = bdh::best_signed_communities(signs[0], signs[1], seed);
    REQUIRE(found);
    CHECK(found->modularity == doctest::Approx(q_by_definition(signs, found->member)));
    CHECK(found->by_excitatory + found->by_inhibitory == doctest::Approx(found->modularity));
    CHECK(found->modularity == doctest::Approx(best_by_trying(signs, 8)));
    CHECK(std::ranges::is_sorted(found->size, std::greater()));
    const auto given = bdh::signed_modularity(signs[0], signs[1], found->member);
    CHECK(given->modularity == doctest::Approx(found->modularity));
    CHECK(given->member == found->member);
  }
}

TEST_CASE("planted groups, excitatory within and inhibitory between, are found") {
  edges plus, minus;
  bdh::random_stream random(5, bdh::purpose::graph_edges, 7);
  for (bdh::neuron_id i = 0; i < 90; ++i)
    for (bdh::neuron_id j = 0; j < 90; ++j) {
      if (i == j || random.unit() > 0.1) continue;
      // One edge in ten has the other sign.
      ((i / 30 == j / 30) != (random.unit() < 0.1) ? plus : minus).emplace_back(i, j);
    }
  const auto found = bdh::best_signed_communities(set_of(90, plus), set_of(90, minus), 1);
  CHECK(found->size == std::vector<bdh::neuron_id>{30, 30, 30});
  for (bdh::neuron_id i = 0; i < 90; ++i) CHECK(found->member[i] == i / 30);
  CHECK(found->by_inhibitory > 0);
}

TEST_CASE("without inhibitory edges it is the modularity of the excitatory ones") {
  const edge_set plus = random_graph(60, 240, 9), none = set_of(60, {});
  const auto leiden = bdh::network(plus).leiden(3);
  const auto of_these = bdh::signed_modularity(plus, none, leiden->member);
  CHECK(of_these->modularity == doctest::Approx(leiden->modularity));
  CHECK(of_these->by_inhibitory == 0);
  CHECK(bdh::best_signed_communities(plus, none, 3)->modularity > leiden->modularity - 0.01);
  // Inhibitory ones alone: a community holds no more of them than chance would.
  CHECK(bdh::best_signed_communities(none, plus, 3)->modularity > 0);
  CHECK_FALSE(bdh::best_signed_communities(none, none, 3));
  CHECK_FALSE(bdh::signed_modularity(none, none, std::vector<bdh::neuron_id>(60)));
}
