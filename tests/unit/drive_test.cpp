// Why a neuron fires, on three neurons, computed by hand.
#include <doctest/doctest.h>

#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/queries.hpp>

#include "../support/arrays.hpp"

namespace {

using tests::array_of;

const bdh::population neurons{"neurons", 3}, tokens{"sensory", 1};

bdh::projection edges(const char* name, bdh::major rows, std::vector<bdh::edge_id> indptr,
                      std::vector<bdh::neuron_id> indices, std::vector<float> weights) {
  return bdh::projection::sparse(name, neurons, neurons, rows, array_of(std::move(indptr)),
                                 array_of(std::move(indices)), array_of(std::move(weights)));
}

// The token excites 0 and 1, W = (1, 2, 0). Gx: 0->2 by 0.5, 1->2 by 0.25 and, inhibitory, by
// 0.375; 0->0 by 1. Synapses 2->0 and 0->1; Gy: 0->2 by 2, 1->2 inhibitory by 1.
bdh::model toy() {
  using bdh::major;
  bdh::model_spec p;
  p.rules = bdh::dynamics::named("bdh");
  p.layers = 1;
  bdh::direct_circuits c;
  c.gx_excitatory = edges("gx_excitatory", major::source, {0, 2, 3, 3}, {0, 2, 2}, {1, 0.5, 0.25});
  c.gx_inhibitory = edges("gx_inhibitory", major::source, {0, 0, 1, 1}, {2}, {0.375});
  c.gy_excitatory = edges("gy_excitatory", major::target, {0, 0, 0, 1}, {0}, {2});
  c.gy_inhibitory = edges("gy_inhibitory", major::target, {0, 0, 0, 1}, {1}, {1});
  c.gs = edges("gs", major::source, {0, 1, 1, 2}, {1, 0}, {1, 1});
  c.sensory = bdh::projection::sparse("sensory", tokens, neurons, major::source,
                                      array_of<bdh::edge_id>({0, 2}),
                                      array_of<bdh::neuron_id>({0, 1}), array_of<float>({1, 2}));
  p.direct = std::move(c);
  return bdh::model(std::move(p));
}

void check_term(const bdh::contribution& t, bdh::neuron_id source, double weight, double activity) {
  CHECK(t.source == source);
  CHECK(t.weight == weight);
  CHECK(t.activity == activity);
}

}  // namespace

TEST_CASE("contributions to X^e and X^i, to Y^e and Y^i") {
  const bdh::model m = toy();
  bdh::simulator brain(m, bdh::cpu_engine(m));
  const auto advance_to = [&](bdh::moment at) {
    while (brain.advance()->at != at) {
    }
  };
  brain.begin(0);
  advance_to(bdh::moment::x_ready);
  // X(2) = 0.5 * 1 + 0.25 * 2 - 0.375 * 2 = 0.25; X(0) = 1
  const bdh::drive x = bdh::drive_of_x(brain, 1, 2);
  REQUIRE(x.terms.size() == 3);
  check_term(x.terms[0], 1, -0.375, 2);
  check_term(x.terms[1], 0, 0.5, 1);
  check_term(x.terms[2], 1, 0.25, 2);
  CHECK(x.excitatory == 1);
  CHECK(x.inhibitory == 0.75);
  CHECK(x.total() == 0.25);
  CHECK(!x.held);
  CHECK(brain.read(bdh::variable::x) == std::vector<float>{1, 0, 0.25});
  CHECK(bdh::drive_of_x(brain, 1, 1).terms.empty());
  brain.finish();  // sigma(2->0) = W(0) X(2) = 0.25, sigma(0->1) = W(1) X(0) = 2

  // A(0) = 0.25 * 0.25, A(1) = 2 * 1; Y(2) = (2 A(0) - A(1))_+ X(2)
  brain.begin(0);
  advance_to(bdh::moment::y_ready);
  const bdh::drive y = bdh::drive_of_y(brain, 1, 2);
  REQUIRE(y.terms.size() == 2);
  check_term(y.terms[0], 1, -1, 2);
  check_term(y.terms[1], 0, 2, 0.0625);
  CHECK(y.total() == -1.875);
  brain.finish();

  brain.interventions().add(bdh::parse_intervention(m, "inhibition 0", brain.tokens()));
  brain.interventions().add(bdh::parse_intervention(m, "stimulate y:2 0.5", brain.tokens()));
  brain.begin(0);
  advance_to(bdh::moment::y_ready);
  // X(2) is 1 without inhibition, sigma(2->0) = 0.5: A(0) = 0.5
  const bdh::drive released = bdh::drive_of_y(brain, 1, 2);
  CHECK(released.inhibitory == 0);
  CHECK(released.injected == 0.5);
  CHECK(released.total() == 1.5);
  CHECK(brain.read(bdh::variable::y)[2] == 1.5f);
  CHECK(bdh::drive_of_y(brain, 1, 2).held.has_value() == false);
  brain.finish();
}

TEST_CASE("without W there is nothing to say") {
  bdh::model_spec p;
  p.rules = bdh::dynamics::named("bdh");
  p.layers = 1;
  const bdh::population hubs{"hubs", 1};
  const auto dense = [](const char* name, bdh::population from, bdh::population to, bdh::major rows,
                        std::vector<float> w) {
    return bdh::projection::dense(name, std::move(from), std::move(to), rows,
                                  array_of(std::move(w)));
  };
  p.circuits.e = dense("e", neurons, hubs, bdh::major::source, {1, 2, 3});
  p.circuits.sensory = dense("sensory", tokens, hubs, bdh::major::source, {2});
  p.circuits.dx = dense("dx", hubs, neurons, bdh::major::target, {1, -1, 3});
  p.circuits.dy = dense("dy", hubs, neurons, bdh::major::target, {1, 1, 1});
  p.circuits.readout = dense("readout", hubs, {"readout", 1}, bdh::major::target, {1});
  const bdh::model m(std::move(p));
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.step(0);
  CHECK_THROWS_AS(bdh::drive_of_x(brain, 1, 0), bdh::unavailable_error);
  brain.follow_sources();
  brain.begin(0);
  CHECK(brain.advance()->at == bdh::moment::x_ready);
  // the sensory node is source 3; Gx(3->2) = 3 * 2
  const bdh::drive d = bdh::drive_of_x(brain, 1, 2);
  REQUIRE(d.terms.size() == 1);
  check_term(d.terms[0], 3, 6, 1);
  CHECK(brain.read(bdh::variable::x)[2] == 6);
}
