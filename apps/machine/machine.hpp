// What a machine can do, as far as the time of a token depends on it; and a quick measurement of
// this one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bdh::app {

struct machine_speed {
  double read = 0, copy = 0, update = 0;  // bytes/s by all threads: read; read and written
                                          // elsewhere; read and written in place
};

// About a second, on arrays of `bytes` in all, which should not fit into caches. The best of
// several passes.
machine_speed measure_speed(std::size_t threads, std::size_t bytes);

// Seconds until an address somewhere in `bytes` that is not predictable has its value: each
// value read is the next address. The best of several passes.
double measure_latency(std::size_t bytes);

}  // namespace bdh::app
