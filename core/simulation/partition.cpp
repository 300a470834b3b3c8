#include "core/simulation/partition.hpp"

#include <algorithm>

namespace bdh {
std::vector<id_range> complete_nodes(id_range own, neuron_id per_tree) {
  std::vector<id_range> nodes;
  for (std::uint64_t at = own.begin; at < own.end; at = nodes.back().end) {
    const std::uint64_t tree = at / per_tree * per_tree, tree_end = tree + per_tree;
    const auto end_of = [&](std::uint64_t size) { return std::min(at + size, tree_end); };
    std::uint64_t size = 1;  // the tree goes on past its last block, so a node may end there
    while ((at - tree) % (2 * size) == 0 && size < per_tree && end_of(2 * size) <= own.end)
      size *= 2;
    nodes.push_back({static_cast<neuron_id>(at), static_cast<neuron_id>(end_of(size))});
  }
  return nodes;
}

std::vector<site_share> partition(const partition_sizes& sizes, site_id sites) {
  const block_grid grid(sizes.heads, sizes.neurons / sizes.heads);
  std::vector<site_share> shares(sites);
  for (site_id s = 0; s < sites; ++s) {
    site_share& mine = shares[s];
    mine.blocks = share_of(grid.blocks(), s, sites);
    if (mine.blocks.size() != 0)
      mine.neurons = {grid.neurons(mine.blocks.begin).begin, grid.neurons(mine.blocks.end - 1).end};
    mine.hubs = share_of(sizes.hubs, s, sites);
    // Sensory nodes can be sources like neurons, so they are dealt out in blocks too.
    const id_range sensory =
        share_of((sizes.sensory + block_grid::block_size - 1) / block_grid::block_size, s, sites);
    mine.sensory = {std::min(sensory.begin * block_grid::block_size, sizes.sensory),
                    std::min(sensory.end * block_grid::block_size, sizes.sensory)};
    mine.readout = share_of(sizes.readout, s, sites);
  }
  return shares;
}

}  // namespace bdh
