// What a token costs a device is counted without one: the same launches, in the same order, over as
// many items, and the same copies as a device sees that runs them. And times that follow from it.
#include "gpu/engine/token_work.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <bdh/gpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "core/model/direct_form.hpp"
#include "gpu/engine/device_time.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

namespace gpu = bdh::gpu;

struct call {
  int kind;
  std::size_t program, items, bytes;  // items: the most of a launch, values of a compaction
  bool operator==(const call&) const = default;
};

// The device that is the host, with a list of what it does.
class listing_device final : public tests::fake_device {
 public:
  std::vector<call> done;
  std::vector<double> items;  // of each launch, as the lists are

 private:
  void execute(const operation& o) override {
    const std::size_t most = o.kind == operation::compact ? o.compaction.n : o.items.most;
    done.push_back(
        {o.kind, o.program, most, o.kind == operation::run ? o.arguments.size() : o.bytes});
    items.push_back(o.items.count ? (*o.items.count + o.items.per_item - 1) / o.items.per_item
                                  : o.items.most);
    fake_device::execute(o);
  }
};

std::vector<call> calls_of(const gpu::operations& all) {
  std::vector<call> calls;
  for (const gpu::operation& o : all)
    calls.push_back({o.kind, o.program,
                     o.kind == gpu::operation::compact ? o.compacted.n : o.items.most,
                     o.kind == gpu::operation::run ? o.arguments.size() : o.bytes});
  return calls;
}

std::map<std::string, bdh::model> models() {
  std::map<std::string, bdh::model> all;
  const tests::shape hubs{.neurons_per_head = 320, .heads = 2, .hubs = 40};
  all.emplace("hubs", tests::as_graph(tests::random_weights(hubs, 3), "gpu-release"));
  all.emplace("one angle", tests::as_graph(tests::random_weights({.rotates = false}, 3), "bdh"));
  // 4,160 neurons: 65 blocks, two launches of their tree
  all.emplace("tree",
              tests::as_graph(tests::random_weights({.neurons_per_head = 4160}, 5), "gpu-release"));
  all.emplace("sparse", tests::as_sparse_graph(tests::random_weights({}, 3), "gpu-release"));
  all.emplace("pool",
              bdh::as_direct(tests::as_graph(tests::random_weights({}, 3), "gpu-release")).graph);
  const auto graph = tests::random_circuits({.neurons = 200, .degree = 30}, 4);
  all.emplace("graph", tests::as_direct_graph(graph, "bdh", nullptr, false));
  all.emplace(
      "bfloat16",
      bdh::model(tests::as_graph(tests::random_weights({}, 3), "gpu-release")).in_bfloat16());
  return all;
}

}  // namespace

TEST_CASE("launches and copies of a token are those that a device sees") {
  for (const auto& of : models()) {
    const auto& name = of.first;
    const bdh::model& m = of.second;
    CAPTURE(name);
    const auto device = std::make_shared<listing_device>();
    bdh::simulator brain(m, bdh::gpu_engine(m, device), {.surprisals = false});
    for (bdh::token_id t = 0; t < 3; ++t) {
      device->done.clear();
      brain.step(t);
    }
    CHECK(calls_of(gpu::operations_of_token(m)) == device->done);
    const std::size_t uploaded = device->uploaded(), downloaded = device->downloaded();
    device->done.clear();
    brain.step(1);
    const gpu::token_work work = gpu::work_of_token(m, {.x = 0.2, .y = 0.05});
    CHECK(work.copies == 2);
    CHECK(work.uploaded == device->uploaded() - uploaded);
    CHECK(work.downloaded == device->downloaded() - downloaded);
    double launches = 0;
    for (const call& c : device->done) launches += c.kind == 1 ? 2 : 1;  // compactions: two
    CHECK(work.launches() == launches);
  }
}

TEST_CASE("expected items are those of the lists, where activity is as expected") {
  for (const auto& of : models()) {
    const auto& name = of.first;
    const bdh::model& m = of.second;
    CAPTURE(name);
    const auto device = std::make_shared<listing_device>();
    bdh::simulator brain(m, bdh::gpu_engine(m, device), {.surprisals = false});
    brain.step(0);  // what is cleared once
    std::vector<double> items;
    gpu::expected_activity activity;
    constexpr int tokens = 40;
    for (int t = 0; t < tokens; ++t) {
      device->items.clear();
      const bdh::step_report report = brain.step(static_cast<bdh::token_id>(t % 7));
      items.resize(device->items.size());
      for (std::size_t k = 0; k < items.size(); ++k) items[k] += device->items[k] / tokens;
      for (std::size_t l = 0; l < report.active_x.size(); ++l) {
        activity.x += report.active_x[l] / (1.0 * tokens * m.layers() * m.neurons());
        activity.y += report.active_y[l] / (1.0 * tokens * m.layers() * m.neurons());
      }
    }
    const gpu::token_work work = gpu::work_of_token(m, activity);
    REQUIRE(work.all.size() == items.size());
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (work.all[k].program >= gpu::launch_work::clearing) continue;
      CAPTURE(k);
      CAPTURE(work.all[k].program);
      // Layers differ from their mean.
      CHECK(work.all[k].items == doctest::Approx(items[k]).epsilon(0.35));
    }
  }
}

TEST_CASE("time follows from launches, waits, bytes and the figures of a GPU") {
  const gpu::gpu_figures& h100 = *gpu::find_gpu("h100");
  CHECK(gpu::find_gpu("h1000") == nullptr);
  const gpu::time_assumptions assumed{.token = 0};
  const auto time_of = [&](const gpu::launch_work& l) {
    return gpu::time_of({.all = {l}}, h100, assumed);
  };
  const float array[2] = {};
  gpu::launch_work l{.items = 1};
  CHECK(time_of(l).seconds() == doctest::Approx(1.3e-6));
  // 198 waits for the cache, of one item, and as long for 132 x 3 x 32 items; two turns for one
  // more
  l.arrays = {{.array = &array[0], .bytes = 100, .waits = 198}};
  CHECK(time_of(l).waiting == doctest::Approx(198 * 200 / 1.98e9));
  l.items = 132 * 3 * 32;
  CHECK(time_of(l).waiting == doctest::Approx(198 * 200 / 1.98e9));
  ++l.items;
  CHECK(time_of(l).waiting == doctest::Approx(2 * 198 * 200 / 1.98e9));
  // More than the cache holds comes from memory, and goes there if it is written.
  l.arrays = {{.array = &array[0], .bytes = 1e9}};
  CHECK(time_of(l).moving == doctest::Approx(1e9 / (0.9 * 3.35e12)));
  CHECK(time_of(l).from_memory == 1e9);
  l.arrays[0].written = true;
  CHECK(time_of(l).from_memory == 2e9);
  l.arrays = {{.array = &array[0], .bytes = 3e7}};
  CHECK(time_of(l).from_memory == 0);
  l.arrays.push_back({.array = &array[1], .bytes = 3e7});
  CHECK(time_of(l).from_memory == 6e7);
  CHECK(time_of(l).waiting == 0);
  // Single values of a large array take a sector each, all of them no more than the array.
  const gpu::touched_array one{.array = array, .bytes = 4, .element = 4, .spread_over = 4e6};
  CHECK(one.sectors() == doctest::Approx(32).epsilon(0.001));
  const gpu::touched_array every{.array = array, .bytes = 4e6, .element = 4, .spread_over = 4e6};
  CHECK(every.sectors() == doctest::Approx(4e6));
}
