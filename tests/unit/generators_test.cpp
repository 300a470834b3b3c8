// Generated graphs: counts by hand where they are certain, five standard deviations where they are
// random.
#include "graph/generators.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "core/model/random_model.hpp"

namespace {

using bdh::graph_family;

constexpr graph_family all[] = {graph_family::erdos_renyi, graph_family::small_world,
                                graph_family::scale_free,  graph_family::blocks,
                                graph_family::ring,        graph_family::complete};

bdh::edge_set graph(const bdh::graph_recipe& r, std::uint64_t seed = 1) {
  return generate(r, bdh::random_stream(seed, bdh::purpose::graph_edges, 0));
}

bdh::edge_id degree(const bdh::edge_set& s, bdh::neuron_id i) {
  return s.indptr[i + 1] - s.indptr[i];
}

bool has(const bdh::edge_set& s, bdh::neuron_id i, bdh::neuron_id j) {
  return std::binary_search(s.targets.begin() + static_cast<std::ptrdiff_t>(s.indptr[i]),
                            s.targets.begin() + static_cast<std::ptrdiff_t>(s.indptr[i + 1]), j);
}

// Ascending rows of other neurons: no duplicates, no self-loops, nothing out of range.
void check_sound(const bdh::edge_set& s, bdh::neuron_id neurons) {
  REQUIRE(s.neurons() == neurons);
  REQUIRE(s.indptr.back() == s.targets.size());
  for (bdh::neuron_id i = 0; i < neurons; ++i)
    for (bdh::edge_id e = s.indptr[i]; e < s.indptr[i + 1]; ++e) {
      CHECK(s.targets[e] < neurons);
      CHECK(s.targets[e] != i);
      if (e > s.indptr[i]) CHECK(s.targets[e] > s.targets[e - 1]);
    }
}

std::string refused(const bdh::graph_recipe& r) {
  try {
    graph(r);
  } catch (const bdh::input_error& e) {
    return e.what();
  }
  return "accepted";
}

std::string refused(const bdh::random_model_recipe& r) {
  try {
    const bdh::random_circuits drawn(r);
  } catch (const bdh::error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE(
    "every family at small sizes has no duplicates, no self-loops, and repeats for the same seed") {
  for (const graph_family f : all) {
    CAPTURE(name(f));
    CHECK(bdh::graph_family_named(name(f)) == f);
    for (const bdh::neuron_id n : {2u, 3u, 4u, 5u, 17u, 300u}) {
      CAPTURE(n);
      for (const bdh::neuron_id k : {1u, 2u, 3u, 8u}) {
        if (k > n / 2) continue;
        CAPTURE(k);
        const bdh::graph_recipe r{f, n, k, 0.2, n < 100 ? 1u : 3u};
        const bdh::edge_set s = graph(r);
        check_sound(s, n);
        CHECK(graph(r).targets == s.targets);
      }
    }
  }
}

TEST_CASE("another seed is another graph") {
  for (const graph_family f : all) {
    CAPTURE(name(f));
    const bdh::graph_recipe r{f, 300, 10};
    const bool random = f != graph_family::ring && f != graph_family::complete;
    CHECK((graph(r, 1).targets != graph(r, 2).targets) == random);
  }
}

TEST_CASE("the number of edges is what the degree says") {
  constexpr bdh::neuron_id n = 2000, k = 12;
  for (const graph_family f : all) {
    CAPTURE(name(f));
    const double edges = static_cast<double>(graph({f, n, k}).edges());
    if (f == graph_family::complete) CHECK(edges == 2000.0 * 1999);
    if (f == graph_family::ring) CHECK(edges == n * k);
    if (f == graph_family::small_world) CHECK(edges <= n * k);
    if (f == graph_family::small_world) CHECK(edges > 0.995 * n * k);
    if (f == graph_family::scale_free) CHECK(std::abs(edges / (n * k) - 1) < 0.15);
    if (f == graph_family::erdos_renyi || f == graph_family::blocks)
      CHECK(std::abs(edges - n * k) < 5 * std::sqrt(n * k));
  }
}

TEST_CASE("a ring of degree 3 reaches one neuron behind and two ahead") {
  const bdh::edge_set s = graph({graph_family::ring, 6, 3});
  for (bdh::neuron_id i = 0; i < 6; ++i) {
    CHECK(degree(s, i) == 3);
    for (const bdh::neuron_id offset : {1u, 2u, 5u}) CHECK(has(s, i, (i + offset) % 6));
  }
}

TEST_CASE("a small world moves the requested share of edges") {
  const bdh::edge_set ring = graph({graph_family::ring, 3000, 10}),
                      moved = graph({graph_family::small_world, 3000, 10, 0.2});
  double kept = 0;
  for (bdh::neuron_id i = 0; i < 3000; ++i)
    for (bdh::edge_id e = ring.indptr[i]; e < ring.indptr[i + 1]; ++e)
      kept += has(moved, i, ring.targets[e]);
  CHECK(std::abs(kept / 30000 - 0.8) < 0.02);
}

TEST_CASE("scale-free out-degrees have a heavy tail") {
  const bdh::edge_set s = graph({graph_family::scale_free, 5000, 10});
  bdh::edge_id most = 0;
  for (bdh::neuron_id i = 0; i < 5000; ++i) most = std::max(most, degree(s, i));
  CHECK(most > 100);  // a Poisson graph: about 25
}

TEST_CASE("blocks keep the requested share of edges inside") {
  const bdh::edge_set s = graph({graph_family::blocks, 2000, 12, 0.25, 4});
  double inside = 0;
  for (bdh::neuron_id i = 0; i < 2000; ++i)
    for (bdh::edge_id e = s.indptr[i]; e < s.indptr[i + 1]; ++e)
      inside += i / 500 == s.targets[e] / 500;
  CHECK(std::abs(inside / static_cast<double>(s.edges()) - 0.75) <
        5 * std::sqrt(0.25 * 0.75 / 24000));
}

TEST_CASE("bad parameters are refused with the legal range") {
  CHECK(refused(bdh::graph_recipe{graph_family::ring, 10, 10}) ==
        "degree: 10, expected 1 to 9, the other neurons");
  CHECK(refused(bdh::graph_recipe{graph_family::ring, 10, 0}) ==
        "degree: 0, expected 1 to 9, the other neurons");
  CHECK(refused(bdh::graph_recipe{graph_family::scale_free, 10, 6}) ==
        "degree: 6, expected 1 to 5, half of the neurons");
  CHECK(refused(bdh::graph_recipe{graph_family::complete, 1, 0}) ==
        "neurons: 1, expected at least 2");
  CHECK(
      refused(bdh::graph_recipe{graph_family::small_world, 10, 2, 1.5}).starts_with("rewire: 1.5"));
  CHECK(refused(bdh::graph_recipe{graph_family::blocks, 10, 2, 0.1, 11}) ==
        "communities: 11, expected 1 to 10, the neurons");
  CHECK(refused(bdh::graph_recipe{graph_family::blocks, 40, 12, 0.1, 4})
            .starts_with("degree: 12 with 4 communities of 10 neurons"));
  bdh::random_model_recipe r;
  r.graph = {graph_family::ring, 11, 2};
  CHECK(refused(r) == "accepted");
  r.inhibitory = 1.2;
  CHECK(refused(r).starts_with("inhibitory: 1.2"));
  r.inhibitory = 0.2;
  r.dynamics = "gpu-release";
  CHECK(refused(r).starts_with("dynamics: 'gpu-release', expected bdh or normfree"));
  r.dynamics = "bdh";
  r.retention = 0;
  CHECK(refused(r).starts_with("retention"));
  r.retention = 0.9;
  r.theta = 100;
  CHECK(refused(r).starts_with("neurons: 11, expected an even number"));
}

TEST_CASE("a random model obeys Dale's law, and rotation gets its partners at rate 0") {
  bdh::random_model_recipe r;
  r.graph = {graph_family::erdos_renyi, 100, 8};
  r.vocabulary = 16;
  r.theta = 1000;
  const bdh::random_circuits drawn(r);
  const bdh::model m =
      drawn.make({.sensory_edges = 4, .gx = 2, .gy = 3, .inhibition_x = 5, .inhibition_y = 7});
  CHECK(drawn.inhibitory_neurons() == 20);
  const bdh::direct_circuits& c = m.direct();
  std::vector<int> kind(100);
  const auto mark = [&](const bdh::projection& p, int sign) {
    const bdh::projection by_source =
        p.rows_are() == bdh::major::source ? p.scaled(1) : p.transposed();
    for (bdh::neuron_id i = 0; i < 100; ++i)
      if (by_source.indptr()[i + 1] != by_source.indptr()[i]) kind[i] |= sign;
  };
  for (const auto* p : {&c.gx_excitatory, &c.gy_excitatory}) mark(*p, 1);
  for (const auto* p : {&c.gx_inhibitory, &c.gy_inhibitory}) mark(*p, 2);
  CHECK(std::count(kind.begin(), kind.end(), 3) == 0);
  CHECK(std::count(kind.begin(), kind.end(), 2) == 20);
  const auto rates = c.gs.weights();
  CHECK(std::count(rates.begin(), rates.end(), 1.0f) +
            std::count(rates.begin(), rates.end(), 0.0f) ==
        static_cast<long>(rates.size()));
  CHECK(std::count(rates.begin(), rates.end(), 0.0f) > 0);
}

TEST_CASE("random_stream: every number below a bound comes up, as often as another") {
  bdh::random_stream random(3, bdh::purpose::calibration, 0);
  std::vector<int> seen(7);
  for (int k = 0; k < 70000; ++k) ++seen[random.below(7)];
  for (const int s : seen) CHECK(std::abs(s - 10000) < 500);
}
