// The strongest synapses among all pairs of neurons: n^2 of them, of which no more than a block is
// held at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include <bdh/ids.hpp>

#include "core/base/executor.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

struct weighted_pair {
  neuron_pair pair;  // pre -> post
  float weight = 0;
};

// The `count` with the largest |weight| of what several threads offer, block by block: of equal
// ones the lower target, then the lower source. Weights of 0 do not count. The same for any order
// of the blocks.
class strongest_of_blocks {
 public:
  explicit strongest_of_blocks(std::size_t count) : count_(count) {}

  // What one thread has found of its block; add() takes it.
  class block {
   public:
    explicit block(const strongest_of_blocks& all)
        : count_(all.count_), bound_(all.least_.load(std::memory_order_relaxed)) {}
    // Smaller sizes cannot be among the strongest.
    float bound() const noexcept { return bound_; }
    void offer(const neuron_pair& pair, float weight);

   private:
    friend class strongest_of_blocks;
    std::size_t count_;
    float bound_;
    std::vector<weighted_pair> found_;
  };
  void add(const block& of);
  std::vector<weighted_pair> take();  // the strongest first

 private:
  std::size_t count_;
  std::mutex busy_;
  std::vector<weighted_pair> best_;
  std::atomic<float> least_ = 0;  // of the best, once there are `count` of them
};

// The `count` with the largest |weight|, largest first; of equal ones the lower target, then the
// lower source first. Weights of 0 do not count. The same for any number of threads. `after_block`:
// called with the share of the blocks that is done, by several threads; may throw, to stop.
std::vector<weighted_pair> strongest_pairs(const weight_matrix& of, std::size_t count,
                                           executor& work,
                                           const std::function<void(double)>& after_block = {});

}  // namespace bdh
