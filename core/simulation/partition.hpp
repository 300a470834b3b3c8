// Which site owns which particles. Neurons are dealt out in blocks of 64 that restart at each head:
// the unit of the summation law, so that no sum and no rotation pair is ever split between sites.
#pragma once

#include <cstdint>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

struct id_range {
  neuron_id begin = 0, end = 0;
  constexpr neuron_id size() const noexcept { return end - begin; }
  constexpr bool contains(neuron_id i) const noexcept { return begin <= i && i < end; }
};

// The blocks of `heads` heads with `per_head` neurons each, numbered through.
class block_grid {
 public:
  static constexpr neuron_id block_size = 64;

  constexpr block_grid(head_id heads, neuron_id per_head) noexcept
      : per_head_(per_head),
        blocks_per_head_((per_head + block_size - 1) / block_size),
        blocks_(heads * blocks_per_head_) {}

  constexpr neuron_id blocks() const noexcept { return blocks_; }
  constexpr head_id head(neuron_id block) const noexcept { return block / blocks_per_head_; }
  constexpr id_range neurons(neuron_id block) const noexcept {
    const neuron_id first = (block % blocks_per_head_) * block_size, base = head(block) * per_head_;
    return {base + first, base + (first + block_size < per_head_ ? first + block_size : per_head_)};
  }

 private:
  neuron_id per_head_, blocks_per_head_, blocks_;
};

// What one site owns. All ranges of all sites together cover each population once; surplus sites
// own nothing.
struct site_share {
  id_range blocks;   // of block_grid
  id_range neurons;  // those of its blocks
  id_range hubs, sensory, readout;
};

struct partition_sizes {
  head_id heads = 1;
  neuron_id neurons = 0, hubs = 0, sensory = 0, readout = 0;
};

// The nodes of trees of `per_tree` blocks each, numbered through, that a site with the blocks `own`
// can add up by itself (kernels/group.hpp, tree_node): the largest ones, ascending, as blocks.
std::vector<id_range> complete_nodes(id_range own, neuron_id per_tree);

// Those of a population that one of `sites` has: hubs, readout nodes.
constexpr id_range share_of(neuron_id total, std::uint32_t site, std::uint32_t sites) {
  return {static_cast<neuron_id>(std::uint64_t{total} * site / sites),
          static_cast<neuron_id>(std::uint64_t{total} * (site + 1) / sites)};
}

// `sites` >= 1 shares of nearly equal size.
std::vector<site_share> partition(const partition_sizes& sizes, site_id sites);

}  // namespace bdh
