// Whether a device computes what the CPU engine computes, and how fast: for users, on models made
// here and on those they have.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "gpu/device/device.hpp"

namespace bdh {

struct agreement {
  std::string model;
  std::uint64_t tokens = 0;
  bool exact = true;  // the device says that its arithmetic is the CPU's
  bool same_bits = true,
       same = true;  // same: counts, choices and clocks; required of an exact device
  double difference =
      0;  // largest, of logits and synapses, relative to the largest value; NaN counts as infinite
  bool passed() const noexcept {
    return exact ? same_bits && same : difference <= gpu::contracted_tolerance;
  }
};

// Both engines read `tokens` random tokens; half of them as they come, half with a probe,
// interventions and after a restore.
agreement compare_with_cpu(const model& m, const std::string& name, std::shared_ptr<gpu::device> on,
                           std::uint64_t tokens);

// The same of random models: through hubs and with explicit edges, rotating, with several heads;
// and streams that are read together. Calls `report` after each.
std::vector<agreement> self_test(std::shared_ptr<gpu::device> on,
                                 const std::function<void(const agreement&)>& report = {});

// Bytes per second, two thirds of them read, while X is made of its drive in `bytes` of memory.
double stream_bandwidth(gpu::device& on, std::size_t bytes);

double tokens_per_second(const model& m, std::shared_ptr<gpu::device> on, std::uint64_t tokens);

}  // namespace bdh
