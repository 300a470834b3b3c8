#include "core/analysis/strongest_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

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

void strongest_of_blocks::block::offer(const neuron_pair& pair, float weight) {
  const float size = std::abs(weight);
  if (!(size > 0) || size < bound_) return;
  found_.push_back({pair, weight});
  if (found_.size() <= 4 * count_ + 4096) return;
  keep_top_k(found_, count_, is_before);
  if (count_ != 0) bound_ = std::max(bound_, std::abs(found_.back().weight));
}

void strongest_of_blocks::add(const block& of) {
  const std::lock_guard lock(busy_);
  best_.insert(best_.end(), of.found_.begin(), of.found_.end());
  if (best_.size() <= count_) return;
  keep_top_k(best_, count_, is_before);
  if (count_ != 0) least_ = std::abs(best_.back().weight);
}

std::vector<weighted_pair> strongest_of_blocks::take() {
  std::ranges::sort(best_, is_before);
  return std::move(best_);
}

std::vector<weighted_pair> strongest_pairs(const weight_matrix& of, std::size_t count,
                                           executor& work,
                                           const std::function<void(double)>& after_block) {
  strongest_of_blocks best(count);
  std::atomic<std::size_t> done = 0;
  work.for_each(of.blocks(), [&](std::size_t block) {
    strongest_of_blocks::block found(best);
    of.visit(block, [&](const weight_row& row) {
      for (std::size_t k = 0; k < row.weights.size(); ++k) {
        if (!(std::abs(row.weights[k]) >= found.bound())) continue;
        const neuron_id source = row.sources.empty() ? static_cast<neuron_id>(k) : row.sources[k];
        found.offer({source, row.target}, row.weights[k]);
      }
    });
    best.add(found);
    if (after_block) after_block(static_cast<double>(++done) / static_cast<double>(of.blocks()));
  });
  return best.take();
}

}  // namespace bdh
