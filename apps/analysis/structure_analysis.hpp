// What `bdh stats` finds out about one graph: the neurons of a window, cut at one threshold.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "apps/analysis/structure_summary.hpp"
#include "core/base/executor.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh::app {

struct chosen_window {
  std::string name;  // "all", "2", "0->2"
  neuron_window window;
};

// What takes long; 0 and false: is left out.
struct analysis_options {
  std::uint32_t tail_samples = 0, nulls = 0, rewired = 0;
  bool modularity = false, triangles = false;
  std::uint64_t seed = 0;
};

// Says on standard error what takes long, and how long. Throws stopped after a signal;
// unavailable_error where an option needs igraph, and the build has none.
structure_summary analyse(const analysis_options& o, const model& m, const weight_matrix& rows,
                          executor& work, const chosen_window& where, float beta);

class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::string shown_estimate(double seconds);  // "about 2 min 5 s"

}  // namespace bdh::app
