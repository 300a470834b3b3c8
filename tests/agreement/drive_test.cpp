// What is said to make neurons fire against what makes them fire: contributions add up to the
// drive, in every variant.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/queries.hpp>

#include "support/models.hpp"

namespace {

constexpr double tolerance = 3e-5;  // as in oracle_agreement_test.cpp

// Largest |expected - actual|, and largest |actual|.
struct comparison {
  double worst = 0, scale = 0;
  std::uint64_t fired = 0;
  void add(double expected, float actual) {
    worst = std::max(worst, std::abs(expected - actual));
    scale = std::max(scale, std::abs(static_cast<double>(actual)));
    fired += actual > 0;
  }
  void check() const {
    CHECK(fired > 0);
    CHECK(worst <= tolerance * scale);
  }
};

double fired(const bdh::drive& d) {
  double sum = 0;
  for (const bdh::contribution& t : d.terms) sum += t.value();
  CHECK(sum == doctest::Approx(d.excitatory - d.inhibitory));
  CHECK(std::is_sorted(d.terms.begin(), d.terms.end(),
                       [](auto& a, auto& b) { return std::abs(a.value()) > std::abs(b.value()); }));
  return std::max(0.0, d.total());
}

void agree(const bdh::model& m, const std::vector<int>& tokens,
           const std::vector<std::string>& interventions) {
  CAPTURE(m.rules().name());
  CAPTURE(m.is_direct());
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.follow_sources();
  for (const std::string& text : interventions)
    brain.interventions().add(bdh::parse_intervention(m, text));
  comparison x_agrees, y_agrees;
  std::vector<float> before;
  for (int token : tokens) {
    brain.begin(static_cast<bdh::token_id>(token));
    before.assign(m.neurons(), 0);
    while (const auto done = brain.advance()) {
      const std::vector<float> x = brain.read(bdh::variable::x), y = brain.read(bdh::variable::y);
      for (bdh::neuron_id k = 0; k < m.neurons(); ++k) {
        if (done->at == bdh::moment::x_ready) {
          const bdh::drive d = bdh::drive_of_x(brain, done->layer, k);
          const double kept = m.rules().x() == bdh::x_rule::accumulate ? before[k] : 0.0f;
          x_agrees.add(d.held.value_or(kept + fired(d)), x[k]);
        } else if (done->at == bdh::moment::y_ready) {
          const bdh::drive d = bdh::drive_of_y(brain, done->layer, k);
          y_agrees.add(d.held.value_or(x[k] == 0 ? 0 : fired(d) * x[k]), y[k]);
        }
      }
      if (done->at == bdh::moment::x_ready) before = x;
    }
    brain.finish();
  }
  x_agrees.check();
  y_agrees.check();
}

}  // namespace

TEST_CASE("contributions add up to the drive through hubs") {
  const std::vector<int> tokens = tests::random_tokens(4, 11, 5);
  for (const char* variant : {"gpu-release", "gpu-paper", "normfree"}) {
    const bool release = std::string(variant) == "gpu-release";
    const oracle::weights w = tests::random_weights({.heads = release ? 2 : 1}, 3);
    const std::vector<std::string> interventions = {
        "stimulate x:3,9 0.2", "stimulate x:3 0.1 layers 2", "clamp x:7 0.4", "silence y:5",
        "lesion 11",           "lesion gx:3->4,token:2->8"};
    agree(tests::as_graph(w, variant), tokens, {});
    agree(tests::as_graph(w, variant), tokens, interventions);
    agree(tests::as_sparse_graph(w, variant), tokens, interventions);
  }
}

TEST_CASE("contributions add up to the drive over explicit edges") {
  const oracle::circuits c = tests::random_circuits({.rotates = true}, 7);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, false);
  const std::vector<int> tokens = tests::random_tokens(5, 7, 5);
  agree(m, tokens, {});
  const bdh::weighted_edge gx = bdh::edges_into(m, bdh::circuit::gx, 4).at(0),
                           gy = bdh::edges_into(m, bdh::circuit::gy, 6).at(0);
  agree(m, tokens,
        {"inhibition 0.5", "inhibition 0.5 layers 2", "stimulate y:3,9 0.2", "lesion 11",
         "clamp y:2 0.1", "lesion gx:" + std::to_string(gx.end) + "->4",
         "lesion gy:" + std::to_string(gy.end) + "->6"});
}

TEST_CASE("contributions add up to the drive over explicit edges with a pool of hubs, per head") {
  const oracle::weights w = tests::random_weights({.neurons_per_head = 20, .heads = 2}, 9);
  const oracle::circuits c = oracle::circuits_of(w, oracle::rules_of(oracle::variant::gpu_release));
  const bdh::model m = tests::as_direct_graph(c, "gpu-release", &w, false);
  agree(m, tests::random_tokens(4, 11, 6), {});
  agree(m, tests::random_tokens(4, 11, 6),
        {"lesion 11", "lesion gy:token:3->25,7->25", "inhibition 0.8", "stimulate y:30 0.2"});
}

TEST_CASE("edges into neurons and edges out of sources are the same edges") {
  const oracle::weights w = tests::random_weights({}, 3);
  const bdh::model hubs = tests::as_graph(w, "gpu-release");
  const bdh::model direct =
      tests::as_direct_graph(tests::random_circuits({}, 7), "bdh", nullptr, false);
  for (const bdh::model* m : {&hubs, &direct})
    for (const bdh::circuit c : {bdh::circuit::gx, bdh::circuit::gy}) {
      std::size_t edges = 0;
      for (bdh::neuron_id j = 0; j < m->sources(); ++j)
        for (const bdh::weighted_edge& out : bdh::edges_from(*m, c, j)) {
          const auto in = bdh::edges_into(*m, c, out.end);
          CHECK(std::any_of(in.begin(), in.end(), [&](const bdh::weighted_edge& e) {
            return e.end == j && e.weight == doctest::Approx(out.weight);
          }));
          ++edges;
        }
      CHECK(edges > m->neurons());
    }
  CHECK_THROWS_AS(bdh::edges_into(hubs, bdh::circuit::gx, hubs.neurons()), bdh::input_error);
  CHECK_THROWS_AS(bdh::edges_from(hubs, bdh::circuit::gx, hubs.sources()), bdh::input_error);
}
