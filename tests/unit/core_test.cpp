#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/round_table.hpp>
#include <bdh/simulator.hpp>

namespace {

bdh::array<float> make(std::vector<float> values) {
  bdh::array<float> a(values.size());
  std::copy(values.begin(), values.end(), a.begin());
  return a;
}

const bdh::population neurons{"neurons", 2}, hubs{"hubs", 2}, sensory{"sensory", 3},
    readout{"readout", 3};

bdh::model_spec small() {
  bdh::model_spec p;
  p.rules = bdh::dynamics::named("bdh");
  p.layers = 1;
  p.circuits.e = bdh::projection::dense("e", neurons, hubs, bdh::major::source, make({1, 0, 0, 1}));
  p.circuits.sensory = bdh::projection::dense("sensory", sensory, hubs, bdh::major::source,
                                              make({1, 0, 0, 1, 1, 1}));
  p.circuits.dx =
      bdh::projection::dense("dx", hubs, neurons, bdh::major::target, make({1, -1, 0, 2}));
  p.circuits.dy =
      bdh::projection::dense("dy", hubs, neurons, bdh::major::target, make({1, 0, 1, 1}));
  p.circuits.readout = bdh::projection::dense("readout", hubs, readout, bdh::major::target,
                                              make({1, 0, 0, 1, 1, 1}));
  return p;
}

template <class Change>
void refuse(Change change, const std::string& message) {
  bdh::model_spec p = small();
  change(p);
  std::string found;
  try {
    bdh::model m(std::move(p));
  } catch (const bdh::error& e) {
    found = e.what();
  }
  CHECK(found == message);
}

}  // namespace

TEST_CASE("a model is refused when its parts do not fit, naming the part") {
  CHECK_NOTHROW(bdh::model{small()});
  refuse([](auto& p) { p.layers = 0; }, "model/layers: 0, expected 1 to 1024");
  refuse([](auto& p) { p.heads = 0; }, "model/heads: 0, expected a divisor of the 2 neurons");
  refuse([](auto& p) { p.heads = 2; },
         "model/heads: 2 heads with dynamics bdh, expected 1 head; only gpu-release, and graphs "
         "with explicit edges, have several");
  refuse([](auto& p) { p.retention = 0; }, "model/retention: 0, expected 0 < u <= 1");
  refuse([](auto& p) { p.retention = std::numeric_limits<double>::quiet_NaN(); },
         "model/retention: nan, expected 0 < u <= 1");
  refuse(
      [](auto& p) {
        p.rotation = bdh::rotation({0.1, 0.2});
      },
      "model/rotation: 2 frequencies, expected half of the 2 neurons of a head");
  refuse(
      [](auto& p) {
        p.original_id = {0, 0};
      },
      "model/original_id[1]: 0 again, expected a number for each neuron alone");
  refuse([](auto& p) { p.original_id = {0}; }, "model/original_id: 1 entries, expected 2 neurons");
  refuse([](auto& p) { p.tokens = bdh::tokenizer::bytes; },
         "model/tokenizer: bytes with a vocabulary of 3, expected 256; use --tokenizer ids");
  refuse([](auto& p) { std::swap(p.circuits.dx, p.circuits.sensory); },
         "model/sensory: 2 sources x 2 targets, expected 2 x 2, by source");
  refuse([](auto& p) { p.circuits.e = {}; },
         "model/e: 0 neurons x 0 hubs, expected at least one of each");
}

TEST_CASE("a token that was not read to its end stops the run until it starts afresh") {
  const bdh::model m(small());
  for (const unsigned threads : {1u, 3u}) {
    CAPTURE(threads);
    bdh::simulator brain(
        m,
        bdh::cpu_engine(
            m, {.sites = threads, .instructions = bdh::instruction_set::best, .retention = {}}),
        {.threads = threads});
    const int watching = brain.observe([](bdh::layer_id, bdh::moment at) {
      if (at == bdh::moment::synapses_written) throw std::runtime_error("enough");
    });
    CHECK_THROWS_WITH_AS(brain.step(0), "enough", std::runtime_error);
    brain.stop_observing(watching);
    CHECK_THROWS_AS(brain.save(), bdh::input_error);
    CHECK_THROWS_AS(brain.step(0), bdh::input_error);
    brain.clear_synapses();
    CHECK_NOTHROW(brain.step(0));
  }
}

