// Models joined and cut: what is joined with itself is itself, what is cut out has the bits that it
// had.
#include "core/model/merge_and_slice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/model/direct_form.hpp"
#include "graph/combine.hpp"
#include "support/arrays.hpp"
#include "support/models.hpp"

namespace {

using tests::array_of;

std::vector<float> logits(const bdh::model& m, int vocabulary) {
  bdh::simulator brain(m, bdh::cpu_engine(m));
  std::vector<float> all;
  for (int token : tests::random_tokens(40, vocabulary, 7)) {
    brain.step(static_cast<bdh::token_id>(token));
    all.insert(all.end(), brain.logits().begin(), brain.logits().end());
  }
  return all;
}

// As a part of the largest.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(double{a[i]} - b[i]));
    largest = std::max<double>(largest, std::abs(a[i]));
  }
  REQUIRE(largest > 0);
  return most / largest;
}

void check_same_bits(const bdh::projection& a, const bdh::projection& b) {
  CHECK(a.rows_are() == b.rows_are());
  CHECK(std::ranges::equal(a.indptr(), b.indptr()));
  CHECK(std::ranges::equal(a.indices(), b.indices()));
  REQUIRE(a.weights().size() == b.weights().size());
  CHECK(std::memcmp(a.weights().data(), b.weights().data(), a.weights().size_bytes()) == 0);
}

std::vector<bdh::neuron_id> numbers(bdh::neuron_id first, bdh::neuron_id end) {
  std::vector<bdh::neuron_id> all;
  for (; first < end; ++first) all.push_back(first);
  return all;
}

}  // namespace

TEST_CASE("edges go to their places, and those that fall together add up") {
  const bdh::population two{"two", 2}, three{"three", 3};
  // 0 -> 0 (1), 0 -> 1 (2), 1 -> 1 (-3)
  const auto p =
      bdh::projection::sparse("p", two, two, bdh::major::source, array_of<bdh::edge_id>({0, 2, 3}),
                              array_of<bdh::neuron_id>({0, 1, 1}), array_of<float>({1, 2, -3}));
  const std::vector<bdh::neuron_id> turned{2, 0}, kept{0, bdh::nowhere}, same{0, 1};
  const bdh::placement parts[] = {
      {&p, turned, same, 1}, {&p, turned, turned, 10}, {&p, kept, same, 100}};
  const auto c = bdh::combined("c", three, three, bdh::major::target, parts);
  // 2 -> 0 (1), 2 -> 1 (2), 0 -> 1 (-3); 2 -> 2 (10), 2 -> 0 (20), 0 -> 0 (-30); 0 -> 0 (100), 0 ->
  // 1 (200)
  CHECK(std::ranges::equal(c.indptr(), std::vector<bdh::edge_id>{0, 2, 4, 5}));
  CHECK(std::ranges::equal(c.indices(), std::vector<bdh::neuron_id>{0, 2, 0, 2, 2}));
  CHECK(std::ranges::equal(c.weights(), std::vector<float>{70, 21, 197, 2, 10}));

  const auto d =
      bdh::projection::dense("d", two, two, bdh::major::source, array_of<float>({1, -0.0f, 3, 4}));
  const std::vector<bdh::neuron_id> second{1, bdh::nowhere}, first{bdh::nowhere, 0};
  const bdh::placement rows[] = {{&d, second, same, 1}, {&d, first, same, 2}};
  const auto e = bdh::combined("e", two, two, bdh::major::source, rows);
  CHECK(std::ranges::equal(e.weights(), std::vector<float>{6, 8, 1, 0}));
  CHECK(std::signbit(e.weights()[3]));
}

TEST_CASE("a model joined with itself is itself, by the factor of E that its dynamics need") {
  struct kind {
    const char* dynamics;
    int heads;
    float scale_e;
  };
  for (const kind& k : {kind{"gpu-release", 1, 0.5f}, kind{"gpu-release", 3, 0.5f},
                        kind{"gpu-paper", 1, 0.5f}, kind{"normfree", 1, 0.25f}}) {
    CAPTURE(k.dynamics);
    const auto w = tests::random_weights({.heads = k.heads}, 11);
    const bdh::model m = tests::as_graph(w, k.dynamics),
                     sparse = tests::as_sparse_graph(w, k.dynamics);
    const auto expected = logits(m, 11);
    const bdh::merged both = bdh::merge(m, m, k.scale_e);
    CHECK(both.result.neurons() == 2 * m.neurons());
    CHECK(difference(expected, logits(both.result, 11)) < 1e-5);
    CHECK(difference(expected, logits(bdh::merge(sparse, sparse, k.scale_e).result, 11)) < 1e-5);
    CHECK(difference(expected, logits(bdh::merge(m, sparse, k.scale_e).result, 11)) < 1e-5);
    if (std::string(k.dynamics) == "normfree")
      CHECK(difference(expected, logits(bdh::merge(m, m, 0.5f).result, 11)) > 1e-3);
  }
}

