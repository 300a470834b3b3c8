// Statistics of explicit graphs: small ones by hand, and planted truths with the rates at which
// they are found, and not found where there is nothing.
#include "graph/structure/network.hpp"

#include <doctest/doctest.h>
#include <igraph.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>
#include <stdexcept>

#include <bdh/error.hpp>

#include "core/base/random.hpp"
#include "graph/generators.hpp"
#include "graph/structure/degrees.hpp"
#include "graph/structure/heavy_tail.hpp"
#include "graph/structure/random_edges.hpp"

namespace {

using list = std::vector<std::uint32_t>;

bdh::edge_set graph(bdh::neuron_id nodes,
                    std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>> edges) {
  std::sort(edges.begin(), edges.end());
  bdh::edge_set g;
  g.indptr.assign(nodes + 1, 0);
  for (const auto& [source, target] : edges) {
    ++g.indptr[source + 1];
    g.targets.push_back(target);
  }
  std::partial_sum(g.indptr.begin(), g.indptr.end(), g.indptr.begin());
  return g;
}

// Two triangles, 0 1 2 and 3 4 5, and the edge 2 -> 3 between them. 0 -> 1 leads both ways.
bdh::edge_set triangles() {
  return graph(6, {{0, 1}, {1, 0}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {2, 3}});
}

bdh::random_stream random(std::uint64_t seed) {
  return bdh::random_stream(seed, bdh::purpose::graph_edges, 0);
}

// Share of the node pairs on which two divisions agree (Rand).
double agreement(const std::vector<bdh::neuron_id>& a, const std::vector<bdh::neuron_id>& b) {
  double same = 0, pairs = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      same += (a[i] == a[j]) == (b[i] == b[j]);
      ++pairs;
    }
  return same / pairs;
}

list power_law_sample(std::size_t count, double alpha, std::uint32_t xmin, std::uint64_t seed) {
  list values;
  bdh::random_stream r = random(seed);
  const double norm = bdh::log_hurwitz_zeta(alpha, xmin);
  while (values.size() < count) {
    double u = r.unit();
    std::uint32_t x = xmin;
    for (; x < 1000000 && (u -= std::exp(-alpha * std::log(x) - norm)) > 0; ++x) {
    }
    values.push_back(x);
  }
  return values;
}

// Of most distributions some far end looks like a power law (the fit looks for it), so the nodes
// that it holds belong to the verdict.
bool claims_power_law(const list& values, const bdh::tail_fit& fit, std::uint64_t seed) {
  const bool better = fit.exponential.log_ratio > 0 || fit.exponential.p > 0.1;
  return 5 * fit.tail >= fit.values && better && bdh::tail_p_value(values, fit, 40, seed) > 0.1;
}

list out_degrees(const bdh::edge_set& g) {
  list degrees(g.neurons());
  for (bdh::neuron_id i = 0; i < g.neurons(); ++i)
    degrees[i] = static_cast<std::uint32_t>(g.row(i).size());
  return degrees;
}

list in_degrees(const bdh::edge_set& g) {
  list degrees(g.neurons());
  for (const bdh::neuron_id target : g.targets) ++degrees[target];
  return degrees;
}

}  // namespace

TEST_CASE("degrees, by hand") {
  const bdh::edge_set g = triangles();
  CHECK(out_degrees(g) == list{1, 2, 2, 1, 1, 1});
  CHECK(in_degrees(g) == list{2, 1, 1, 2, 1, 1});
  CHECK(out_degrees(bdh::reversed(g)) == in_degrees(g));
  CHECK(bdh::reversed(bdh::reversed(g)).targets == g.targets);
  const bdh::degree_summary s = bdh::summary_of(list{0, 3, 1, 1, 0});
  CHECK(s.mean == 1);
  CHECK(s.deviation == doctest::Approx(std::sqrt(1.2)));
  CHECK(s.median == 1);
  CHECK(s.largest == 3);
  CHECK(s.without == 2);
  CHECK(bdh::summary_of(list{4, 1, 0, 2}).median == 1.5);
  CHECK(bdh::summary_of(list{7}).median == 7);
  CHECK(s.histogram ==
        std::vector<std::pair<std::uint32_t, std::uint64_t>>{{0, 2}, {1, 2}, {3, 1}});
  CHECK(bdh::united(graph(3, {{0, 2}, {2, 1}}), graph(3, {{0, 1}})).targets == list{1, 2, 1});
}

