// Graphs after measurements: what is certain exactly, what is random within five standard
// deviations.
#include "graph/measured_graphs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <bdh/error.hpp>

namespace {

constexpr bdh::edge_id any = 1u << 30;

bdh::edge_set graph(const bdh::measured_graph& g, std::uint64_t seed = 1) {
  return generate(g, bdh::random_stream(seed, bdh::purpose::graph_edges, 0), any);
}

std::string refused(const bdh::measured_graph& g, bdh::edge_id most = any) {
  try {
    generate(g, bdh::random_stream(1, bdh::purpose::graph_edges, 0), most);
  } catch (const bdh::input_error& e) {
    return e.what();
  }
  return "accepted";
}

// Ascending rows of other neurons: no duplicates, no self-loops, nothing out of range.
void check_sound(const bdh::edge_set& s, bdh::neuron_id neurons) {
  REQUIRE(s.neurons() == neurons);
  bool sound = s.indptr.back() == s.targets.size();
  for (bdh::neuron_id i = 0; i < neurons; ++i) {
    const auto row = s.row(i);
    for (std::size_t k = 0; k < row.size(); ++k)
      sound = sound && row[k] < neurons && row[k] != i && (k == 0 || row[k] > row[k - 1]);
  }
  CHECK(sound);
}

bdh::degree_sequence degrees_of(const bdh::edge_set& s) {
  bdh::degree_sequence d;
  d.in.assign(s.neurons(), 0);
  for (bdh::neuron_id i = 0; i < s.neurons(); ++i) {
    d.out.push_back(static_cast<bdh::neuron_id>(s.row(i).size()));
    for (const bdh::neuron_id j : s.row(i)) ++d.in[j];
  }
  return d;
}

// Heavy tails, as measured ones have: the first neurons have most edges.
bdh::degree_sequence heavy(bdh::neuron_id neurons) {
  bdh::degree_sequence d;
  for (bdh::neuron_id i = 0; i < neurons; ++i) d.out.push_back(1 + neurons / (2 + i));
  d.in.assign(d.out.rbegin(), d.out.rend());
  return d;
}

bdh::distance_rule grid(bdh::neuron_id side, bdh::distance_kernel kernel) {
  bdh::distance_rule d;
  for (bdh::neuron_id i = 0; i < side * side; ++i)
    d.positions.push_back({static_cast<double>(i % side), static_cast<double>(i / side), 0});
  d.kernel = kernel;
  d.length = 3;
  d.probability = 0.8;
  return d;
}

}  // namespace

TEST_CASE("degrees: every neuron has its own, whatever the seed") {
  for (const bdh::neuron_id neurons : {2u, 3u, 20u, 500u})
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      CAPTURE(neurons);
      const bdh::degree_sequence d = heavy(neurons);
      if (std::ranges::any_of(d.out, [&](auto k) { return k >= neurons; })) continue;
      const bdh::edge_set s = graph(d, seed);
      check_sound(s, neurons);
      CHECK(degrees_of(s).out == d.out);
      CHECK(degrees_of(s).in == d.in);
      CHECK(graph(d, seed).targets == s.targets);
    }
  CHECK(graph(heavy(500), 1).targets != graph(heavy(500), 2).targets);
  // Only one graph has these: every pair.
  const bdh::degree_sequence all{{3, 3, 3, 3}, {3, 3, 3, 3}};
  CHECK(graph(all).edges() == 12);
  // A hub that every other neuron reaches, and that reaches every other one.
  bdh::degree_sequence star{std::vector<bdh::neuron_id>(50, 1), std::vector<bdh::neuron_id>(50, 1)};
  star.out[7] = star.in[7] = 49;
  CHECK(degrees_of(graph(star)).in == star.in);
}

