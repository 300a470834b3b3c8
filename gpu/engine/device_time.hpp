// How long a token would take on a GPU, from what the engine launches for it (token_work.hpp) and
// from published figures of the GPU: a prediction, which no measurement has judged so far. The
// model is in docs/gpu.md.
#pragma once

#include <span>
#include <string_view>

#include "gpu/engine/token_work.hpp"

namespace bdh::gpu {

// Figures with their sources in device_time.cpp.
struct gpu_figures {
  const char* name;
  double processors, clock;       // clock: cycles/s
  double memory, rate;            // bytes; bytes/s
  double cache, cache_rate;       // bytes; bytes/cycle
  double latency, cache_latency;  // cycles until a load is there, of memory and of the cache
  double launch;                  // s of a launch in a graph, empty
};
std::span<const gpu_figures> known_gpus();
const gpu_figures* find_gpu(std::string_view name);  // null: not known

// What has no source: assumptions, for every GPU.
struct time_assumptions {
  double reached = 0.9, cache_reached = 0.6;  // of the rates
  double token = 12e-6;     // s around the launches: start of a graph, two small copies, a wait
  double cache_kept = 0.8;  // of the cache holds what is used again
  double exchanges = 1;     // of a warp, a cycle, on a processor
};

// Seconds of a token, by what the longest part of each launch is.
struct device_time {
  double launching = 0;   // launches that are empty, and what is around them
  double waiting = 0;     // for loads one behind the other, and dependent arithmetic
  double moving = 0;      // bytes
  double exchanging = 0;  // values between threads
  double from_memory = 0, from_cache = 0;  // bytes that are moved
  double seconds() const { return launching + waiting + moving + exchanging; }
};
device_time time_of(const token_work& work, const gpu_figures& on,
                    const time_assumptions& assumed = {});

}  // namespace bdh::gpu
