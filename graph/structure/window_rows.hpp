// Passes over the weights of a window, block by block, by several threads: what
// graph/structure/thresholded_graph.cpp and its like have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>

#include "core/base/executor.hpp"
#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh::detail {

// Work that may throw: the first exception comes out when all pieces have ended.
void for_each_or_throw(executor& work, std::size_t count,
                       const std::function<void(std::size_t)>& piece);

// The blocks in which the targets of a window lie, in at most 64 groups, each summed by itself,
// whatever the number of threads.
class block_groups {
 public:
  block_groups(const weight_matrix& rows, const neuron_window& w);
  std::size_t count() const { return count_; }
  std::size_t begin(std::size_t group) const { return first_ + group * blocks_ / count_; }
  std::size_t end(std::size_t group) const { return begin(group + 1); }

 private:
  std::size_t first_, blocks_, count_;
};

// A part of a row: weights of the sources from `first` on, or of those listed.
struct row_part {
  neuron_id first = 0;
  std::span<const neuron_id> sources;
  std::span<const float> weights;
  neuron_id source(std::size_t e) const {
    return sources.empty() ? first + static_cast<neuron_id>(e) : sources[e];
  }
};

// Here, so that loops over it know that nothing else has it.
inline row_part part_of(const weight_row& row, bool complete, neuron_id first, neuron_id count) {
  if (complete) return {first, {}, row.weights.subspan(first, count)};
  const auto begin = std::lower_bound(row.sources.begin(), row.sources.end(), first),
             end = std::lower_bound(begin, row.sources.end(), first + count);
  const auto at = static_cast<std::size_t>(begin - row.sources.begin()),
             size = static_cast<std::size_t>(end - begin);
  return {first, row.sources.subspan(at, size), row.weights.subspan(at, size)};
}

// visit(row) of every row of a block whose target is in the window.
template <class Visit>
void visit_block(const weight_matrix& rows, const neuron_window& w, std::size_t block,
                 const std::function<void()>& interrupt, Visit visit) {
  if (interrupt) interrupt();
  rows.visit(block, [&](const weight_row& row) {
    if (row.target >= w.first_target && row.target - w.first_target < w.targets) visit(row);
  });
}

}  // namespace bdh::detail
