// Every call of a device fails once: a device_error with the device's own text comes out, nothing
// stays allocated, and an engine that has failed is of use again after clear_synapses().
#include <memory>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>

#include "core/model/direct_form.hpp"
#include "core/simulation/engine.hpp"
#include "device/support.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

using tests::device_call;
using tests::fake_device;

constexpr auto all_calls = {device_call::allocation, device_call::launch, device_call::copy};

bdh::model hub_model() {
  return tests::as_graph(tests::random_weights({.neurons_per_head = 70,
                                                .heads = 2,
                                                .hubs = 20,
                                                .vocabulary = 9,
                                                .layers = 2,
                                                .rotates = true},
                                               11),
                         "gpu-release");
}

// All that a user does: reads, looks, probes, intervenes, saves, restores.
void use(bdh::simulator& brain) {
  brain.step(1);
  brain.step(2);
  brain.probes().add({{3, 5}, 2});
  brain.interventions().add(bdh::parse_intervention(brain.model(), "stimulate x:1-5 0.1 at 2"));
  if (brain.model().is_direct())
    brain.interventions().add(bdh::parse_intervention(brain.model(), "lesion synapses:3->4 at 2"));
  brain.step(3);
  brain.begin(4);
  while (brain.advance()) {
    brain.read(bdh::variable::a);
    brain.synapses(1, 6);
  }
  brain.finish();
  brain.restore(brain.save());
  brain.step(5);
}

