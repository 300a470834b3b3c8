// Do tuned models stay active and bounded on tokens that tuning has not seen, do they answer to a
// pulse, and does anything else get noticed?
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/intervention.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/model_tuning.hpp"
#include "core/analysis/random_tuning.hpp"
#include "core/base/random.hpp"

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

bdh::tuned_model tuned(const bdh::random_model_recipe& r, const bdh::tuning_goal& goal = {},
                       double g = 5) {
  return tune_random(r, g, make_engine, goal).tuned;
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
      check_lively(tuned(recipe(bdh::graph_family_named(family), dynamics)).result);
    }
}

// Every neuron hears every other, so that what fires in one layer drives nearly as many as are not
// inhibited: sparse activity needs a g that is out of bounds.
TEST_CASE("a complete graph, tuned to 30 %, lives on; 5 % are refused with what came nearest") {
  auto r = recipe(bdh::graph_family::complete);
  SUBCASE("bdh") {}
  SUBCASE("normfree") { r.dynamics = "normfree"; }
  r.graph.neurons = 200;
  const auto fresh =
      bdh::measure_activity(tuned(r, {.active_share = 0.3}).result, make_engine, 1000, 1000, 4711);
  CHECK(fresh.alive);
  CHECK(fresh.mean_x > 0.15);
  CHECK(fresh.mean_x < 0.45);
  CHECK(fresh.largest_y < 1e3);
  try {
    tuned(r);
    FAIL("accepted");
  } catch (const bdh::tuning_error& e) {
    CHECK(e.place() == "no gains found, complete");
    CHECK(e.found().find(" at best (g 5, a token drives ") != std::string::npos);
  }
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
  check_lively(tuned(r).result);
}

TEST_CASE("the requested activity is what comes") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  for (const double goal : {0.03, 0.15}) {
    CAPTURE(goal);
    const double seen = tuned(r, {.active_share = goal}).measured.mean_x;
    CHECK(seen > 0.5 * goal);
    CHECK(seen < 1.5 * goal);
  }
}

TEST_CASE("a graph large enough to start from a small one's gains") {
  auto r = recipe(bdh::graph_family::blocks);
  r.graph.neurons = 8000;
  check_lively(tuned(r).result);
}

TEST_CASE("tuning gives the same gains for any number of threads") {
  const auto r = recipe(bdh::graph_family::erdos_renyi);
  const bdh::tuned_model one = tuned(r),
                         three = tune_random(r, 5, make_engine, {}, {.threads = 3}).tuned;
  CHECK(one.gains == three.gains);
  CHECK(one.measured.largest_y == three.measured.largest_y);
}

TEST_CASE(
    "gains fifty times too high are noticed: Y out of bounds, in deep models values that are not "
    "finite") {
  auto r = recipe(bdh::graph_family::erdos_renyi);
  bdh::circuit_gains g = tuned(r).gains;
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

TEST_CASE("g is what was requested, and inhibition is denser only where that is needed") {
  auto r = recipe(bdh::graph_family::small_world);
  r.graph = {bdh::graph_family::small_world, 1000, 20};
  for (const double g : {2.0, 5.0, 8.0}) {
    CAPTURE(g);
    const auto made = tune_random(r, g, make_engine);
    CHECK(made.tuned.gains.inhibition_x == g);
    CHECK(made.tuned.gains.inhibition_y == g);
    CHECK(made.recipe.inhibitory_degree == 20);
  }
  r.layers = 4;
  r.graph.neurons = 2000;
  const auto deep = tune_random(r, 5, make_engine);
  CHECK(deep.recipe.inhibitory_degree > 20);
  CHECK(deep.recipe.inhibitory_degree <= 320);
  check_lively(deep.tuned.result);
  r.inhibitory_degree = 20;
  CHECK_THROWS_WITH_AS(tuned(r), doctest::Contains("no gains found, small-world"),
                       bdh::tuning_error);
  CHECK_THROWS_WITH_AS(tuned(r, {}, 50), "g: 50, expected 0.1 to 20", bdh::input_error);
}

namespace {

struct response {
  double x = 0, y = 0;  // sums over neurons and layers, with the pulse minus without it
};

// What a current into X of some neurons, for one token, does to that token; mean over tokens that
// each come after 200 others.
class pulse_experiment {
 public:
  explicit pulse_experiment(const bdh::model& m) : model_(m) {
    bdh::random_stream random(99, bdh::purpose::calibration, 0);
    for (int t = 0; t < 210; ++t) tokens_.push_back(random.below(m.sensory_nodes()));
    none_ = sums({}, 0);
  }
  response of(std::vector<bdh::neuron_id> neurons, double amplitude) const {
    const auto [x, y] = sums(std::move(neurons), amplitude);
    return {x - none_.x, y - none_.y};
  }

 private:
  response sums(std::vector<bdh::neuron_id> neurons, double amplitude) const {
    bdh::simulator brain(model_, bdh::cpu_engine(model_));
    if (!neurons.empty())
      brain.interventions().add(bdh::stimulate(bdh::variable::x, std::move(neurons), amplitude)
                                    .tokens(200, tokens_.size()));
    response sum;
    bool counted = false;
    brain.observe([&](bdh::layer_id, bdh::moment at) {
      const auto add = [&](bdh::variable v) {
        double all = 0;
        for (const float value : brain.read(v)) all += static_cast<double>(value);
        return all;
      };
      if (!counted) return;
      if (at == bdh::moment::x_ready) sum.x += add(bdh::variable::x);
      if (at == bdh::moment::y_ready) sum.y += add(bdh::variable::y);
    });
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
      counted = t >= 200;
      brain.step(tokens_[t]);
    }
    return sum;
  }

  const bdh::model& model_;
  std::vector<bdh::token_id> tokens_;
  response none_;
};

}  // namespace

