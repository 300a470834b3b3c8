// Do tuned random models stay active and bounded on tokens that tuning has not seen, and does anything else get noticed?
#include "kernels/tuning.hpp"

#include <doctest/doctest.h>

#include <string>

#include "core/base/error.hpp"

namespace {

bdh::random_model_recipe recipe(bdh::graph_family family, const std::string& dynamics = "bdh") {
  bdh::random_model_recipe r;
  r.graph = {family, 500, 10};
  r.vocabulary = 64;
  r.seed = 5;
  r.dynamics = dynamics;
  return r;
}

}  // namespace

TEST_CASE("every sparse family, tuned to 5 %, is neither silent nor exploding for 1,000 fresh tokens") {
  for (const char* family : {"erdos-renyi", "small-world", "scale-free", "blocks", "ring"})
    for (const char* dynamics : {"bdh", "normfree"}) {
      CAPTURE(family);
      CAPTURE(dynamics);
      const auto r = recipe(bdh::graph_family_named(family), dynamics);
      const bdh::tuned_model t = tune(bdh::random_circuits(r));
      const auto fresh = bdh::measure_activity(t.result, 1000, 1000, 4711);
      CHECK(!fresh.failed);
      CHECK(fresh.mean_x > 0.02);
      CHECK(fresh.mean_x < 0.12);
      CHECK(fresh.alive);
      CHECK(fresh.largest_y > 1e-3);
      CHECK(fresh.largest_y < 1e3);
    }
}

TEST_CASE("rotation, no retention, more layers, no inhibition") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  SUBCASE("rotation") { r.theta = 65536; }
  SUBCASE("no retention") { r.retention = 1; }
  SUBCASE("four layers") { r.layers = 4; }
  SUBCASE("no inhibition") {
    r.inhibitory = 0;
    r.graph.degree = 4;
    r.graph.neurons = 1000;
  }
  const bdh::tuned_model t = tune(bdh::random_circuits(r));
  const auto fresh = bdh::measure_activity(t.result, 1000, 1000, 4711);
  CHECK(!fresh.failed);
  CHECK(fresh.mean_x > 0.02);
  CHECK(fresh.mean_x < 0.12);
  CHECK(fresh.alive);
  CHECK(fresh.largest_y < 1e3);
}

TEST_CASE("tuning gives the same gains for any number of threads") {
  const bdh::random_circuits drawn(recipe(bdh::graph_family::erdos_renyi));
  const bdh::tuned_model one = tune(drawn, {}, 1), three = tune(drawn, {}, 3);
  CHECK(one.gains.gx == three.gains.gx);
  CHECK(one.gains.gy == three.gains.gy);
  CHECK(one.gains.inhibition_x == three.gains.inhibition_x);
  CHECK(one.gains.inhibition_y == three.gains.inhibition_y);
  CHECK(one.measured.largest_y == three.measured.largest_y);
}

TEST_CASE("gains fifty times too high are noticed: Y out of bounds, in deep models values that are not finite") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  bdh::circuit_gains g = tune(bdh::random_circuits(r)).gains;
  SUBCASE("two layers") {}
  SUBCASE("six layers") { r.layers = 6; }
  const bdh::random_circuits drawn(r);
  g.gx *= 50;
  g.gy *= 50;
  const auto wild = bdh::measure_activity(drawn.make(g), 1000, 200, 4711);
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
    tune(bdh::random_circuits(r));
  } catch (const bdh::input_error& e) {
    what = e.what();
  }
  CHECK(what.starts_with("no gains found, complete: an active share of X of "));
}