TEST_CASE("a simulator that has been moved goes on, and keeps the model that it owns") {
  auto shared = std::make_shared<const bdh::model>(small());
  const bdh::model copy(small());
  const auto step_to = [](bdh::simulator& brain, std::uint64_t tokens) {
    while (brain.tokens() < tokens) brain.step(static_cast<bdh::token_id>(brain.tokens() % 3));
  };
  const auto add_parts = [](bdh::simulator& brain, const bdh::model& m) {
    brain.probes().add({{1, 0}, 1});
    brain.interventions().add(bdh::parse_intervention(m, "stimulate x:0 0.5 tokens 2-3"));
    brain.interventions().add(bdh::parse_intervention(m, "set synapses:1->0 0.25 at 4"));
  };
  bdh::simulator stayed(copy, bdh::cpu_engine(copy));
  add_parts(stayed, copy);
  step_to(stayed, 6);

  bdh::simulator first(shared, bdh::cpu_engine(*shared));
  add_parts(first, *shared);
  step_to(first, 1);
  const std::weak_ptr<const bdh::model> owned = shared;
  shared.reset();
  bdh::simulator second(std::move(first));
  step_to(second, 3);
  bdh::simulator third(copy, bdh::cpu_engine(copy));
  third = std::move(second);
  third.begin(static_cast<bdh::token_id>(third.tokens() % 3));
  while (third.advance()) {
  }
  third.finish();
  step_to(third, 6);
  CHECK(std::equal(third.logits().begin(), third.logits().end(), stayed.logits().begin(),
                   stayed.logits().end()));
  CHECK(third.probes().strength(1, {1, 0}) == stayed.probes().strength(1, {1, 0}));
  CHECK(third.synapses(1, 1) == stayed.synapses(1, 1));
  CHECK(!owned.expired());
  third = bdh::simulator(copy, bdh::cpu_engine(copy));
  CHECK(owned.expired());
}

// W of token 0 is (big, 0), so that X = (big, 0): overflows at the step named.
std::string fault_of(float big, float readout, const char* variant, bdh::site_id sites) {
  bdh::model_spec p = small();
  p.rules = bdh::dynamics::named(variant);
  p.circuits.sensory = bdh::projection::dense("sensory", sensory, hubs, bdh::major::source,
                                              make({big, 0, 0, 1, 1, 1}));
  p.circuits.readout = bdh::projection::dense("readout", hubs, ::readout, bdh::major::target,
                                              make({readout, readout, 0, 1, 1, 1}));
  const bdh::model m(std::move(p));
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  std::string message;
  try {
    for (int t = 0; t < 4; ++t) brain.step(0);
  } catch (const bdh::input_error& e) {
    message = e.what();
  }
  brain.clear_synapses();
  CHECK_NOTHROW(brain.step(1));  // the fault does not outlive the run
  return message;
}

TEST_CASE("the first value that is not finite is named, whatever the number of sites") {
  const std::string hint =
      ", expected a finite value; the activity of this model grows without bound on this input";
  for (bdh::site_id sites : {1u, 3u}) {
    CAPTURE(sites);
    CHECK(fault_of(1e20f, 1, "bdh", sites) ==
          "token 0, layer 1, a synapse of neuron 0: inf" + hint);  // W X = 1e40
    CHECK(fault_of(1e10f, 1, "bdh", sites) ==
          "token 1, layer 1, Y of neuron 0: inf" + hint);  // sigma X X = 1e40
    CHECK(fault_of(1, 1, "bdh", sites) == "");
    CHECK(fault_of(1e20f, 1, "gpu-release", sites) ==
          "token 0, W at hub 0: nan" + hint);  // the pool's variance
  }
}