TEST_CASE("a pulse raises X and Y, the more the larger it is and the more neurons get it") {
  auto r = recipe(bdh::graph_family::small_world);
  r.graph = {bdh::graph_family::small_world, 2000, 20};
  r.vocabulary = 256;
  r.seed = 0;
  SUBCASE("two layers") {}
  SUBCASE("four layers") { r.layers = 4; }
  SUBCASE("no order in the graph") { r.graph.family = bdh::graph_family::erdos_renyi; }
  const bdh::model m = tuned(r).result;
  const pulse_experiment pulse(m);
  std::vector<bdh::neuron_id> order(m.neurons());
  std::iota(order.begin(), order.end(), 0u);
  bdh::random_stream random(5, bdh::purpose::selection, 0);
  for (bdh::neuron_id i = m.neurons(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  const auto first = [&](std::size_t count) {
    return std::vector<bdh::neuron_id>(order.begin(),
                                       order.begin() + static_cast<std::ptrdiff_t>(count));
  };
  response last;
  for (const double amplitude : {0.25, 0.5, 1.0, 2.0}) {
    CAPTURE(amplitude);
    const response now = pulse.of(first(100), amplitude);
    CHECK(now.x > last.x);
    CHECK(now.y > last.y);
    last = now;
  }
  last = {};
  for (const std::size_t neurons : {25, 50, 100, 200, 400}) {
    CAPTURE(neurons);
    const response now = pulse.of(first(neurons), 0.5);
    CHECK(now.x > last.x);
    CHECK(now.y > last.y);
    last = now;
  }
}

TEST_CASE("a model that exists is tuned by its weights alone") {
  auto r = recipe(bdh::graph_family::small_world);
  r.graph = {bdh::graph_family::small_world, 1000, 20};
  // As a graph file may come: weights of another scale, far too much of everything.
  const bdh::model wild = bdh::random_circuits(r).make(
      {.sensory_edges = 2, .gx = 700, .gy = 3000, .inhibition_x = 0.3, .inhibition_y = 0.01});
  SUBCASE("g is searched") {
    const auto found = tune_model(wild, {.place = "wild", .g = {}, .new_sensory = {}}, make_engine,
                                  {.active_share = 0.12});
    const auto fresh = bdh::measure_activity(found.result, make_engine, 1000, 1000, 4711);
    CHECK(fresh.alive);
    CHECK(fresh.mean_x > 0.06);
    CHECK(fresh.mean_x < 0.18);
    CHECK(fresh.largest_y < 1e3);
    CHECK(found.gains.inhibition_x >= 0.1);
    CHECK(found.gains.inhibition_x <= 20);
    CHECK(std::ranges::equal(found.result.direct().sensory.indices(),
                             wild.direct().sensory.indices()));
    CHECK(std::ranges::equal(found.result.direct().gx_inhibitory.indices(),
                             wild.direct().gx_inhibitory.indices()));
  }
  SUBCASE("g is given, tokens drive other neurons") {
    const auto found = tune_model(wild, {.place = "wild", .g = 4, .new_sensory = 7}, make_engine);
    check_lively(found.result);
    const auto mean = [](const bdh::projection& p) {
      const auto w = p.weights();
      return std::accumulate(w.begin(), w.end(), 0.0) / static_cast<double>(w.size());
    };
    const auto& c = found.result.direct();
    CHECK(mean(c.gx_inhibitory) / mean(c.gx_excitatory) == doctest::Approx(4));
    CHECK(mean(c.gy_inhibitory) / mean(c.gy_excitatory) == doctest::Approx(4));
    CHECK(mean(c.gx_excitatory) == doctest::Approx(found.gains.gx));
    CHECK(c.sensory.edges() == 64 * found.gains.sensory_edges);
  }
  SUBCASE("a target within reach is named, of two digits") {
    bdh::tuning_error last({"p", "f", "e", "h"}, {}, 3, 0.04321);
    std::vector<double> tried;
    const auto found = target_within_reach(last, [&](double target) {
      tried.push_back(target);
      if (target < 0.2) throw bdh::tuning_error({"p", "f", "e", "h"}, {}, 3, 0.1234);
    });
    CHECK(found == 0.24);
    CHECK(tried == std::vector<double>{0.043, 0.12, 0.24});
    tried.clear();
    CHECK_FALSE(target_within_reach(last, [&](double target) {
      tried.push_back(target);
      throw bdh::tuning_error({"p", "f", "e", "h"}, {}, 3, 0);
    }));
    CHECK(tried == std::vector<double>{0.043, 0.086, 0.17, 0.34, 0.68});
    const bdh::tuning_error ended({"p", "f", "e", "h"}, {}, 100, 0);
    CHECK_FALSE(target_within_reach(ended, [](double) { FAIL("tried"); }));
    CHECK(std::string(last.advising("other").what()) == "p: f, expected e; other");
  }
  SUBCASE("what is out of reach is refused with what came nearest") {
    CHECK_THROWS_WITH_AS(tune_model(wild, {.place = "wild", .g = {}, .new_sensory = {}},
                                    make_engine, {.active_share = 0.9}),
                         doctest::Contains("no gains found, wild: an active share of X of "),
                         bdh::tuning_error);
  }
}
