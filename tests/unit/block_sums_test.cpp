// Partial sums of blocks: the binary tree over their numbers, as defined, whatever site adds them.
#include "kernels/cpu/block_sums.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <vector>

#include "core/simulation/partition.hpp"
#include "kernels/propagate.hpp"

using bdh::id_range;
using bdh::neuron_id;

namespace {

// The definition, top down: a node of `size` blocks from `begin` on; silent blocks have no sum.
std::optional<float> node_sum(const std::vector<std::optional<float>>& leaf, std::size_t begin,
                              std::size_t size) {
  if (begin >= leaf.size()) return std::nullopt;
  if (size == 1) return leaf[begin];
  const auto left = node_sum(leaf, begin, size / 2),
             right = node_sum(leaf, begin + size / 2, size / 2);
  if (left && right) return *left + *right;
  return left ? left : right;
}

struct generator {
  std::mt19937 bits{7};
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(bits()) % n; }
  // Of very different magnitude, so that every other order of additions gives another sum.
  float value() {
    const float magnitude = static_cast<float>(1 << below(30));
    return (below(2) ? magnitude : -magnitude) * static_cast<float>(1 + below(1000)) / 1000;
  }
};

}  // namespace

TEST_CASE("sums of blocks are those of the tree, for any sites and any silent blocks") {
  generator random;
  const bdh::kernels::cpu_kernels& bodies =
      bdh::kernels::cpu_kernels_for(bdh::instruction_set::plain);
  for (int trial = 0; trial < 400; ++trial) {
    const neuron_id per_tree = 1 + random.below(40), trees = 1 + random.below(3),
                    blocks = per_tree * trees, sites = 1 + random.below(6);
    std::vector<std::vector<std::optional<float>>> leaf(trees);
    for (auto& tree : leaf)
      for (neuron_id b = 0; b < per_tree; ++b)
        tree.push_back(random.below(3) != 0 ? std::optional(random.value()) : std::nullopt);

    bdh::block_roots roots(blocks, 1, bodies);
    std::vector<bdh::block_sums> own;
    for (neuron_id s = 0; s < sites; ++s) own.emplace_back(blocks, 1, bodies);
    std::size_t rows = 0;
    for (neuron_id s = 0; s < sites; ++s) {
      const id_range mine{blocks * s / sites, blocks * (s + 1) / sites};
      own[s].begin(mine, per_tree);
      for (neuron_id b = mine.begin; b < mine.end; ++b)
        if (const auto value = leaf[b / per_tree][b % per_tree]) *own[s].add(b) = *value;
      own[s].end();
      std::size_t most = 0;
      for (const id_range node : bdh::complete_nodes(mine, per_tree))
        for (neuron_id b = node.begin; b < node.end; ++b)
          if (leaf[b / per_tree][b % per_tree]) {
            ++most;
            break;
          }
      CHECK(own[s].labels().size() == most);
      rows += own[s].labels().size();
    }
    if (sites == 1) CHECK(rows <= trees);
    for (neuron_id t = 0; t < trees; ++t) {
      roots.clear();
      for (const bdh::block_sums& site : own)
        for (std::size_t r = 0; r < site.labels().size(); ++r)
          if (site.labels()[r] / per_tree == t) roots.add(site.labels()[r], site.rows() + r);
      float found = 9;
      roots.write(t * per_tree, per_tree, &found);
      CAPTURE(trial);
      CHECK(found == node_sum(leaf[t], 0, 64).value_or(0.0f));
      // As devices add: all blocks, silent ones as zeros.
      std::vector<float> all;
      for (const auto& value : leaf[t]) all.push_back(value.value_or(0.0f));
      float dense = 9;
      bdh::kernels::reduce_blocks{
          .parts = all.data(), .stride = 1, .width = 1, .count = per_tree, .out = &dense}(
          bdh::kernels::host_group<4>{});
      CHECK(dense == found);
    }
  }
}

TEST_CASE("complete nodes cover a site's blocks once, and are the largest that fit") {
  for (neuron_id per_tree = 1; per_tree < 20; ++per_tree)
    for (neuron_id begin = 0; begin < 2 * per_tree; ++begin)
      for (neuron_id end = begin; end <= 2 * per_tree; ++end) {
        neuron_id at = begin;
        for (const id_range node : bdh::complete_nodes({begin, end}, per_tree)) {
          CHECK(node.begin == at);
          CHECK(node.end > at);
          at = node.end;
        }
        CHECK(at == end);
      }
  const auto of = [](neuron_id begin, neuron_id end, neuron_id per_tree) {
    std::vector<neuron_id> sizes;
    for (const id_range node : bdh::complete_nodes({begin, end}, per_tree))
      sizes.push_back(node.size());
    return sizes;
  };
  CHECK(of(0, 12, 12) == std::vector<neuron_id>{12});
  CHECK(of(8, 12, 12) == std::vector<neuron_id>{4});  // up to 16, of which 12 are there
  CHECK(of(3, 12, 12) == std::vector<neuron_id>{1, 4, 4});
  CHECK(of(3, 10, 12) == std::vector<neuron_id>{1, 4, 2});
  CHECK(of(3, 9, 4) == std::vector<neuron_id>{1, 4, 1});  // three trees
}
