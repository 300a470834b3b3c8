#include "gpu/engine/device_check.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>

#include "core/base/random.hpp"
#include "core/model/direct_form.hpp"
#include "gpu/device/buffer.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t seed = 1;

// Normal weights of the given deviation.
projection random_projection(std::string name, const population& source, const population& target,
                             major rows, double deviation, std::uint64_t stream) {
  array<float> weights(std::size_t{source.size} * target.size);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(deviation * normal(seed, purpose::calibration, i, stream));
  return projection::dense(std::move(name), source, target, rows, std::move(weights));
}

model random_hub_model(head_id heads, neuron_id neurons, neuron_id hubs, bool rotates) {
  const population all{"neurons", neurons}, pool{"hubs", hubs}, in{"sensory", 61},
      out{"readout", 61};
  const double scale = 1 / std::sqrt(static_cast<double>(hubs));
  model_spec p;
  p.layers = 3;
  p.heads = heads;
  p.circuits.e = random_projection("e", all, pool, major::source, 0.3, 1);
  p.circuits.sensory = random_projection("sensory", in, pool, major::source, 0.5, 2);
  p.circuits.dx = random_projection("dx", pool, all, major::target, scale, 3);
  p.circuits.dy = random_projection("dy", pool, all, major::target, scale, 4);
  p.circuits.readout = random_projection("readout", pool, out, major::target, scale, 5);
  if (rotates) p.rotation = rotation::geometric(65536, neurons / heads);
  p.retention = rotates ? 0.98 : 1;
  return model(std::move(p));
}

token_id random_token(const model& m, std::uint64_t t) {
  return static_cast<token_id>(uniform(seed, purpose::calibration, t, 99) * m.sensory_nodes());
}

template <class Float>
void compare(std::span<const Float> a, std::span<const Float> b, agreement& result) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double{a[i]} - double{b[i]});
    difference = std::max(difference, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
    largest = std::max(largest, std::abs(double{a[i]}));
  }
  result.same_bits &= std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
  if (difference != 0) result.difference = std::max(result.difference, difference / largest);
}

void compare_reports(const step_report& a, const step_report& b, agreement& result) {
  result.same &= a.active_x == b.active_x && a.active_y == b.active_y &&
                 a.synaptic_events == b.synaptic_events && a.hebbian_writes == b.hebbian_writes;
  ++result.tokens;
}

void compare_states(const simulator& a, const simulator& b, agreement& result) {
  const run_state left = a.save(), right = b.save();
  for (std::size_t l = 0; l < left.layers.size(); ++l) {
    compare<float>(left.layers[l].strengths(), right.layers[l].strengths(), result);
    result.same &= left.layers[l].clock() == right.layers[l].clock() &&
                   std::equal(left.layers[l].last_used().begin(), left.layers[l].last_used().end(),
                              right.layers[l].last_used().begin());
  }
}

void read(simulator& a, simulator& b, std::uint64_t tokens, agreement& result) {
  const sampling how{.temperature = 1, .top_k = 20, .seed = seed};
  for (std::uint64_t t = 0; t < tokens; ++t) {
    const step_report left = a.step(random_token(a.model(), a.tokens()));
    compare_reports(left, b.step(random_token(b.model(), b.tokens())), result);
    if (a.model().readout_nodes() == 0) continue;
    const token_id chosen = a.choose(how);
    result.same &= b.choose(how) == chosen && a.loss(chosen) == b.loss(chosen);
    compare<float>(a.logits(), b.logits(), result);
  }
  compare_states(a, b, result);
}

// Three streams that a device reads together, each against the CPU alone.
agreement compare_streams(const model& m, const std::string& name, std::shared_ptr<gpu::device> on,
                          std::uint64_t tokens) {
  agreement result{.model = name, .exact = on->exact()};
  simulator first(m, gpu_engine(m, std::move(on)));
  const auto second = first.new_stream(), third = first.new_stream();
  simulator* const streams[] = {&first, second.get(), third.get()};
  std::vector<simulator> alone;
  for (std::size_t k = 0; k < std::size(streams); ++k) alone.emplace_back(m, cpu_engine(m));
  for (std::uint64_t t = 0; t < tokens; ++t) {
    std::vector<stream_step> steps;
    for (std::size_t k = 0; k < std::size(streams); ++k)
      steps.push_back({streams[k], random_token(m, 3 * t + k)});
    step_streams(steps);
    for (std::size_t k = 0; k < std::size(streams); ++k) {
      if (steps[k].failed) std::rethrow_exception(steps[k].failed);
      compare_reports(alone[k].step(steps[k].token), steps[k].report, result);
      compare<float>(alone[k].logits(), streams[k]->logits(), result);
    }
  }
  for (std::size_t k = 0; k < std::size(streams); ++k)
    compare_states(alone[k], *streams[k], result);
  return result;
}

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

