// What a model of time says that programs touch is what nvcc's kernels touch.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <bdh/gpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "core/model/direct_form.hpp"
#include "gpu/engine/token_work.hpp"
#include "ptx/ptx_device.hpp"
#include "support/models.hpp"

namespace {

// One layer, so that its activity is the mean.
std::vector<std::pair<std::string, bdh::model>> models() {
  std::vector<std::pair<std::string, bdh::model>> all;
  const auto hubs = [](int neurons, int heads, bool rotates) {
    return tests::random_weights(
        {.neurons_per_head = neurons, .heads = heads, .hubs = 40, .layers = 1, .rotates = rotates},
        3);
  };
  all.emplace_back("hubs", tests::as_graph(hubs(320, 2, true), "gpu-release"));
  all.emplace_back("bfloat16", tests::as_graph(hubs(320, 2, true), "gpu-release").in_bfloat16());
  all.emplace_back("at rest", tests::as_graph(hubs(320, 1, false), "bdh"));
  all.emplace_back("pool", bdh::as_direct(tests::as_graph(hubs(96, 2, true), "gpu-release")).graph);
  const auto graph = tests::random_circuits({.neurons = 400, .layers = 1, .degree = 20}, 4);
  all.emplace_back("graph", tests::as_direct_graph(graph, "bdh", nullptr, false));
  return all;
}

}  // namespace

TEST_CASE("what a token touches is what a model of its time says") {
  for (const auto& of : models()) {
    const auto& name = of.first;
    const bdh::model& m = of.second;
    CAPTURE(name);
    const auto device = tests::fresh_fake_device();
    bdh::simulator brain(m, bdh::gpu_engine(m, device), {.surprisals = false});
    for (bdh::token_id t = 0; t < 3; ++t) brain.step(t);
    std::vector<tests::ptx_device::touch> found;
    dynamic_cast<tests::ptx_device&>(*device).note_touched(&found);
    const bdh::step_report report = brain.step(3);
    const double n = m.neurons();
    const bdh::gpu::token_work work =
        bdh::gpu::work_of_token(m, {report.active_x[0] / n, report.active_y[0] / n});
    std::size_t k = 0;
    double all = 0, expected = 0;
    for (const bdh::gpu::launch_work& l : work.all) {
      if (l.program >= bdh::gpu::launch_work::clearing) continue;
      REQUIRE(k < found.size());
      const tests::ptx_device::touch& measured = found[k++];
      CAPTURE(measured.kernel);
      const auto bytes = static_cast<double>(measured.bytes);
      CHECK(l.bytes() == doctest::Approx(bytes).epsilon(0.1).scale(1000));
      all += bytes;
      expected += l.bytes();
    }
    CHECK(k == found.size());
    CHECK(expected == doctest::Approx(all).epsilon(0.02));
  }
}
