// Do tuned random models stay active and bounded on tokens that tuning has not seen, and does
// anything else get noticed?
#include "core/analysis/tuning.hpp"

#include <doctest/doctest.h>

#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

namespace {

const bdh::engine_factory make_engine = [](const bdh::model& m) { return bdh::cpu_engine(m); };

bdh::random_model_recipe recipe(bdh::graph_family family, const std::string& dynamics = "bdh") {
  bdh::random_model_recipe r;
  r.graph = {family, 500, 10};
  r.vocabulary = 64;
  r.seed = 5;
  r.dynamics = dynamics;
  return r;
}

// Neither silent nor exploding for 1,000 tokens that tuning has not seen.
void check_lively(const bdh::model& m) {
  const auto fresh = bdh::measure_activity(m, make_engine, 1000, 1000, 4711);
  CHECK(!fresh.failed);
  CHECK(fresh.mean_x > 0.02);
  CHECK(fresh.mean_x < 0.1);
  CHECK(fresh.least_x > 0.008);
  CHECK(fresh.alive);
  CHECK(fresh.largest_y > 1e-3);
  CHECK(fresh.largest_y < 1e3);
}

}  // namespace

TEST_CASE("every sparse family, tuned to 5 %, lives on") {
  for (const char* family : {"erdos-renyi", "small-world", "scale-free", "blocks", "ring"})
    for (const char* dynamics : {"bdh", "normfree"}) {
      CAPTURE(family);
      CAPTURE(dynamics);
      check_lively(
          tune(bdh::random_circuits(recipe(bdh::graph_family_named(family), dynamics)), make_engine)
              .result);
    }
}

// Every neuron hears every other: in a later layer all of them fire, unless inhibitory ones are
// among those that fired before.
TEST_CASE("a complete graph, tuned to 5 %, lives on") {
  auto r = recipe(bdh::graph_family::complete);
  SUBCASE("bdh") {}
  SUBCASE("normfree") { r.dynamics = "normfree"; }
  r.graph.neurons = 400;
  check_lively(tune(bdh::random_circuits(r), make_engine).result);
}

TEST_CASE("rotation, no retention, more layers, no inhibition") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  SUBCASE("rotation") { r.theta = 65536; }
  SUBCASE("no retention") { r.retention = 1; }
  SUBCASE("three layers") {
    r.layers = 3;
    r.graph.neurons = 1000;
  }
  SUBCASE("no inhibition") {
    r.inhibitory = 0;
    r.graph.degree = 4;
    r.graph.neurons = 1000;
  }
  check_lively(tune(bdh::random_circuits(r), make_engine).result);
}

TEST_CASE("the requested activity is what comes") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  for (const double goal : {0.03, 0.15}) {
    CAPTURE(goal);
    const double seen =
        tune(bdh::random_circuits(r), make_engine, {.active_share = goal}).measured.mean_x;
    CHECK(seen > 0.5 * goal);
    CHECK(seen < 1.5 * goal);
  }
}

TEST_CASE("a graph large enough to start from a small one's gains") {
  auto r = recipe(bdh::graph_family::blocks);
  r.graph.neurons = 8000;
  check_lively(tune(bdh::random_circuits(r), make_engine).result);
}

TEST_CASE("tuning gives the same gains for any number of threads") {
  const bdh::random_circuits drawn(recipe(bdh::graph_family::erdos_renyi));
  const bdh::tuned_model one = tune(drawn, make_engine),
                         three = tune(drawn, make_engine, {}, {.threads = 3});
  CHECK(one.gains.gx == three.gains.gx);
  CHECK(one.gains.gy == three.gains.gy);
  CHECK(one.gains.inhibition_x == three.gains.inhibition_x);
  CHECK(one.gains.inhibition_y == three.gains.inhibition_y);
  CHECK(one.measured.largest_y == three.measured.largest_y);
}

TEST_CASE(
    "gains fifty times too high are noticed: Y out of bounds, in deep models values that are not "
    "finite") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  bdh::circuit_gains g = tune(bdh::random_circuits(r), make_engine).gains;
  SUBCASE("two layers") {}
  SUBCASE("six layers") { r.layers = 6; }
  const bdh::random_circuits drawn(r);
  g.gx *= 50;
  g.gy *= 50;
  const auto wild = bdh::measure_activity(drawn.make(g), make_engine, 1000, 200, 4711);
  if (r.layers == 2) CHECK(wild.largest_y > 1e3);
  if (r.layers == 6) {
    REQUIRE(wild.failed);
    CHECK(wild.failed->find("layer") != std::string::npos);
  }
}

TEST_CASE("where no gains exist, it says so") {
  auto r = recipe(bdh::graph_family::complete);
  r.graph.neurons = 20;
  r.inhibitory = 0;
  std::string what;
  try {
    tune(bdh::random_circuits(r), make_engine);
  } catch (const bdh::input_error& e) {
    what = e.what();
  }
  CHECK(what.starts_with("no gains found, complete: an active share of X of "));
}
