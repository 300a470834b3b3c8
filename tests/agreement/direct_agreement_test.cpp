// Models with explicit edges against the dense double-precision oracle, and against each other to the last bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/base/error.hpp"
#include "core/simulator.hpp"
#include "kernels/cpu_engine.hpp"
#include "support/models.hpp"

namespace {

constexpr double tolerance = 3e-5;  // as in oracle_agreement_test.cpp

template <class Actual>
double difference(const Actual& actual, const Eigen::VectorXd& expected) {
  REQUIRE(static_cast<Eigen::Index>(actual.size()) == expected.size());
  double worst = 0;
  for (Eigen::Index i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(actual[static_cast<std::size_t>(i)]) - expected(i)));
  return worst / std::max(expected.cwiseAbs().maxCoeff(), 1e-30);
}

oracle::rules rules_of(const std::string& name) {
  return oracle::rules_of(name == "bdh"         ? oracle::variant::bdh
                          : name == "normfree"  ? oracle::variant::normfree
                          : name == "gpu-paper" ? oracle::variant::gpu_paper
                                                : oracle::variant::gpu_release);
}

// Steps both; returns how many neurons fired (Y) in all.
std::uint64_t compare(const bdh::model& m, const std::string& variant, const oracle::circuits& c, const std::vector<int>& tokens,
                      bdh::site_id sites) {
  CAPTURE(variant);
  CAPTURE(sites);
  bdh::simulator brain(m, bdh::cpu_engine(m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  oracle::graph_form reference(c, rules_of(variant));
  std::vector<std::vector<float>> x, y, w, a;
  brain.watch([&](bdh::layer_id, int round) {
    if (round == 3) x.push_back(brain.read(bdh::variable::x));
    if (round == 0) a.push_back(brain.read(bdh::variable::a));
    if (round == 2) {
      y.push_back(brain.read(bdh::variable::y));
      w.push_back(brain.read(bdh::variable::w));
    }
  });
  std::uint64_t fired = 0;
  for (const int token : tokens) {
    CAPTURE(brain.tokens());
    for (auto* v : {&x, &y, &w, &a}) v->clear();
    const bdh::token_report report = brain.step(static_cast<bdh::token_id>(token));
    const oracle::token_trace expected = reference.step(token);
    for (std::size_t l = 0; l < x.size(); ++l) {
      CAPTURE(l);
      CHECK(difference(x[l], expected.x[l]) < tolerance);
      CHECK(difference(y[l], expected.y[l]) < tolerance);
      CHECK(difference(w[l], expected.W[l + 1]) < tolerance);
      CHECK(difference(a[l], Eigen::Map<const Eigen::VectorXd>(expected.A[l].data(), expected.A[l].size())) < tolerance);
      fired += report.active_y[l];
    }
    CHECK(difference(brain.logits(), expected.logits) < tolerance);
  }
  for (int l = 1; l <= c.layers; ++l) {
    const Eigen::MatrixXd& sigma = reference.sigma[static_cast<std::size_t>(l - 1)];
    const double largest = std::max(sigma.cwiseAbs().maxCoeff(), 1e-30);
    double worst = 0;
    for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
      const auto row = brain.synapses(static_cast<bdh::layer_id>(l), i);
      const auto [first, last] = m.synapses_of(i);
      for (bdh::edge_id e = first; e < last; ++e)
        worst = std::max(worst,
                         std::abs(static_cast<double>(row[e - first]) - sigma(static_cast<Eigen::Index>(m.direct().gs.indices()[e]), i)));
    }
    CAPTURE(l);
    CHECK(worst / largest < tolerance);
  }
  return fired;
}

}  // namespace

