// Two ranks with a device each, which is the host here, give the bits of one process on the CPU.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/intervention.hpp>
#include <bdh/simulator.hpp>

#include "support/fake_device.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"
#include "support/thread_ranks.hpp"

namespace {

bdh::model hubs(int heads, bool rotates) {
  oracle::weights w = tests::random_weights({.neurons_per_head = 300,
                                             .heads = heads,
                                             .hubs = 40,
                                             .vocabulary = 10,
                                             .layers = 3,
                                             .rotates = rotates},
                                            31);
  w.retention = 0.95;
  return tests::as_graph(w, "gpu-release");
}

// A device for every rank.
std::unique_ptr<bdh::engine> device_sites(const bdh::model& m, const bdh::rank_job& job,
                                          bdh::site_id sites, bdh::site_range local) {
  return bdh::gpu_engine(m, std::make_shared<tests::fake_device>(),
                         {.retention = job.retention, .sites = sites, .site = local.begin});
}

// Everything that is seen while tokens are read, with interventions, and what is kept.
std::vector<float> seen_of(bdh::simulator brain, const std::vector<int>& tokens) {
  std::vector<float> all;
  const auto add = [&](std::span<const float> values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  const auto step = [&](std::size_t t) {
    const bdh::step_report r = brain.step(static_cast<bdh::token_id>(tokens[t]));
    add(brain.logits());
    all.insert(all.end(), r.active_x.begin(), r.active_x.end());
    all.insert(all.end(), r.active_y.begin(), r.active_y.end());
    all.push_back(static_cast<float>(r.synaptic_events));
    all.push_back(static_cast<float>(r.hebbian_writes));
  };
  step(0);
  step(1);
  const int observed = brain.observe(
      [&](bdh::layer_id, bdh::moment) {
        for (const bdh::variable v :
             {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
          add(brain.read(v));
      },
      bdh::observation::activity);
  step(2);
  brain.stop_observing(observed);
  const bdh::run_state half = brain.save();
  for (const bdh::state_arrays& l : half.layers) {
    add(l.strengths());
    all.insert(all.end(), l.last_used().begin(), l.last_used().end());
  }
  for (const char* text : {"silence x:1-5", "stimulate x:300 0.5", "clamp y:2 0.25",
                           "freeze layers 2", "reset layers 1"}) {
    brain.interventions().add(bdh::parse_intervention(brain.model(), text, brain.tokens()));
    step(3);
  }
  for (const bdh::neuron_id i : {bdh::neuron_id{1}, brain.model().neurons() - 1})
    add(brain.synapses(2, i));
  while (!brain.interventions().empty())
    brain.interventions().remove(brain.interventions().begin()->first);
  brain.restore(half);
  step(4);
  brain.clear_synapses();
  step(5);
  return all;
}

}  // namespace

TEST_CASE("two ranks with a device each give the bits of one process on the CPU") {
  for (const bool rotates : {true, false})
    for (const bdh::rank_id ranks : {2u, 4u}) {
      CAPTURE(ranks);
      const bdh::model m = hubs(4, rotates);
      const auto tokens = tests::random_tokens(6, 10, 3);
      const std::vector<float> expected = seen_of(bdh::simulator(m, bdh::cpu_engine(m)), tokens);
      const tests::running on(m, ranks, device_sites);
      const std::vector<float> found = seen_of(on.simulator(m, {}), tokens);
      CHECK(tests::same_bits(std::span(found), std::span(expected)));
      CHECK(on.first->bytes_sent() > 0);
    }
}

TEST_CASE("streams on ranks with devices") {
  const bdh::model m = hubs(2, true);
  const tests::running on(m, 2, device_sites);
  bdh::simulator first = on.simulator(m, {}), alone(m, bdh::cpu_engine(m));
  const auto second = first.new_stream();
  for (const int t : tests::random_tokens(4, 10, 3)) {
    bdh::stream_step steps[] = {{&first, static_cast<bdh::token_id>(t)}, {second.get(), 1}};
    bdh::step_streams(steps);
    CHECK(steps[0].failed == nullptr);
    CHECK(steps[1].failed == nullptr);
    alone.step(static_cast<bdh::token_id>(t));
    CHECK(tests::same_bits(first.logits(), alone.logits()));
  }
}

TEST_CASE("what a part of a device's neurons cannot do is refused") {
  const bdh::model m = hubs(3, true);
  const auto device = std::make_shared<tests::fake_device>();
  CHECK_THROWS_AS(bdh::gpu_engine(m, device, {.sites = 2, .site = 1}), bdh::unavailable_error);
  const tests::running on(m, 3, device_sites);
  bdh::simulator brain = on.simulator(m, {});
  brain.interventions().add(bdh::parse_intervention(m, "lesion 5"));
  CHECK_THROWS_AS(brain.step(1), bdh::unavailable_error);
}
