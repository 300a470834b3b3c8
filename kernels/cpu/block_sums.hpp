// Partial sums of blocks of sources at one site, added as the law of summation says as soon as all
// of a node's blocks are known, so that few rows travel to the hubs' sites: at most two for each
// level of the tree, whatever the number of blocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <bdh/array.hpp>

#include "core/simulation/partition.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh {

// Blocks are numbered through; those of one tree are `per_tree` that follow each other.
class block_sums {
 public:
  // `most` rows of `width` hubs: as many as there are blocks is always enough.
  block_sums(std::size_t most, neuron_id width, const kernels::cpu_kernels& bodies)
      : rows_(most * width), width_(width), bodies_(bodies) {
    labels_.reserve(most);
    complete_.reserve(most);
  }

  void clear() noexcept {
    labels_.clear();
    complete_.clear();
  }
  // The sums of some of the blocks `own` follow, of which this site has all. Ranges ascend.
  void begin(id_range own, neuron_id per_tree) noexcept {
    own_ = own;
    per_tree_ = per_tree;
    first_row_ = labels_.size();
    if (own.size() != 0) complete_.push_back(own);
  }
  // Where the sum of the next block is to be written, (width).
  float* add(neuron_id block) noexcept;
  // No other block of the range has a sum.
  void end() noexcept { fold(own_.end); }

  std::span<const std::uint32_t> labels() const noexcept { return labels_; }  // a block of each row
  const float* rows() const noexcept { return rows_.data(); }
  std::span<const id_range> complete() const noexcept { return complete_; }  // all that followed
  neuron_id per_tree() const noexcept { return per_tree_; }
  std::size_t bytes() const noexcept { return rows_.bytes(); }

 private:
  // Adds up what ends before the block `until`.
  void fold(neuron_id until) noexcept;
  float* row(std::size_t r) noexcept { return rows_.data() + r * width_; }

  array<float> rows_;  // of nodes, from left to right
  std::vector<std::uint32_t> labels_;
  std::vector<id_range> complete_;
  neuron_id width_, per_tree_ = 1;
  id_range own_;
  std::size_t first_row_ = 0;  // of the range
  const kernels::cpu_kernels& bodies_;
};

// What the hubs' site receives: the roots of trees, from the rows of all sites.
class block_roots {
 public:
  // `blocks` of a tree at most, of which it has `width` hubs.
  block_roots(neuron_id blocks, neuron_id width, const kernels::cpu_kernels& bodies)
      : scratch_(levels * width), width_(width), bodies_(bodies) {
    nodes_.reserve(blocks);
    open_.reserve(levels);
  }

  void clear() noexcept { nodes_.clear(); }
  void add(neuron_id block, const float* row) { nodes_.push_back({block, row}); }
  // The root of the blocks [first, first + per_tree), (width); zeros if none of them has a sum.
  void write(neuron_id first, neuron_id per_tree, float* out) noexcept;
  std::size_t bytes() const noexcept { return scratch_.bytes(); }

 private:
  static constexpr std::size_t levels = 33;  // of a tree of 2^32 blocks
  struct node {
    neuron_id block;
    const float* row;
  };
  std::vector<node> nodes_;
  std::vector<node> open_;  // by falling level, with rows of scratch_ where they are sums
  array<float> scratch_;
  neuron_id width_;
  const kernels::cpu_kernels& bodies_;
};

}  // namespace bdh