// The message of the device_error that `work` throws; empty when it throws nothing.
template <class Work>
std::string message(Work work) {
  try {
    work();
  } catch (const bdh::device_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("whatever call fails, its error comes out and nothing stays allocated") {
  const bdh::model hub = hub_model(), direct = bdh::as_direct(hub).graph;
  for (const bdh::model* m : {&hub, &direct})
    for (const device_call kind : all_calls) {
      CAPTURE(m->is_direct());
      CAPTURE(static_cast<int>(kind));
      std::size_t failures = 0;
      for (std::size_t n = 0;; ++n) {
        CAPTURE(n);
        const auto device = tests::fresh_fake_device();
        device->fail_at(kind, n);
        const std::string text = message([&] {
          bdh::simulator brain(*m, bdh::gpu_engine(*m, device));
          use(brain);
        });
        CHECK(device->allocations() == 0);
        CHECK(device->damage() == "");
        if (text.empty()) {
          CHECK(device->calls(kind) <= n);  // there is no such call any more
          break;
        }
        ++failures;
        REQUIRE(text.starts_with("fake device: "));
        REQUIRE(text.find("injected fault") != std::string::npos);
      }
      // A model is one allocation; lists of interventions, whose length is not known before, make
      // others.
      const int allocations = m->is_direct() ? 3 : 2;
      CHECK(failures >= (kind == device_call::allocation ? allocations : 10));
    }
}

TEST_CASE("after a failure the engine begins again, to the same bits") {
  const bdh::model m = hub_model();
  for (const device_call kind : {device_call::launch, device_call::copy})
    for (std::size_t n = 0; n < 40; n += 7) {
      CAPTURE(n);
      const auto device = tests::fresh_fake_device();
      bdh::simulator gpu(m, bdh::gpu_engine(m, device));
      device->fail_at(kind, n);
      CHECK(message([&] { use(gpu); }) != "");
      if (gpu.in_token()) CHECK_THROWS_AS(gpu.step(1), bdh::error);
      gpu.clear_synapses();
      bdh::simulator cpu(m, bdh::cpu_engine(m));
      while (!gpu.interventions().empty())
        gpu.interventions().remove(gpu.interventions().begin()->first);
      if (gpu.probes().size() != 0) cpu.probes().add(gpu.probes().what(0));
      tests::check_same_run(cpu, gpu, {1, 2, 3, 4});
      CHECK(device->damage() == "");
    }
}

TEST_CASE("arrays may be allocations of their own: the bits are the same") {
  const bdh::model hub = hub_model(), direct = bdh::as_direct(hub).graph;
  for (const bdh::model* m : {&hub, &direct}) {
    const auto device = tests::fresh_fake_device();
    device->separate_arrays();
    {
      bdh::simulator gpu(*m, bdh::gpu_engine(*m, device)), cpu(*m, bdh::cpu_engine(*m));
      CHECK(device->allocations() >= bdh::gpu_memory(*m).size() - 1);  // and the workspace
      const auto second = gpu.new_stream();
      use(gpu);
      use(cpu);
      tests::check_same_run(cpu, gpu, {1, 2, 3, 4});
      CHECK(second->step(1).position == 0);
      CHECK(device->damage() == "");
    }
    CHECK(device->allocations() == 0);
    for (std::size_t n = 0; n < 40; n += 7) {
      device->fail_at(device_call::allocation, n);
      CHECK_THROWS_AS(bdh::gpu_engine(*m, device), bdh::device_error);
      CHECK(device->allocations() == 0);
    }
  }
}

TEST_CASE("a token is recorded once; then it costs one launch and one copy each way") {
  const bdh::model hub = hub_model(), direct = bdh::as_direct(hub).graph;
  for (const bdh::model* m : {&hub, &direct}) {
    const auto device = tests::fresh_fake_device();
    bdh::simulator brain(*m, bdh::gpu_engine(*m, device), {.surprisals = false});
    brain.step(0);
    CHECK(device->replays() == 1);
    const auto no_failure = ~std::size_t{0};
    for (const device_call kind : all_calls) device->fail_at(kind, no_failure);
    for (bdh::token_id t = 0; t < 5; ++t) brain.step(t);
    CHECK(device->replays() == 6);
    CHECK(device->calls(device_call::launch) == 5);
    CHECK(device->calls(device_call::copy) == 10);
    CHECK(device->calls(device_call::allocation) == 0);
    brain.interventions().add(bdh::parse_intervention(*m, "silence x:1"));
    brain.step(1);
    CHECK(device->replays() == 6);  // what acts is not put off
  }
}

TEST_CASE("a token is generated, and judged, without its logits coming down") {
  const bdh::model m =
      tests::as_graph(tests::random_weights({.vocabulary = 5000}, 12), "gpu-release");
  const auto device = tests::fresh_fake_device();
  bdh::simulator brain(m, bdh::gpu_engine(m, device));
  brain.step(0);
  const std::size_t before = device->downloaded();
  for (const bdh::sampling& how :
       {bdh::sampling{}, {.temperature = 1}, {.temperature = 0.7, .top_k = 40}}) {
    const bdh::token_id next = brain.choose(how);
    brain.loss(next);
    brain.step(next);
    brain.loss(17);
  }
  CHECK(device->downloaded() - before < 3 * 300);
  brain.logits();
  CHECK(device->downloaded() - before > 5000 * sizeof(float));
  for (std::size_t n = 0; n < 4; ++n) {
    device->fail_at(device_call::launch, n);
    CHECK(message([&] { brain.choose({.temperature = 1, .top_k = 3}); }).find("injected fault") !=
          std::string::npos);
    brain.clear_synapses();
    brain.step(1);
  }
}

TEST_CASE("a model that does not fit is refused with numbers, before anything is allocated") {
  const bdh::model m = hub_model();
  std::size_t needed = 0;
  for (const bdh::gpu::memory_use& use : bdh::gpu_memory(m)) needed += use.bytes;
  CHECK(needed > m.bytes() + m.synapse_bytes());
  const auto small = tests::fresh_fake_device(tests::item_order::ascending, needed - 1);
  const std::string text = message([&] { bdh::gpu_engine(m, small); });
  CAPTURE(text);
  CHECK(text.starts_with("memory of fake device: " + std::to_string(needed - 1) +
                         " bytes free, expected "));
  CHECK(text.find("most of it: ") != std::string::npos);
  CHECK(small->calls(device_call::allocation) == 0);
  const auto enough =
      tests::fresh_fake_device(tests::item_order::ascending,
                               needed + 4 * m.neurons());  // its compaction needs some workspace
  CHECK(message([&] { bdh::gpu_engine(m, enough)->present(0, 0); }) == "");
  CHECK(enough->calls(device_call::allocation) == 1);
  CHECK(enough->allocations() == 0);
}

TEST_CASE("the fake device reports what is wrong") {
  fake_device device(1000);
  auto* memory = static_cast<float*>(device.allocate(8, "two floats"));
  CHECK(memory[0] != memory[0]);  // fresh memory is NaN
  float two[] = {1, 2};
  CHECK_THROWS_WITH(device.upload(memory + 1, two, 8), "a copy past the end of two floats");
  CHECK(device.damage() == "");
  device.divide(memory, 4, "one float");
  CHECK_THROWS_WITH(device.upload(memory, two, 8), "a copy past the end of one float");
  CHECK(device.damage() == "");
  memory[1] = 0;
  CHECK(device.damage() == "one float");
  device.release(memory);
  CHECK(device.damage() == "one float");
  CHECK_THROWS_WITH_AS(device.allocate(1001, "too much"),
                       "fake device: memory for too much: out of memory", bdh::device_error);
}