TEST_CASE("reciprocity, by hand") {
  const bdh::edge_set g = triangles();
  std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>> found;
  const auto take = [&](bdh::neuron_id a, bdh::neuron_id b) { found.emplace_back(a, b); };
  bdh::for_each_reciprocal(g, g, take);
  CHECK(found == std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>>{{0, 1}, {1, 0}});
  found.clear();
  bdh::for_each_reciprocal(graph(3, {{0, 1}, {1, 2}}), graph(3, {{1, 0}}), take);
  CHECK(found == std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>>{{0, 1}});
  const bdh::reciprocity r = bdh::reciprocity_of(2, 8, 6).value();
  CHECK(r.share == 0.25);
  CHECK(r.rho == doctest::Approx((0.25 - 8.0 / 30) / (1 - 8.0 / 30)));
  CHECK_FALSE(bdh::reciprocity_of(0, 0, 6));
  CHECK(bdh::reciprocity_of(6, 6, 3)->share == 1);
  CHECK_FALSE(bdh::reciprocity_of(6, 6, 3)->rho);  // a complete graph has no other choice
}

TEST_CASE("links, components, cores, triangles and rich clubs, by hand") {
  const bdh::network g(triangles());
  CHECK(g.edges() == 8);
  CHECK(g.links() == 7);
  CHECK(g.neighbours() == list{2, 2, 3, 3, 2, 2});
  CHECK(g.weak().count == 1);
  CHECK(g.strong().count == 2);
  CHECK(g.strong().largest == 3);
  CHECK(g.coreness() == list{2, 2, 2, 2, 2, 2});
  const bdh::triangle_counts t = g.triangles();
  CHECK(t.triangles == 2);
  CHECK(t.transitivity == doctest::Approx(6.0 / 10));
  CHECK(t.clustering == doctest::Approx((4 + 2.0 / 3) / 6));
  const auto clubs = g.rich_clubs();
  REQUIRE(clubs.size() == 1);
  CHECK(clubs[0].degree == 2);
  CHECK(clubs[0].nodes == 2);
  CHECK(clubs[0].links == 1);
  CHECK(clubs[0].coefficient == 1);
  // A square with a tail, and a node by itself.
  const bdh::network tail(graph(6, {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {3, 4}}));
  CHECK(tail.coreness() == list{2, 2, 2, 2, 1, 0});
  CHECK(tail.weak().count == 2);
  CHECK(tail.triangles().triangles == 0);
}

TEST_CASE("modularity, by hand; edges that lead both ways count twice") {
  const bdh::network g(triangles());
  const std::vector<bdh::neuron_id> halves{0, 0, 0, 1, 1, 1};
  // W = 8: within 4 and 3; strengths 4 + 3 + ... = 9 and 7.
  CHECK(*g.modularity(halves) ==
        doctest::Approx(4.0 / 8 + 3.0 / 8 - std::pow(9.0 / 16, 2) - std::pow(7.0 / 16, 2)));
  for (const auto& found : {g.leiden(1), g.louvain(1)}) {
    CHECK(found->member == halves);
    CHECK(found->size == list{3, 3});
    CHECK(found->modularity == doctest::Approx(*g.modularity(halves)));
  }
  CHECK_THROWS_AS(g.modularity({0, 1}), bdh::shape_error);
  const bdh::network empty(graph(3, {}));
  CHECK_FALSE(empty.leiden(1));
  CHECK(empty.weak().count == 3);
  CHECK(empty.coreness() == list{0, 0, 0});
}