TEST_CASE("sparse graphs under Eq. 6 and Eq. 7, with every combination of rotation, retention and sites") {
  std::uint64_t fired = 0;
  for (const std::string variant : {"bdh", "normfree"})
    for (const bool rotates : {false, true})
      for (const bool own : {false, true})
        for (const int neurons : {3 * 2, 40, 150})
          for (const bdh::site_id sites : {1u, 2u, 5u}) {
            tests::graph_shape s{
                .neurons = neurons, .vocabulary = 7, .layers = 2, .degree = 6, .rotates = rotates, .own_retention = own, .retention = 0.9};
            CAPTURE(rotates);
            CAPTURE(own);
            CAPTURE(neurons);
            const oracle::circuits c = tests::random_circuits(s, 77);
            fired += compare(tests::as_direct_graph(c, variant, nullptr, own), variant, c, tests::random_tokens(15, 7, 5), sites);
          }
  CHECK(fired > 1000);
}

TEST_CASE("the complete direct form of a BDH-GPU model, with its pool, heads and sensory sources") {
  for (const std::string variant : {"gpu-release", "gpu-paper"})
    for (const bdh::site_id sites : {1u, 3u}) {
      tests::shape s{
          .neurons_per_head = 70, .heads = variant == "gpu-paper" ? 1 : 2, .hubs = 12, .vocabulary = 90, .layers = 2, .rotates = true};
      oracle::weights w = tests::random_weights(s, 9);
      w.retention = 0.95;
      const oracle::circuits c = oracle::circuits_of(w, rules_of(variant));
      const bdh::model direct = tests::as_direct_graph(c, variant, &w, false);
      CHECK(direct.sources() == direct.neurons() + 90);
      CHECK(compare(direct, variant, c, tests::random_tokens(10, 90, 6), sites) > 100);
    }
}

TEST_CASE("sites, threads and storage of state do not change a bit of a direct graph") {
  tests::graph_shape s{.neurons = 300, .vocabulary = 9, .layers = 3, .degree = 10, .rotates = true, .own_retention = true, .retention = 1};
  const oracle::circuits c = tests::random_circuits(s, 3);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, true);
  const auto tokens = tests::random_tokens(20, 9, 1);
  const auto run = [&](bdh::site_id sites, std::size_t threads, std::size_t split) {
    const bdh::cpu_options cpu{.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}};
    bdh::simulator first(m, bdh::cpu_engine(m, cpu), {.threads = threads}), second(m, bdh::cpu_engine(m, {}));
    std::vector<float> logits;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t == split) second.restore(first.save());
      bdh::simulator& brain = t < split ? first : second;
      brain.step(static_cast<bdh::token_id>(tokens[t]));
      logits.insert(logits.end(), brain.logits().begin(), brain.logits().end());
    }
    for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
      const auto row = (split < tokens.size() ? second : first).synapses(2, i);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  };
  const auto one = run(1, 1, 99);
  for (bdh::site_id sites : {1u, 2u, 3u, 7u})
    for (std::size_t split : {99u, 8u}) {
      CAPTURE(sites);
      CAPTURE(split);
      const auto other = run(sites, 2, split);
      REQUIRE(one.size() == other.size());
      CHECK(std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("graphs that cannot run are refused with the reason") {
  const oracle::circuits c = tests::random_circuits({}, 1);
  CHECK_THROWS_WITH_AS(
      tests::as_direct_graph(c, "gpu-release", nullptr, false),
      "model/dynamics: gpu-release on direct circuits without a pool of hubs, expected bdh or normfree; only models imported from "
      "BDH-GPU have the pool that gives its gains",
      bdh::unavailable_error);
  tests::graph_shape s;
  s.rotates = true;
  oracle::circuits uneven = tests::random_circuits(s, 1);
  uneven.damping(0, 0) = 0.25;
  uneven.damping(0, 1) = 0.5;
  uneven.rate(0, 0) = 1;
  CHECK_THROWS_WITH_AS(tests::as_direct_graph(uneven, "bdh", nullptr, true),
                       "model/gs, pair 0, 1: different retention of the synapses to 0, expected the same, since rotation mixes the two",
                       bdh::input_error);
}