TEST_CASE("dynamics are named values") {
  CHECK(bdh::dynamics::named("gpu-release").heads());
  CHECK(bdh::dynamics::named("gpu-paper").w() == bdh::w_rule::gain_y);
  CHECK(bdh::dynamics::named("bdh").x() == bdh::x_rule::accumulate);
  CHECK_THROWS_WITH_AS(bdh::dynamics::named("gpt"),
                       "dynamics: 'gpt', expected bdh, normfree, gpu-paper or gpu-release",
                       bdh::input_error);
  CHECK_THROWS_AS(bdh::dynamics::named("bdh", 0), bdh::input_error);
}

TEST_CASE("rotation frequencies are those of the released code") {
  const bdh::rotation r = bdh::rotation::geometric(65536, 32);
  REQUIRE(r.frequency().size() == 16);
  CHECK(r.frequency()[0] == doctest::Approx(0.15915494309189535));
  CHECK(r.frequency()[8] == doctest::Approx(0.15915494309189535 / 256));  // 65536^(-1/2)
  CHECK_THROWS_AS(bdh::rotation::geometric(65536, 33), bdh::shape_error);
  CHECK_THROWS_AS(bdh::rotation::geometric(-1, 32), bdh::input_error);
  CHECK_THROWS_AS(bdh::rotation({0.1, INFINITY}), bdh::input_error);
}

TEST_CASE("the published round table reads as in the paper") {
  const std::string text = bdh::describe(bdh::round_table::published());
  CHECK(text.find("round 0  propagate  X(i), sigma_l(i->j) -> A(j)\n") != std::string::npos);
  CHECK(text.find("round 1  reweight   W(j), X(i) -> sigma_l(i->j)") != std::string::npos);
  CHECK(text.find("         decay      sigma_l(i->j) -> sigma_l(i->j) U\n") != std::string::npos);
  CHECK(text.find("round 2") < text.find("round 3"));
}

// Two neurons, two hubs, Eq. 6 with u = 1/2, one layer. By hand:
//   token 0: W at hubs (1, 0). X = (dx W)_+ = (1, 0). A = 0, Y = 0.
//            sigma(0 -> hub 0) = 1, halved by the decay: 0.5.
//   token 2: W at hubs (1, 1). X = (0, 2). Neuron 1 has no synapses yet: A = 0, Y = 0.
//            sigma(1 -> both hubs) = 2, decayed: 1.
//            sigma(0 -> hub 0) decays to 0.25 although neuron 0 is silent.
//   token 0: X = (1, 0). A = 0.25 at hub 0. Y = (dy A)_+ X = (0.25, 0).
//            W at hubs = e Y = (0.25, 0). Logits (0.25, 0, 0.25).
//            sigma(0 -> hub 0) = (0.25 + 1) / 2.
TEST_CASE("two neurons by hand") {
  bdh::model_spec p = small();
  p.retention = 0.5;
  const bdh::model m(std::move(p));
  bdh::simulator brain(m, bdh::cpu_engine(m));
  bdh::step_report r = brain.step(0);
  CHECK(r.active_x == std::vector<bdh::neuron_id>{1});
  CHECK(r.active_y == std::vector<bdh::neuron_id>{0});
  CHECK(brain.read(bdh::variable::x) == std::vector<float>{1, 0});
  CHECK(brain.synapses(1, 0) == std::vector<float>{0.5, 0});
  CHECK(brain.synapses(1, 1) == std::vector<float>{0, 0});
  brain.step(2);
  CHECK(brain.read(bdh::variable::x) == std::vector<float>{0, 2});
  CHECK(brain.synapses(1, 0) == std::vector<float>{0.25, 0});
  CHECK(brain.synapses(1, 1) == std::vector<float>{1, 1});
  r = brain.step(0);
  CHECK(r.active_y == std::vector<bdh::neuron_id>{1});
  CHECK(brain.read(bdh::variable::y) == std::vector<float>{0.25, 0});
  CHECK(std::vector<float>(brain.logits().begin(), brain.logits().end()) ==
        std::vector<float>{0.25, 0, 0.25});
  CHECK(brain.synapse(1, 0, 0) == 0.625f);
  CHECK(r.synaptic_events ==
        2 + 4 + 2 + 2 + 2 +
            6);  // sensory, Gx hubs -> neurons, sigma, Gy hubs -> neuron, e, readout
  CHECK(r.hebbian_writes == 2);
  CHECK(r.position == 2);
}

