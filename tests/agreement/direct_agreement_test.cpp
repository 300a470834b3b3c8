// Models with explicit edges against the dense double-precision oracle, and against each other to
// the last bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "support/models.hpp"

namespace {

constexpr double tolerance = 3e-5;  // as in oracle_agreement_test.cpp

template <class Actual>
double difference(const Actual& actual, const Eigen::VectorXd& expected) {
  REQUIRE(static_cast<Eigen::Index>(actual.size()) == expected.size());
  double worst = 0;
  for (Eigen::Index i = 0; i < expected.size(); ++i)
    worst = std::max(
        worst, std::abs(static_cast<double>(actual[static_cast<std::size_t>(i)]) - expected(i)));
  return worst / std::max(expected.cwiseAbs().maxCoeff(), 1e-30);
}

oracle::rules rules_of(const std::string& name) {
  if (name == "bdh") return oracle::rules_of(oracle::variant::bdh);
  if (name == "normfree") return oracle::rules_of(oracle::variant::normfree);
  return oracle::rules_of(name == "gpu-paper" ? oracle::variant::gpu_paper
                                              : oracle::variant::gpu_release);
}

// Steps both; returns how many neurons fired (Y) in all.
std::uint64_t compare(const bdh::model& m, const std::string& variant, const oracle::circuits& c,
                      const std::vector<int>& tokens, bdh::site_id sites) {
  CAPTURE(variant);
  CAPTURE(sites);
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  oracle::graph_form reference(c, rules_of(variant));
  std::vector<std::vector<float>> x, y, w, a;
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (at == bdh::moment::x_ready) x.push_back(brain.read(bdh::variable::x));
    if (at == bdh::moment::a_ready) a.push_back(brain.read(bdh::variable::a));
    if (at == bdh::moment::y_ready) {
      y.push_back(brain.read(bdh::variable::y));
      w.push_back(brain.read(bdh::variable::w));
    }
  });
  std::uint64_t fired = 0;
  for (const int token : tokens) {
    CAPTURE(brain.tokens());
    for (auto* v : {&x, &y, &w, &a}) v->clear();
    const bdh::step_report report = brain.step(static_cast<bdh::token_id>(token));
    const oracle::token_trace expected = reference.step(token);
    for (std::size_t l = 0; l < x.size(); ++l) {
      CAPTURE(l);
      CHECK(difference(x[l], expected.x[l]) < tolerance);
      CHECK(difference(y[l], expected.y[l]) < tolerance);
      CHECK(difference(w[l], expected.W[l + 1]) < tolerance);
      CHECK(difference(a[l], Eigen::Map<const Eigen::VectorXd>(expected.A[l].data(),
                                                               expected.A[l].size())) < tolerance);
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
                         std::abs(static_cast<double>(row[e - first]) -
                                  sigma(static_cast<Eigen::Index>(m.direct().gs.indices()[e]), i)));
    }
    CAPTURE(l);
    CHECK(worst / largest < tolerance);
  }
  return fired;
}

}  // namespace

TEST_CASE(
    "sparse graphs under Eq. 6 and Eq. 7, with every combination of rotation, retention and "
    "sites") {
  std::uint64_t fired = 0;
  for (const std::string variant : {"bdh", "normfree"})
    for (const bool rotates : {false, true})
      for (const bool own : {false, true})
        for (const int neurons : {3 * 2, 40, 150})
          for (const bdh::site_id sites : {1u, 2u, 5u}) {
            tests::graph_shape s{.neurons = neurons,
                                 .vocabulary = 7,
                                 .layers = 2,
                                 .degree = 6,
                                 .rotates = rotates,
                                 .own_retention = own,
                                 .retention = 0.9};
            CAPTURE(rotates);
            CAPTURE(own);
            CAPTURE(neurons);
            const oracle::circuits c = tests::random_circuits(s, 77);
            fired += compare(tests::as_direct_graph(c, variant, nullptr, own), variant, c,
                             tests::random_tokens(15, 7, 5), sites);
          }
  CHECK(fired > 1000);
}

