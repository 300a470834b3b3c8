// Streams of tokens side by side on a device: one upload of the model, launches that do an item for
// every stream, and what fails.
#include <memory>
#include <vector>

#include <bdh/error.hpp>

#include "device/stream_support.hpp"
#include "support/fake_device.hpp"

using tests::device_call;
using tests::hub_model;
using tests::streams;

TEST_CASE("the model is uploaded once, a token of all streams is one launch") {
  const bdh::model m = hub_model();
  const auto device = tests::fresh_fake_device();
  streams all(m, device, 2, {.surprisals = false});
  const std::size_t uploaded = device->uploaded(), allocations = device->allocations();
  CHECK(allocations == 2);
  CHECK(all.all[1]->state_bytes() < m.bytes() / 2 + 3 * m.synapse_bytes());
  all.all.push_back(all.all[0]->new_stream());
  all.alone.push_back(std::make_unique<bdh::simulator>(m, bdh::cpu_engine(m)));
  CHECK(device->uploaded() - uploaded < 100);
  all.read(0, {0, 1, 2});
  device->fail_at(device_call::launch, ~std::size_t{0});
  std::vector<bdh::stream_step> steps{
      {all.all[0].get(), 1}, {all.all[1].get(), 2}, {all.all[2].get(), 3}};
  bdh::step_streams(steps);
  CHECK(device->calls(device_call::launch) == 1);
  // The first may go: the others keep the model.
  all.all.erase(all.all.begin());
  all.alone.erase(all.alone.begin());
  bdh::stream_step alone[] = {{all.all[0].get(), 1}, {all.all[1].get(), 2}};
  bdh::step_streams(alone);
  for (const bdh::stream_step& s : alone) CHECK_FALSE(s.failed);
  all.all.clear();
  CHECK(device->allocations() == 0);
}

TEST_CASE(
    "whatever fails while streams go together is reported by all of them, and they begin again") {
  const bdh::model m = hub_model();
  for (const device_call kind : {device_call::allocation, device_call::launch, device_call::copy})
    for (std::size_t n = 0; n < 90; n += kind == device_call::allocation ? 1 : 6) {
      CAPTURE(n);
      const auto device = tests::fresh_fake_device();
      streams all(m, device, 3);
      device->fail_at(kind, n);
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
        CHECK(device->calls(kind) <= n);
        break;
      }
      for (auto& stream : all.all) stream->clear_synapses();
      device->fail_at(kind, ~std::size_t{0});
      all.read(2, {0, 1, 2});
      all.check();
    }
}