// A quarter turn a token: what neuron 0 wrote at token 0 is heard from neuron 1 a token later.
TEST_CASE("rotation by hand") {
  bdh::model_spec p = small();
  p.rotation = bdh::rotation({0.25});
  const bdh::model m(std::move(p));
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.step(0);  // X = (1, 0) and W = (1, 0): sigma = [[1, 0], [0, 0]] (hub, neuron), then sigma R
  // R x turns (x0, x1) into (x0 c - x1 s, x1 c + x0 s): sigma R has the column of neuron 1 equal to
  // -s times that of neuron 0.
  CHECK(std::abs(brain.synapse(1, 0, 0)) < 1e-7);
  CHECK(brain.synapse(1, 1, 0) == doctest::Approx(-1));
  brain.step(1);  // W = (0, 1): X = (0, 2): A = -2 at hub 0, so that Y stays silent
  CHECK(brain.read(bdh::variable::a)[0] == doctest::Approx(-2));
  CHECK(brain.read(bdh::variable::y) == std::vector<float>{0, 0});
}

TEST_CASE("questions about synapses that do not exist are refused") {
  const bdh::model m(small());
  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK_THROWS_WITH_AS(brain.synapses(0, 0), "layer: 0, expected 1 to 1", bdh::input_error);
  CHECK_THROWS_WITH_AS(brain.synapses(1, 2), "neuron: 2, expected 0 to 1", bdh::input_error);
  CHECK_THROWS_WITH_AS(brain.synapse(1, 0, 2), "hub: 2, expected 0 to 1", bdh::input_error);
  for (const bdh::variable_info& v : brain.variables()) {
    std::vector<float> room(v.size + 1), values;
    std::vector<bdh::neuron_id> ids;
    CAPTURE(v.name);
    if (v.kept) {  // a layer's own, which reading without a layer cannot give
      CHECK_THROWS_AS(brain.read(v.what), bdh::input_error);
      CHECK_THROWS_AS(brain.active(v.what, ids, values), bdh::input_error);
    } else {
      CHECK(brain.read(v.what).size() == v.size);
      CHECK_THROWS_AS(brain.read(v.what, room), bdh::shape_error);
    }
  }
  CHECK_THROWS_WITH_AS(
      bdh::cpu_engine(m, {.sites = 0, .instructions = bdh::instruction_set::best, .retention = {}}),
      "sites: 0, expected 1 to 4096", bdh::input_error);
  CHECK_THROWS_AS(
      bdh::cpu_engine(m,
                      {.sites = 1, .instructions = bdh::instruction_set::best, .retention = 1.5}),
      bdh::input_error);
  bdh::run_state other = brain.save();
  other.retention = 0.5;
  CHECK_THROWS_WITH_AS(brain.restore(other), "state: retention 0.5, expected 1, that of this run",
                       bdh::input_error);
  other.retention = 1;
  other.layers[0].last_used()[0] = 1;
  CHECK_THROWS_WITH_AS(
      brain.restore(other),
      "state: a time stamp later than the clock, expected last_used <= clock <= 2^62",
      bdh::input_error);
  other.layers[0].last_used()[0] = 0;
  other.layers[0].strengths()[0] = INFINITY;
  CHECK_THROWS_WITH_AS(brain.restore(other),
                       "state: a strength that is not finite, expected finite strengths",
                       bdh::input_error);
  other.layers.clear();
  CHECK_THROWS_AS(brain.restore(other), bdh::shape_error);
  other.model_sha256 = "of another model";
  CHECK_THROWS_AS(brain.restore(other), bdh::input_error);
}