TEST_CASE("the complete direct form of a BDH-GPU model, with its pool, heads and sensory sources") {
  for (const std::string variant : {"gpu-release", "gpu-paper"})
    for (const bdh::site_id sites : {1u, 3u}) {
      tests::shape s{.neurons_per_head = 70,
                     .heads = variant == "gpu-paper" ? 1 : 2,
                     .hubs = 12,
                     .vocabulary = 90,
                     .layers = 2,
                     .rotates = true};
      oracle::weights w = tests::random_weights(s, 9);
      w.retention = 0.95;
      const oracle::circuits c = oracle::circuits_of(w, rules_of(variant));
      const bdh::model direct = tests::as_direct_graph(c, variant, &w, false);
      CHECK(direct.sources() == direct.neurons() + 90);
      CHECK(compare(direct, variant, c, tests::random_tokens(10, 90, 6), sites) > 100);
    }
}

TEST_CASE(
    "neurons that are kept in another order have their numbers, and what belongs to these, in all "
    "that is read") {
  std::uint64_t fired = 0;
  for (const bool rotates : {false, true})
    for (const bdh::site_id sites : {1u, 3u}) {
      CAPTURE(rotates);
      const tests::graph_shape s{.neurons = 150,
                                 .vocabulary = 7,
                                 .layers = 2,
                                 .degree = 6,
                                 .rotates = rotates,
                                 .own_retention = true,
                                 .retention = 0.9};
      const oracle::circuits c = tests::random_circuits(s, 78);
      const bdh::model m =
          tests::in_random_order(tests::as_direct_graph(c, "bdh", nullptr, true), 5);
      CHECK_FALSE(std::is_sorted(m.memory_order().begin(), m.memory_order().end()));
      fired += compare(m, "bdh", c, tests::random_tokens(15, 7, 5), sites);
      const tests::shape with_heads{.neurons_per_head = 70,
                                    .heads = 2,
                                    .hubs = 12,
                                    .vocabulary = 90,
                                    .layers = 2,
                                    .rotates = rotates};
      oracle::weights w = tests::random_weights(with_heads, 9);
      w.retention = 0.95;
      const oracle::circuits of_pool = oracle::circuits_of(w, rules_of("gpu-release"));
      fired += compare(
          tests::in_random_order(tests::as_direct_graph(of_pool, "gpu-release", &w, false), 6),
          "gpu-release", of_pool, tests::random_tokens(10, 90, 6), sites);
    }
  CHECK(fired > 1000);
}

TEST_CASE(
    "a state is the same whatever order the neurons are kept in, and single synapses can be set") {
  const tests::graph_shape s{.neurons = 60,
                             .vocabulary = 7,
                             .layers = 2,
                             .degree = 6,
                             .rotates = true,
                             .own_retention = true,
                             .retention = 1};
  const bdh::model m = tests::as_direct_graph(tests::random_circuits(s, 8), "bdh", nullptr, true);
  const bdh::model other = tests::in_random_order(
      tests::as_direct_graph(tests::random_circuits(s, 8), "bdh", nullptr, true), 9);
  bdh::simulator first(m, bdh::cpu_engine(m)), second(other, bdh::cpu_engine(other));
  const auto tokens = tests::random_tokens(12, 7, 2);
  for (const int t : tokens) first.step(static_cast<bdh::token_id>(t));
  second.restore(first.save());
  const auto pair = bdh::neuron_pair{17, m.direct().gs.indices()[m.synapses_of(17).first]};
  for (bdh::simulator* brain : {&first, &second}) {
    bdh::intervention p = bdh::parse_intervention(
        m, "set synapses:" + bdh::shown_pair(m, pair) + " 0.5 layers 2", 12);
    brain->interventions().add(p);
    brain->step(3);
  }
  const bdh::run_state a = first.save(), b = second.save();
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(std::equal(a.layers[l].last_used().begin(), a.layers[l].last_used().end(),
                     b.layers[l].last_used().begin()));
    REQUIRE(a.layers[l].strengths().size() == b.layers[l].strengths().size());
    for (std::size_t e = 0; e < a.layers[l].strengths().size(); ++e)
      CHECK(a.layers[l].strengths()[e] ==
            doctest::Approx(b.layers[l].strengths()[e]).epsilon(1e-5));
  }
  CHECK(*first.probes().strength(2, pair) ==
        doctest::Approx(*second.probes().strength(2, pair)).epsilon(1e-5));
  for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
    const auto row = first.synapses(1, i), row_b = second.synapses(1, i);
    for (std::size_t k = 0; k < row.size(); ++k)
      CHECK(row[k] == doctest::Approx(row_b[k]).epsilon(1e-5));
  }
}

