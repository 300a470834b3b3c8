// Streams of tokens side by side on a device: one upload of the model, launches that do an item for
// every stream, and the bits of each stream alone.
#include <memory>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>

#include "core/model/direct_form.hpp"
#include "device/scale_free.hpp"
#include "device/support.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

using tests::device_call;
using tests::fake_device;
using tests::item_order;

struct streams {
  streams(const bdh::model& m, std::shared_ptr<fake_device> on, std::size_t count,
          const bdh::simulator_options& options = {})
      : device(std::move(on)) {
    all.push_back(std::make_unique<bdh::simulator>(m, bdh::gpu_engine(m, device), options));
    while (all.size() < count) all.push_back(all.front()->new_stream());
    for (std::size_t k = 0; k < count; ++k)
      alone.push_back(std::make_unique<bdh::simulator>(m, bdh::cpu_engine(m)));
  }
  // Stream k reads token (first + k * k) mod the vocabulary, if it takes part; each is compared
  // with the CPU's.
  void read(bdh::token_id first, const std::vector<std::size_t>& which) {
    std::vector<bdh::stream_step> steps;
    for (std::size_t k : which)
      steps.push_back({all[k].get(), static_cast<bdh::token_id>((first + k * k) %
                                                                all[k]->model().sensory_nodes())});
    bdh::step_streams(steps);
    for (std::size_t i = 0; i < which.size(); ++i) {
      CAPTURE(which[i]);
      REQUIRE_FALSE(steps[i].failed);
      bdh::simulator &mine = *all[which[i]], &cpu = *alone[which[i]];
      tests::check_same_report(cpu.step(steps[i].token), steps[i].report);
      REQUIRE(tests::likeness{}.values(cpu.logits(), mine.logits()));
      CHECK(mine.choose({.temperature = 1}) == cpu.choose({.temperature = 1}));
    }
  }
  void check() const {
    for (std::size_t k = 0; k < all.size(); ++k) tests::check_same_state(*alone[k], *all[k]);
    CHECK(device->damage() == "");
  }
  std::shared_ptr<fake_device> device;
  std::vector<std::unique_ptr<bdh::simulator>> all, alone;
};

bdh::model hub_model() {
  return tests::as_graph(tests::random_weights({.neurons_per_head = 70,
                                                .heads = 2,
                                                .hubs = 37,
                                                .vocabulary = 9,
                                                .layers = 2,
                                                .rotates = true},
                                               11),
                         "gpu-release");
}

}  // namespace

TEST_CASE("streams that come and go: the bits of each alone") {
  const bdh::model hubs = hub_model(), direct = bdh::as_direct(hubs).graph,
                   tailed = tests::scale_free({.neurons = 1500});
  for (const bdh::model* m : {&hubs, &direct, &tailed})
    for (const auto order :
         {item_order::ascending, item_order::descending, item_order::scattered}) {
      streams all(*m, std::make_shared<fake_device>(std::size_t{1} << 32, order), 5);
      for (bdh::token_id t = 0; t < 3; ++t) all.read(t, {0, 1, 2, 3, 4});
      all.read(3, {3, 1});
      all.read(1, {2});
      all.read(4, {4, 2, 0});
      all.all[2]->clear_synapses();
      all.alone[2]->clear_synapses();
      all.read(2, {0, 1, 2, 3, 4});
      all.all[1]->restore(all.alone[3]->save());
      all.alone[1]->restore(all.all[3]->save());
      all.read(5, {0, 1, 2, 3, 4});
      all.check();
    }
}

TEST_CASE("streams with an observer or an intervention go on by themselves, among the others") {
  const bdh::model hubs = hub_model(), direct = bdh::as_direct(hubs).graph;
  for (const bdh::model* m : {&hubs, &direct}) {
    streams all(*m, std::make_shared<fake_device>(), 4);
    all.read(1, {0, 1, 2, 3});
    for (auto* some : {&all.all, &all.alone}) {
      (*some)[1]->interventions().add(bdh::parse_intervention(*m, "stimulate x:1-5 0.1 from 1"));
      (*some)[2]->interventions().add(bdh::parse_intervention(
          *m, m->is_direct() ? "lesion synapses:3->4 at 2" : "silence x:7 at 2"));
    }
    for (bdh::token_id t = 2; t < 5; ++t) all.read(t, {0, 1, 2, 3});
    for (auto* some : {&all.all, &all.alone}) (*some)[3]->probes().add({{3, 5}, 2});
    for (bdh::token_id t = 5; t < 8; ++t) all.read(t, {0, 1, 2, 3});
    all.check();
  }
}

TEST_CASE("the model is uploaded once, a token of all streams is one launch") {
  const bdh::model m = hub_model();
  streams all(m, std::make_shared<fake_device>(), 2, {.surprisals = false});
  const std::size_t uploaded = all.device->uploaded(), allocations = all.device->allocations();
  CHECK(allocations == 2);
  CHECK(all.all[1]->state_bytes() < m.bytes() / 2 + 3 * m.synapse_bytes());
  all.all.push_back(all.all[0]->new_stream());
  all.alone.push_back(std::make_unique<bdh::simulator>(m, bdh::cpu_engine(m)));
  CHECK(all.device->uploaded() - uploaded < 100);
  all.read(0, {0, 1, 2});
  all.device->fail_at(device_call::launch, ~std::size_t{0});
  std::vector<bdh::stream_step> steps{
      {all.all[0].get(), 1}, {all.all[1].get(), 2}, {all.all[2].get(), 3}};
  bdh::step_streams(steps);
  CHECK(all.device->calls(device_call::launch) == 1);
  // The first may go: the others keep the model.
  all.all.erase(all.all.begin());
  all.alone.erase(all.alone.begin());
  bdh::stream_step alone[] = {{all.all[0].get(), 1}, {all.all[1].get(), 2}};
  bdh::step_streams(alone);
  for (const bdh::stream_step& s : alone) CHECK_FALSE(s.failed);
  all.all.clear();
  CHECK(all.device->allocations() == 0);
}

TEST_CASE(
    "whatever fails while streams go together is reported by all of them, and they begin again") {
  const bdh::model m = hub_model();
  for (const device_call kind : {device_call::allocation, device_call::launch, device_call::copy})
    for (std::size_t n = 0; n < 90; n += kind == device_call::allocation ? 1 : 6) {
      CAPTURE(n);
      streams all(m, std::make_shared<fake_device>(), 3);
      all.device->fail_at(kind, n);
      std::vector<bdh::stream_step> steps{
          {all.all[0].get(), 1}, {all.all[1].get(), 2}, {all.all[2].get(), 3}};
      bdh::step_streams(steps);
      bool some = false;
      for (const bdh::stream_step& s : steps)
        if (s.failed) {
          some = true;
          CHECK_THROWS_AS(std::rethrow_exception(s.failed), bdh::device_error);
        }
      if (!some) {
        CHECK(all.device->calls(kind) <= n);
        break;
      }
      for (auto& stream : all.all) stream->clear_synapses();
      all.device->fail_at(kind, ~std::size_t{0});
      all.read(2, {0, 1, 2});
      all.check();
    }
}
