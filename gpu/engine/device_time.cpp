#include "gpu/engine/device_time.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "gpu/device/launch_shape.hpp"

namespace bdh::gpu {
namespace {

// Processors, memory, rates and the clock that the peak of float32 implies (67 TFLOPS by 132
// processors of 128 units, two operations each): NVIDIA's data sheets of H100 SXM and H200 SXM.
// Cache: NVIDIA Hopper Architecture In-Depth (2022). Bytes of the cache a cycle (8,986 GB/s
// at 1.755 GHz) and latencies: PMC10448217, table 3, H100. An empty launch in a graph on an H100:
// Hazy Research, Look Ma, No Bubbles (2025).
constexpr std::array gpus{
    gpu_figures{.name = "h100",
                .processors = 132,
                .clock = 1.98e9,
                .memory = 80e9,
                .rate = 3.35e12,
                .cache = 50e6,
                .cache_rate = 5120,
                .latency = 400,
                .cache_latency = 200,
                .launch = 1.3e-6},
    gpu_figures{.name = "h200",
                .processors = 132,
                .clock = 1.98e9,
                .memory = 141e9,
                .rate = 4.8e12,
                .cache = 50e6,
                .cache_rate = 5120,
                .latency = 400,
                .cache_latency = 200,
                .launch = 1.3e-6},
};

// Arrays in the order in which they were last used. What was used since then decides whether an
// array is still in the cache.
class cached_arrays {
 public:
  explicit cached_arrays(double bytes) : bytes_(bytes) {}
  // Whether it is there. `dropped`: bytes that were written to it and went back to memory.
  bool use(const touched_array& a, double bytes, double& dropped) {
    const auto at = std::find_if(used_.begin(), used_.end(),
                                 [&](const entry& e) { return e.array == a.array; });
    bool there = false;
    entry now{a.array, bytes, a.written ? bytes : 0};
    if (at != used_.end()) {
      double since = std::max(at->bytes, bytes);
      for (auto later = at + 1; later != used_.end(); ++later) since += later->bytes;
      there = since <= bytes_;
      if (there) now.written = std::max(now.written, at->written);
      if (there) now.bytes = std::max(now.bytes, at->bytes);
      if (!there) dropped += at->written;
      used_.erase(at);
    }
    used_.push_back(now);
    return there;
  }

 private:
  struct entry {
    const void* array;
    double bytes, written;
  };
  double bytes_;
  std::vector<entry> used_;
};

void add(device_time& to, const launch_work& l, cached_arrays& cache, const gpu_figures& on,
         const time_assumptions& assumed) {
  double memory = 0, near = 0, cycles = l.cycles;
  for (const touched_array& a : l.arrays) {
    const double bytes = a.sectors();
    const bool there = cache.use(a, bytes, memory);
    (there ? near : memory) += bytes;
    cycles += a.waits * (there ? on.cache_latency : on.latency);
  }
  const double at_once =
      on.processors * least_blocks * (block_threads / static_cast<double>(l.threads));
  const double rounds = std::ceil(l.items / at_once);
  const double waiting = rounds * cycles / on.clock;
  const double moving =
      std::max(memory / (on.rate * assumed.reached),
               (memory + near) / (on.cache_rate * on.clock * assumed.cache_reached));
  const double exchanging = l.exchanges / (assumed.exchanges * on.processors * on.clock);
  to.launching += l.launches * on.launch;
  to.from_memory += memory;
  to.from_cache += near;
  const double longest = std::max({waiting, moving, exchanging});
  double& part = longest == moving ? to.moving : to.exchanging;
  (longest == waiting ? to.waiting : part) += longest;
}

}  // namespace

std::span<const gpu_figures> known_gpus() { return gpus; }

const gpu_figures* find_gpu(std::string_view name) {
  const auto at =
      std::find_if(gpus.begin(), gpus.end(), [&](const gpu_figures& g) { return name == g.name; });
  return at == gpus.end() ? nullptr : &*at;
}

device_time time_of(const token_work& work, const gpu_figures& on,
                    const time_assumptions& assumed) {
  cached_arrays cache(on.cache * assumed.cache_kept);
  device_time time;
  for (int token = 0; token < 2; ++token) {  // the first fills the cache
    time = {.launching = assumed.token};
    for (const launch_work& l : work.all) add(time, l, cache, on, assumed);
  }
  return time;
}

}  // namespace bdh::gpu