TEST_CASE("random graphs: different edges, none to itself, all pairs alike") {
  const bdh::edge_set g = bdh::random_edges(50, 0, 700, random(1));
  CHECK(g.edges() == 700);
  std::set<std::pair<bdh::neuron_id, bdh::neuron_id>> seen;
  for (bdh::neuron_id i = 0; i < 50; ++i)
    for (bdh::edge_id e = g.indptr[i]; e < g.indptr[i + 1]; ++e) {
      CHECK(g.targets[e] != i);
      CHECK(g.targets[e] < 50);
      seen.insert({i, g.targets[e]});
    }
  CHECK(seen.size() == 700);
  CHECK(bdh::random_edges(20, 0, 20 * 19, random(2)).edges() == 20 * 19);
  CHECK_THROWS_AS(bdh::random_edges(20, 0, 20 * 19 + 1, random(2)), bdh::input_error);
  const bdh::edge_set across = bdh::random_edges(7, 3, 12, random(3));  // 0..2 -> 3..6, all of them
  CHECK(out_degrees(across) == list{4, 4, 4, 0, 0, 0, 0});
  CHECK(in_degrees(across) == list{0, 0, 0, 3, 3, 3, 3});
  list hits(20);  // of 19 sources each, 8000 edges over 20 targets
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const list in = in_degrees(bdh::random_edges(20, 0, 80, random(seed)));
    for (std::size_t i = 0; i < 20; ++i) hits[i] += in[i];
  }
  for (const std::uint32_t h : hits) CHECK(std::abs(static_cast<double>(h) - 400) < 5 * 20);
}

TEST_CASE("planted communities are found, and none where the same edges are put at random") {
  const int graphs = 20;
  int found = 0, mistaken = 0;
  for (std::uint64_t seed = 0; seed < graphs; ++seed) {
    const bdh::edge_set planted = bdh::generate({.family = bdh::graph_family::blocks,
                                                 .neurons = 160,
                                                 .degree = 10,
                                                 .rewired = 0.2,
                                                 .communities = 4},
                                                random(seed));
    std::vector<bdh::neuron_id> truth;
    for (bdh::neuron_id i = 0; i < 160; ++i) truth.push_back(i / 40);
    const bdh::network graph(planted);
    const auto leiden = graph.leiden(seed), louvain = graph.louvain(seed);
    // The largest of 20 random graphs with as many edges is the level at which chance is ruled out
    // at p < 0.05.
    double by_chance = 0;
    for (std::uint64_t null = 0; null < 20; ++null)
      by_chance = std::max(
          by_chance,
          bdh::network(bdh::random_edges(160, 0, planted.edges(), random(1000 + 20 * seed + null)))
              .leiden(1)
              ->modularity);
    found += leiden->modularity > by_chance && agreement(leiden->member, truth) > 0.98 &&
             agreement(louvain->member, truth) > 0.98;
    mistaken += bdh::network(bdh::random_edges(160, 0, planted.edges(), random(5000 + seed)))
                    .leiden(1)
                    ->modularity > by_chance;
  }
  CHECK(found == graphs);
  CHECK(mistaken <= 4);  // 1 in 21 is to be expected; 5 or more of 20 have a probability of 0.003
}

