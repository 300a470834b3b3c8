#include "apps/machine/machine.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>

#include <bdh/array.hpp>

#include "core/base/executor.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh::app {
namespace {

constexpr int passes = 5;

// Seconds of the fastest pass; each thread works on one share of `count` floats.
double fastest(executor& work, std::size_t count,
               const std::function<void(std::size_t first, std::size_t size)>& pass) {
  const std::size_t share = count / work.threads();
  double best = std::numeric_limits<double>::infinity();
  for (int k = 0; k < passes; ++k) {
    const auto begin = std::chrono::steady_clock::now();
    work.for_each(work.threads(), [&](std::size_t t) { pass(t * share, share); });
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

}  // namespace

machine_speed measure_speed(std::size_t threads, std::size_t bytes) {
  const auto& bodies = kernels::cpu_kernels_for(instruction_set::best);
  const auto work = default_executor(threads);
  const std::size_t most = std::size_t{threads} * std::numeric_limits<kernels::index>::max() / 2;
  const std::size_t half = std::min(bytes / sizeof(float) / 2, most);
  array<float> values(2 * half);
  // Touched by the thread that uses it, and not zero, so that every page is one of its own.
  fastest(*work, 2 * half, [&](std::size_t first, std::size_t size) {
    std::fill_n(values.begin() + first, size, 1.0f);
  });
  const auto rate = [&](std::size_t moved, double seconds) {
    return static_cast<double>(moved * sizeof(float)) / seconds;
  };
  machine_speed speed;
  speed.read = rate(2 * half, fastest(*work, 2 * half, [&](std::size_t first, std::size_t size) {
                      bodies.all_finite({values.data() + first, static_cast<kernels::index>(size)});
                    }));
  speed.copy =
      rate(2 * half, fastest(*work, half, [&](std::size_t first, std::size_t size) {
             std::memcpy(values.data() + half + first, values.data() + first, size * sizeof(float));
           }));
  speed.update =
      rate(4 * half, fastest(*work, 2 * half, [&](std::size_t first, std::size_t size) {
             bodies.leak({values.data() + first, static_cast<kernels::index>(size), 1.0f});
           }));
  return speed;
}

double measure_latency(std::size_t bytes) {
  constexpr std::size_t line = 64;
  constexpr std::uint64_t steps = 200'000;
  const std::size_t lines = std::max<std::size_t>(bytes / line, 1);
  array<std::uint64_t> memory(lines * line / sizeof(std::uint64_t));
  std::fill(memory.begin(), memory.end(), 1);
  const auto alone = serial_executor();
  std::uint64_t at = 1;
  const double seconds = fastest(*alone, 1, [&](std::size_t, std::size_t) {
    for (std::uint64_t k = 0; k < steps; ++k) {
      at = at * 6364136223846793005u +
           memory[((at >> 32) * lines >> 32) *
                  (line / sizeof(std::uint64_t))];  // Knuth's MMIX generator, increment 1
    }
  });
  memory[0] = at;  // or it would be optimised away
  return seconds / static_cast<double>(steps);
}

}  // namespace bdh::app