TEST_CASE("what was joined can be cut apart, weights and numbers as they were") {
  const bdh::model a = tests::as_graph(
                       tests::random_weights({.neurons_per_head = 6, .heads = 2}, 1),
                       "gpu-release"),
                   b = tests::as_graph(
                       tests::random_weights({.neurons_per_head = 4, .heads = 2}, 2),
                       "gpu-release");
  const bdh::model both = bdh::merge(a, b).result;
  CHECK(both.neurons_per_head() == 10);
  std::vector<bdh::neuron_id> original;
  for (bdh::neuron_id i = 0; i < 20; ++i) original.push_back(both.original_id(i));
  CHECK(original == std::vector<bdh::neuron_id>{0, 1, 2, 3, 4,  5,  12, 13, 14, 15,
                                                6, 7, 8, 9, 10, 11, 16, 17, 18, 19});
  const std::vector<bdh::neuron_id> of_b{6, 7, 8, 9, 16, 17, 18, 19};
  const bdh::model part = bdh::slice(both, of_b).result;
  check_same_bits(part.circuits().e, b.circuits().e);
  check_same_bits(part.circuits().dx, b.circuits().dx);
  check_same_bits(part.circuits().dy, b.circuits().dy);
  CHECK(std::ranges::equal(part.rotation().frequency(), b.rotation().frequency()));
  CHECK(part.original_id(0) == 12);
  CHECK(both.circuits().sensory.weight(3) ==
        0.5f * a.circuits().sensory.weight(3) + 0.5f * b.circuits().sensory.weight(3));
}

TEST_CASE("graphs lie side by side, and their logits are the mean") {
  for (const bool own : {false, true}) {
    const auto c =
        tests::random_circuits({.rotates = true, .own_retention = own, .retention = 0.9}, 5);
    const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, own);
    const bdh::model both = bdh::merge(m, m).result;
    const auto expected = logits(m, 7);
    CHECK(difference(expected, logits(both, 7)) < 1e-6);  // readout sums in other lanes
    const bdh::sliced part = bdh::slice(both, numbers(40, 80));
    CHECK(part.partners.empty());
    for (auto which : {&bdh::direct_circuits::gx_excitatory, &bdh::direct_circuits::gx_inhibitory,
                       &bdh::direct_circuits::gy_excitatory, &bdh::direct_circuits::gy_inhibitory,
                       &bdh::direct_circuits::gs, &bdh::direct_circuits::sensory})
      check_same_bits(part.result.direct().*which, m.direct().*which);
    CHECK(std::ranges::equal(part.result.direct().retention, m.direct().retention));
  }
}

TEST_CASE("cutting and writing out as explicit edges can change places") {
  const bdh::model hubs =
      tests::as_graph(tests::random_weights({.neurons_per_head = 8, .heads = 2}, 3), "gpu-release");
  const std::vector<bdh::neuron_id> keep{2, 3, 4, 5, 10, 11, 12, 13};
  const bdh::model a = bdh::as_direct(bdh::slice(hubs, keep).result).graph,
                   b = bdh::slice(bdh::as_direct(hubs).graph, keep).result;
  CHECK(b.sources() == 8 + 11);  // sensory nodes are sources still
  for (auto which : {&bdh::direct_circuits::gx_excitatory, &bdh::direct_circuits::gx_inhibitory,
                     &bdh::direct_circuits::gy_excitatory, &bdh::direct_circuits::gy_inhibitory,
                     &bdh::direct_circuits::gs})
    check_same_bits(a.direct().*which, b.direct().*which);
  for (auto which :
       {&bdh::hub_circuits::e, &bdh::hub_circuits::sensory, &bdh::hub_circuits::readout})
    check_same_bits(a.circuits().*which, b.circuits().*which);
  CHECK(logits(a, 11) == logits(b, 11));
}

TEST_CASE("neurons that turn together stay together") {
  const bdh::model m = tests::as_graph(tests::random_weights({}, 3), "gpu-release");
  const bdh::sliced odd = bdh::slice(m, std::vector<bdh::neuron_id>{3});
  CHECK(odd.partners == std::vector<bdh::neuron_id>{2});
  CHECK(odd.result.neurons() == 2);
  CHECK_THROWS_AS(bdh::slice(m, {}), bdh::input_error);
  CHECK_THROWS_AS(bdh::slice(m, std::vector<bdh::neuron_id>{32}), bdh::input_error);
}