TEST_CASE("rewired graphs keep every number of neighbours, and nothing else") {
  const bdh::edge_set edges = bdh::random_edges(100, 0, 600, random(1));
  const bdh::network graph(edges);
  const bdh::edge_set drawn = graph.rewired(1);
  const bdh::network rewired(drawn);
  CHECK(rewired.links() == graph.links());
  CHECK(rewired.neighbours() == graph.neighbours());
  CHECK(graph.rewired(1).targets == drawn.targets);
  CHECK(graph.rewired(2).targets != drawn.targets);
  // Of some 580 links as many are where they were as in a graph drawn without knowing them: 580^2 /
  // 4950 = 68 on average.
  std::set<std::pair<bdh::neuron_id, bdh::neuron_id>> before;
  for (bdh::neuron_id i = 0; i < 100; ++i)
    for (bdh::edge_id e = edges.indptr[i]; e < edges.indptr[i + 1]; ++e)
      before.insert(std::minmax(i, edges.targets[e]));
  std::size_t stayed = 0;
  for (bdh::neuron_id i = 0; i < 100; ++i)
    for (bdh::edge_id e = drawn.indptr[i]; e < drawn.indptr[i + 1]; ++e)
      stayed += before.count({i, drawn.targets[e]});
  CHECK(stayed < 110);
  // From the first 30 nodes to the others only, before and after.
  const bdh::edge_set across =
      bdh::network(bdh::random_edges(80, 30, 300, random(2))).rewired(1, 30);
  CHECK(across.edges() == 300);
  for (bdh::neuron_id i = 0; i < 80; ++i)
    for (bdh::edge_id e = across.indptr[i]; e < across.indptr[i + 1]; ++e)
      CHECK((i < 30 && across.targets[e] >= 30));
  // Nothing to exchange.
  CHECK(bdh::network(::graph(2, {{0, 1}})).rewired(1).targets == list{1});
  CHECK(bdh::network(::graph(3, {{0, 1}, {1, 2}})).rewired(1).edges() == 2);
}

TEST_CASE(
    "hubs with more links to each other than their degrees explain are a rich club; rewired, they "
    "are "
    "none") {
  // Of the largest club of 1 to 5 % of the nodes: does none of 20 rewired graphs have one as
  // dense?
  const auto is_club = [](const bdh::edge_set& edges, std::uint64_t seed) {
    const bdh::network graph(edges);
    const auto clubs = graph.rich_clubs();
    const auto club = std::find_if(clubs.begin(), clubs.end(), [&](const bdh::rich_club& c) {
      return 20 * c.nodes <= graph.nodes();
    });
    REQUIRE(club != clubs.end());
    double densest = 0;
    for (std::uint64_t null = 0; null < 20; ++null)
      densest = std::max(densest, bdh::network(graph.rewired(100 * seed + null))
                                      .rich_clubs()[static_cast<std::size_t>(club - clubs.begin())]
                                      .coefficient);
    return club->coefficient > densest;
  };
  int found = 0, mistaken = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const bdh::edge_set background = bdh::random_edges(400, 0, 1200, random(seed));
    std::set<std::pair<bdh::neuron_id, bdh::neuron_id>> edges;
    for (bdh::neuron_id i = 0; i < 400; ++i)
      for (bdh::edge_id e = background.indptr[i]; e < background.indptr[i + 1]; ++e)
        edges.insert({i, background.targets[e]});
    bdh::random_stream r = random(100 + seed);
    for (bdh::neuron_id hub = 0; hub < 12; ++hub) {
      for (bdh::neuron_id other = 0; other < hub; ++other)
        if (r.unit() < 0.7) edges.insert({hub, other});
      for (int i = 0; i < 15; ++i) edges.insert({hub, 12 + r.below(388)});
    }
    const bdh::edge_set planted = ::graph(400, {edges.begin(), edges.end()});
    found += is_club(planted, seed);
    mistaken += is_club(bdh::network(planted).rewired(7000 + seed), seed);
  }
  CHECK(found == 20);
  CHECK(mistaken <= 4);  // 1 in 21 is to be expected; 5 or more of 20 have a probability of 0.003
}

