#include "core/analysis/strongest_pairs.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "core/base/top_k.hpp"

namespace bdh {
namespace {

bool is_before(const weighted_pair& a, const weighted_pair& b) noexcept {
  const float wa = std::abs(a.weight), wb = std::abs(b.weight);
  if (wa != wb) return wa > wb;
  if (a.pair.post != b.pair.post) return a.pair.post < b.pair.post;
  return a.pair.pre < b.pair.pre;
}

}  // namespace

std::vector<weighted_pair> strongest_pairs(const weight_matrix& of, std::size_t count,
                                           executor& work,
                                           const std::function<void(double)>& after_block) {
  std::mutex busy;
  std::vector<weighted_pair> best;
  std::atomic<float> least = 0;  // what is not larger cannot get in, once `count` are known
  std::atomic<std::size_t> done = 0;
  work.for_each(of.blocks(), [&](std::size_t block) {
    std::vector<weighted_pair> found;
    of.visit(block, [&](const weight_row& row) {
      const float bound = least.load(std::memory_order_relaxed);
      for (std::size_t k = 0; k < row.weights.size(); ++k) {
        const float size = std::abs(row.weights[k]);
        if (!(size > 0) || size < bound) continue;
        const neuron_id source = row.sources.empty() ? static_cast<neuron_id>(k) : row.sources[k];
        found.push_back({{source, row.target}, row.weights[k]});
      }
      if (found.size() > 4 * count + 4096) keep_top_k(found, count, is_before);
    });
    {
      const std::lock_guard lock(busy);
      best.insert(best.end(), found.begin(), found.end());
      keep_top_k(best, count, is_before);
      if (best.size() == count && count != 0)
        least = std::abs(std::ranges::max_element(best, is_before)->weight);
    }
    if (after_block) after_block(static_cast<double>(++done) / static_cast<double>(of.blocks()));
  });
  std::ranges::sort(best, is_before);
  return best;
}

}  // namespace bdh