TEST_CASE("a value that is not finite is reported with the neuron's own number") {
  const oracle::circuits c =
      tests::random_circuits({.neurons = 60, .vocabulary = 7, .layers = 2, .degree = 6}, 8);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, false);
  const bdh::model other =
      tests::in_random_order(tests::as_direct_graph(c, "bdh", nullptr, false), 9);
  for (const std::string place : {"x:17", "y:17"}) {
    std::string message[2];
    for (const bdh::model* of : {&m, &other}) {
      bdh::simulator brain(*of, bdh::cpu_engine(*of));
      brain.interventions().add(bdh::parse_intervention(*of, "clamp x:17 1"));
      for (int twice = 0; twice < 2; ++twice)
        brain.interventions().add(bdh::parse_intervention(*of, "stimulate " + place + " 3e38"));
      try {
        for (int t = 0; t < 5; ++t) brain.step(1);
      } catch (const bdh::input_error& e) {
        message[of == &other] = e.what();
      }
    }
    CHECK(message[0].find("of neuron 17: inf, expected a finite value") != std::string::npos);
    CHECK(message[0] == message[1]);
  }
}

TEST_CASE("sites, threads and storage of state do not change a bit of a direct graph") {
  tests::graph_shape s{.neurons = 300,
                       .vocabulary = 9,
                       .layers = 3,
                       .degree = 10,
                       .rotates = true,
                       .own_retention = true,
                       .retention = 1};
  const oracle::circuits c = tests::random_circuits(s, 3);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, true);
  const bdh::model reordered =
      tests::in_random_order(tests::as_direct_graph(c, "bdh", nullptr, true), 4);
  const auto tokens = tests::random_tokens(20, 9, 1);
  const auto run = [&](const bdh::model& of, bdh::site_id sites, std::size_t threads,
                       std::size_t split) {
    const bdh::cpu_options cpu{
        .sites = sites, .instructions = bdh::instruction_set::best, .retention = {}};
    bdh::simulator first(of, bdh::cpu_engine(of, cpu), {.threads = threads}),
        second(of, bdh::cpu_engine(of, {}));
    std::vector<float> logits;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t == split) second.restore(first.save());
      bdh::simulator& brain = t < split ? first : second;
      brain.step(static_cast<bdh::token_id>(tokens[t]));
      logits.insert(logits.end(), brain.logits().begin(), brain.logits().end());
    }
    for (bdh::neuron_id i = 0; i < of.neurons(); ++i) {
      const auto row = (split < tokens.size() ? second : first).synapses(2, i);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  };
  for (const bdh::model* kept : {&m, &reordered}) {
    const auto one = run(*kept, 1, 1, 99);
    for (bdh::site_id sites : {1u, 2u, 3u, 7u})
      for (std::size_t split : {99u, 8u}) {
        CAPTURE(sites);
        CAPTURE(split);
        const auto other = run(*kept, sites, 2, split);
        REQUIRE(one.size() == other.size());
        CHECK(std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) == 0);
      }
  }
}

TEST_CASE("graphs that cannot run are refused with the reason") {
  const oracle::circuits c = tests::random_circuits({}, 1);
  CHECK_THROWS_WITH_AS(tests::as_direct_graph(c, "gpu-release", nullptr, false),
                       "model/dynamics: gpu-release on direct circuits without a pool of hubs, "
                       "expected bdh or normfree; only models imported from "
                       "BDH-GPU have the pool that gives its gains",
                       bdh::unavailable_error);
  tests::graph_shape s;
  s.rotates = true;
  oracle::circuits uneven = tests::random_circuits(s, 1);
  uneven.damping(0, 0) = 0.25;
  uneven.damping(0, 1) = 0.5;
  uneven.rate(0, 0) = 1;
  CHECK_THROWS_WITH_AS(tests::as_direct_graph(uneven, "bdh", nullptr, true),
                       "model/gs, pair 0, 1: different retention of the synapses to 0, expected "
                       "the same, since rotation mixes the two",
                       bdh::input_error);
}
