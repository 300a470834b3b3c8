// Streams of tokens side by side on a device, each compared with itself alone on the CPU.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>

#include "device/backend.hpp"
#include "device/support.hpp"
#include "support/models.hpp"

namespace tests {

struct streams {
  streams(const bdh::model& m, std::shared_ptr<bdh::gpu::device> on, std::size_t count,
          const bdh::simulator_options& options = {})
      : device(std::move(on)), like{device->exact()} {
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
      check_same_report(cpu.step(steps[i].token), steps[i].report, like);
      REQUIRE(like.values(cpu.logits(), mine.logits()));
      if (like.exact) CHECK(mine.choose({.temperature = 1}) == cpu.choose({.temperature = 1}));
    }
  }
  void check() const {
    for (std::size_t k = 0; k < all.size(); ++k) check_same_state(*alone[k], *all[k], like);
    CHECK(damage(*device) == "");
  }
  std::shared_ptr<bdh::gpu::device> device;
  likeness like;
  std::vector<std::unique_ptr<bdh::simulator>> all, alone;
};

inline bdh::model hub_model() {
  return as_graph(random_weights({.neurons_per_head = 70,
                                  .heads = 2,
                                  .hubs = 37,
                                  .vocabulary = 9,
                                  .layers = 2,
                                  .rotates = true},
                                 11),
                  "gpu-release");
}

}  // namespace tests