TEST_CASE("distance: as many edges at each distance as the kernel says") {
  for (const auto kernel : {bdh::distance_kernel::exponential, bdh::distance_kernel::gaussian}) {
    const bdh::distance_rule d = grid(40, kernel);
    const bdh::edge_set s = graph(d);
    check_sound(s, 1600);
    CHECK(graph(d).targets == s.targets);
    CHECK(graph(d, 2).targets != s.targets);
    std::vector<double> found(60), expected(60), variance(60);
    const auto apart = [&](bdh::neuron_id i, bdh::neuron_id j) {
      return std::hypot(d.positions[i][0] - d.positions[j][0],
                        d.positions[i][1] - d.positions[j][1]);
    };
    for (bdh::neuron_id i = 0; i < 1600; ++i) {
      for (const bdh::neuron_id j : s.row(i)) ++found[static_cast<std::size_t>(apart(i, j))];
      for (bdh::neuron_id j = 0; j < 1600; ++j) {
        if (i == j) continue;
        const double r = apart(i, j) / 3,
                     p = 0.8 * std::exp(kernel == bdh::distance_kernel::gaussian ? -r * r / 2 : -r);
        expected[static_cast<std::size_t>(apart(i, j))] += p;
        variance[static_cast<std::size_t>(apart(i, j))] += p * (1 - p);
      }
    }
    for (std::size_t r = 0; r < 60; ++r) {
      CAPTURE(r);
      CHECK(std::abs(found[r] - expected[r]) <= 5 * std::sqrt(variance[r]) + 1);
    }
  }
}

TEST_CASE("distance: neurons at one place, in one line, in space") {
  bdh::distance_rule d;
  d.probability = 0.5;
  d.positions.assign(400, {7, 7, 7});
  CHECK(std::abs(static_cast<double>(graph(d).edges()) - 400 * 399 / 2) < 5 * std::sqrt(39900));
  for (std::size_t i = 0; i < 400; ++i) d.positions[i] = {static_cast<double>(i), 0, 0};
  check_sound(graph(d), 400);
  for (std::size_t i = 0; i < 400; ++i)
    d.positions[i] = {static_cast<double>(i % 7), static_cast<double>(i % 11),
                      static_cast<double>(i % 13)};
  check_sound(graph(d), 400);
  d.length = 1e-9;  // no two at one place are left
  d.positions[1] = d.positions[0];
  d.probability = 1;
  CHECK(graph(d).row(0).size() == 1);
  CHECK(graph(d).row(0)[0] == 1);
}

TEST_CASE("populations: as many edges between two as their probability says") {
  const bdh::block_matrix b{{400, 100, 50}, {0.1, 0.3, 0, 0.5, 0.02, 1, 0, 0, 0.2}};
  const bdh::edge_set s = graph(b);
  check_sound(s, 550);
  const auto population = [](bdh::neuron_id i) { return (i >= 400) + (i >= 500); };
  std::vector<double> found(9);
  for (bdh::neuron_id i = 0; i < 550; ++i)
    for (const bdh::neuron_id j : s.row(i)) ++found[3 * population(i) + population(j)];
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t t = 0; t < 3; ++t) {
      const double pairs = b.sizes[a] * (b.sizes[t] - (a == t ? 1.0 : 0.0)),
                   p = b.probability[3 * a + t];
      CHECK(std::abs(found[3 * a + t] - pairs * p) <= 5 * std::sqrt(pairs * p * (1 - p)));
    }
}

TEST_CASE("numbers that cannot be are refused") {
  using bdh::degree_sequence;
  CHECK(refused(degree_sequence{{1}, {1}}) == "neurons: 1, expected at least 2");
  CHECK(refused(degree_sequence{{1, 1}, {1, 0}}) ==
        "degrees: 2 edges that leave and 1 that arrive, expected as many of both");
  CHECK(refused(degree_sequence{{2, 0}, {1, 1}}) ==
        "out-degree of neuron 0: 2, expected up to 1, the other neurons");
  CHECK(refused(degree_sequence{{0, 0}, {0, 0}}) == "degrees: no edges, expected one at least");
  // 0 and 1 need three others each, 2 and 3 take one each: no simple graph has these.
  CHECK(refused(degree_sequence{{3, 3, 0, 0}, {3, 3, 0, 0}})
            .starts_with("degrees: no graph without double edges and self-loops was found"));
  CHECK(refused(degree_sequence{{1, 1}, {1, 1}}, 1) ==
        "edges of a graph: 2, expected up to 1; lower degrees or probabilities");
  auto d = grid(5, bdh::distance_kernel::gaussian);
  CHECK(refused(d, 3).starts_with("edges of a graph: "));
  d.length = 0;
  CHECK(refused(d) == "length: 0, expected 0 < length <= 1e15");
  d.length = 1;
  d.probability = 1.5;
  CHECK(refused(d) == "probability: 1.5, expected 0 < probability <= 1");
  d.probability = 1;
  d.positions[3][2] = std::nan("");
  CHECK(refused(d) == "position of neuron 3: nan, expected -1e15 to 1e15");
  CHECK(refused(bdh::block_matrix{{2, 2}, {0.1, 0.1, -0.1, 0.1}}) ==
        "probability: -0.1, expected 0 to 1");
}