TEST_CASE("Hurwitz' zeta function") {
  CHECK(std::exp(bdh::log_hurwitz_zeta(2, 1)) ==
        doctest::Approx(std::numbers::pi * std::numbers::pi / 6).epsilon(1e-13));
  for (const auto& [s, q] : {std::pair(3.5, 7.0), std::pair(2.5, 100.0), std::pair(9.0, 3.0)}) {
    double sum = 0;
    for (double k = 2000000; k-- > 0;) sum += std::pow(q + k, -s);
    CHECK(std::exp(bdh::log_hurwitz_zeta(s, q)) == doctest::Approx(sum).epsilon(1e-8));
  }
  // zeta(s, q) - zeta(s, q + 1) = q^-s, also where the terms underflow.
  const double whole = bdh::log_hurwitz_zeta(300, 1000), less = bdh::log_hurwitz_zeta(300, 1001),
               first = -300 * std::log(1000.0);
  CHECK(std::exp(less - whole) + std::exp(first - whole) == doctest::Approx(1).epsilon(1e-10));
}

TEST_CASE("a planted exponent is found, and the power law is not ruled out") {
  int claimed = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    list values = power_law_sample(1000, 2.5, 3, seed);
    values.push_back(0);
    const auto fit = bdh::fit_tail(values);
    REQUIRE(fit);
    CHECK(fit->values == 1000);
    CHECK(fit->alpha == doctest::Approx(2.5).epsilon(0.15));
    claimed += claims_power_law(values, *fit, seed);
  }
  CHECK(claimed >= 14);  // 9 of 10 are to be expected
}

TEST_CASE("no power law is claimed where degrees fall off exponentially") {
  int claimed = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    bdh::random_stream r = random(seed);
    list values;
    for (int i = 0; i < 1000; ++i)
      values.push_back(1 + static_cast<std::uint32_t>(r.failures_before_success(0.1)));
    const auto fit = bdh::fit_tail(values);
    claimed += fit && claims_power_law(values, *fit, seed);
  }
  CHECK(claimed <= 2);
}

TEST_CASE("what cannot be fitted is not") {
  CHECK_FALSE(bdh::fit_tail(list{}));
  CHECK_FALSE(bdh::fit_tail(list(100, 0)));
  CHECK_FALSE(bdh::fit_tail(list(100, 7)));
  CHECK_FALSE(bdh::fit_tail(list{1, 2, 3, 4, 5}));
  const auto why = [](const list& values) { return bdh::find_tail(values).why_not; };
  CHECK(why(list{1, 2, 0}) == "2 nodes with edges, 50 are needed");
  CHECK(why(list(100, 7)) == "all nodes with edges have equally many");
  // 1000 small values without a tail, and 40 that lie on a power law from 100 on.
  list values;
  for (std::uint32_t i = 0; i < 1000; ++i) values.push_back(1 + i % 20);
  for (int i = 0; i < 40; ++i)
    values.push_back(
        static_cast<std::uint32_t>(std::lround(100 * std::pow((i + 0.5) / 40, -1 / 1.5))));
  CHECK(why(values) == "tail of 40 nodes, 50 are needed");
  CHECK(bdh::find_tail(power_law_sample(1000, 2.5, 3, 1)).why_not.empty());
}

TEST_CASE("the same seed gives the same, and an interruption comes through") {
  const bdh::edge_set g = bdh::random_edges(300, 0, 3000, random(4));
  const bdh::network first(g), second(g);
  CHECK(first.leiden(7)->member == second.leiden(7)->member);
  CHECK(first.louvain(7)->member == second.louvain(7)->member);
  CHECK_THROWS_AS(bdh::network(bdh::random_edges(20000, 0, 200000, random(5)),
                               [] { throw std::runtime_error("stop"); })
                      .coreness(),
                  std::runtime_error);
}

TEST_CASE("a program's own igraph goes on with its own random numbers") {
  const auto three = [](bool network_between) {
    igraph_rng_seed(igraph_rng_default(), 11);
    std::vector<igraph_integer_t> numbers;
    for (int i = 0; i < 3; ++i) {
      numbers.push_back(igraph_rng_get_integer(igraph_rng_default(), 0, 1 << 30));
      if (network_between) bdh::network(triangles()).leiden(7);
    }
    return numbers;
  };
  CHECK(three(true) == three(false));
}