agreement compare_with_cpu(const model& m, const std::string& name, std::shared_ptr<gpu::device> on,
                           std::uint64_t tokens) {
  agreement result{.model = name, .exact = on->exact()};
  simulator cpu(m, cpu_engine(m)), device(m, gpu_engine(m, std::move(on)));
  read(cpu, device, tokens / 2, result);
  // Each goes on from what the other has saved.
  const run_state from_cpu = cpu.save(), from_device = device.save();
  cpu.restore(from_device);
  device.restore(from_cpu);
  for (simulator* brain : {&cpu, &device}) {
    brain->probes().add({{1, 2}, 1});
    brain->interventions().add(parse_intervention(m, "silence x:0-9"));
    brain->interventions().add(parse_intervention(m, "stimulate y:10-19 0.1"));
  }
  read(cpu, device, tokens - tokens / 2, result);
  result.same &= cpu.probes().strength(0) == device.probes().strength(0);
  return result;
}

std::vector<agreement> self_test(std::shared_ptr<gpu::device> on,
                                 const std::function<void(const agreement&)>& report) {
  std::vector<agreement> all;
  const auto add = [&](agreement found) {
    all.push_back(std::move(found));
    if (report) report(all.back());
  };
  const auto test = [&](const model& m, const std::string& name) {
    add(compare_with_cpu(m, name, on, 24));
  };
  for (const auto& [heads, neurons, hubs, rotates] :
       {std::tuple{1u, 500u, 64u, false}, std::tuple{4u, 4096u, 128u, true},
        std::tuple{3u, 630u, 37u, true}}) {
    const std::string size = std::to_string(neurons) + " neurons, " + std::to_string(heads) +
                             " heads" + (rotates ? ", rotating" : "");
    const model hubs_only = random_hub_model(heads, neurons, hubs, rotates);
    test(hubs_only, size + ", through hubs");
    if (neurons < 1000) {
      const model direct = as_direct(hubs_only).graph;
      test(direct, size + ", explicit edges");
      add(compare_streams(hubs_only, size + ", through hubs, streams together", on, 8));
      add(compare_streams(direct, size + ", explicit edges, streams together", on, 8));
    }
  }
  return all;
}

double stream_bandwidth(gpu::device& on, std::size_t bytes) {
  const auto n = static_cast<gpu::index>(
      std::min<std::size_t>(bytes / (2 * sizeof(float)), gpu::index{1} << 31));
  gpu::buffer<float> drive, x;
  gpu::buffer<gpu::fault_slot> slots;
  gpu::memory_plan memory;
  memory.add(drive, n, "drive");
  memory.add(x, n, "X");
  memory.add(slots, 1, "faults");
  const gpu::allocation all = gpu::allocate({&memory}, on, "measuring the bandwidth");
  drive.clear();
  x.clear();
  // X += (drive)_+ reads two arrays and writes one; the sums of silence are finite, so that no slot
  // is used.
  const gpu::fire_x program{.drive = drive.data(),
                            .x = x.data(),
                            .n = n,
                            .accumulate = true,
                            .log = {.slots = slots.data(), .any = nullptr},
                            .check = 1};
  const auto pass = [&] { gpu::launch(on, program, {gpu::items_for(n)}); };
  pass();
  on.synchronize();
  constexpr int passes = 10;
  const double time = seconds([&] {
    for (int i = 0; i < passes; ++i) pass();
    on.synchronize();
  });
  return passes * 3.0 * sizeof(float) * n / time;
}

double tokens_per_second(const model& m, std::shared_ptr<gpu::device> on, std::uint64_t tokens) {
  simulator brain(m, gpu_engine(m, std::move(on)), {.surprisals = false});
  for (std::uint64_t t = 0; t < 4; ++t) brain.step(random_token(m, t));
  return static_cast<double>(tokens) / seconds([&] {
           for (std::uint64_t t = 0; t < tokens; ++t) brain.step(random_token(m, t));
         });
}

}  // namespace bdh
