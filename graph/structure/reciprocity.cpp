#include "graph/structure/reciprocity.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "graph/structure/degrees.hpp"
#include "graph/structure/window_rows.hpp"

namespace bdh {
namespace {

// Which head a node is in, and how many of them there are.
class head_numbers {
 public:
  head_numbers(const neuron_window& w, neuron_id neurons_per_head) : of_node_(w.nodes()) {
    if (neurons_per_head == 0) return;
    for (neuron_id i = 0; i < w.nodes(); ++i) of_node_[i] = w.neuron_of(i) / neurons_per_head;
    if (!of_node_.empty()) count_ = std::size_t{of_node_.back()} + 1;
  }
  std::size_t blocks() const { return count_ * count_; }
  std::size_t block(std::size_t source, std::size_t target) const {
    return of_node_[source] * count_ + of_node_[target];
  }

 private:
  std::vector<head_id> of_node_;
  std::size_t count_ = 1;
};

// 64 x 64 bits, [row] bit column: turned over its diagonal, in 6 steps of ever smaller blocks
// (Hacker's Delight, 7-3).
void transpose(std::uint64_t (&m)[64]) {
  std::uint64_t mask = 0x00000000ffffffffu;
  for (unsigned j = 32; j != 0; j >>= 1, mask ^= mask << j)
    for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
      const std::uint64_t t = ((m[k] >> j) ^ m[k | j]) & mask;
      m[k] ^= t << j;
      m[k | j] ^= t;
    }
}

// Which pairs have an edge: a bit each, row = target.
class bit_matrix {
 public:
  explicit bit_matrix(neuron_id nodes) : words_((nodes + 63u) / 64u), bits_(words_ * words_ * 64) {}
  std::size_t words() const { return words_; }
  std::uint64_t* row(std::size_t target) { return bits_.data() + target * words_; }
  void tile(std::size_t targets, std::size_t sources, std::uint64_t (&out)[64]) const {
    for (std::size_t r = 0; r < 64; ++r) out[r] = bits_[(targets * 64 + r) * words_ + sources];
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

using counts_of_blocks = std::vector<reciprocal_edges>;

// Adds the bits of a with the opposite in b, in tile (x, y), to a count of their block.
void count_in_both(const bit_matrix& a, const bit_matrix& b, std::size_t x, std::size_t y,
                   const head_numbers& heads, neuron_id nodes,
                   std::uint64_t reciprocal_edges::*count, counts_of_blocks& to) {
  std::uint64_t here[64], there[64];
  a.tile(x, y, here);
  b.tile(y, x, there);
  transpose(there);
  const std::size_t first = y * 64, last = std::min<std::size_t>(nodes, first + 64) - 1;
  for (std::size_t r = 0; r < 64; ++r) {
    std::uint64_t both = here[r] & there[r];
    if (both == 0) continue;
    const std::size_t target = x * 64 + r, block = heads.block(first, target);
    if (block == heads.block(last, target)) {
      to[block].*count += static_cast<std::uint64_t>(std::popcount(both));
      continue;
    }
    for (; both != 0; both &= both - 1)
      ++(to[heads.block(first + static_cast<std::size_t>(std::countr_zero(both)), target)].*count);
  }
}

}  // namespace

reciprocal_edges& reciprocal_edges::operator+=(const reciprocal_edges& other) {
  excitatory += other.excitatory;
  inhibitory += other.inhibitory;
  mixed += other.mixed;
  return *this;
}

reciprocal_edges sum_of(const std::vector<reciprocal_edges>& blocks) {
  reciprocal_edges sum;
  for (const reciprocal_edges& b : blocks) sum += b;
  return sum;
}

std::vector<reciprocal_edges> reciprocal_by_block(const thresholded_graph& g) {
  const head_numbers heads(g.where, g.neurons_per_head);
  counts_of_blocks found(heads.blocks());
  const edge_set &e = *g.excitatory_edges, &i = *g.inhibitory_edges;
  for_each_reciprocal(e, e,
                      [&](neuron_id j, neuron_id k) { ++found[heads.block(j, k)].excitatory; });
  for_each_reciprocal(i, i,
                      [&](neuron_id j, neuron_id k) { ++found[heads.block(j, k)].inhibitory; });
  for_each_reciprocal(e, i, [&](neuron_id j, neuron_id k) { ++found[heads.block(j, k)].mixed; });
  return found;
}

double reciprocal_bytes(const neuron_window& w) {
  const double words = std::ceil(w.nodes() / 64.0);
  return 2 * words * words * 64 * sizeof(std::uint64_t);
}

std::vector<reciprocal_edges> reciprocal_by_block(const weight_matrix& rows, const neuron_window& w,
                                                  thresholds at, neuron_id neurons_per_head,
                                                  executor& work,
                                                  const std::function<void()>& interrupt) {
  bit_matrix excitatory(w.nodes()), inhibitory(w.nodes());
  const detail::block_groups all(rows, w);
  detail::for_each_or_throw(work, all.count(), [&](std::size_t group) {
    for (std::size_t b = all.begin(group); b < all.end(group); ++b)
      detail::visit_block(rows, w, b, interrupt, [&](const weight_row& row) {
        const detail::row_part part =
            detail::part_of(row, rows.is_complete(), w.first_source, w.sources);
        std::uint64_t *plus = excitatory.row(row.target - w.first_target),
                      *minus = inhibitory.row(row.target - w.first_target);
        for (std::size_t e = 0; e < part.weights.size(); ++e) {
          const neuron_id j = part.source(e);
          const std::uint64_t bit = std::uint64_t{j != row.target} << ((j - w.first_source) % 64);
          const std::size_t word = (j - w.first_source) / 64;
          plus[word] |= part.weights[e] > at.excitatory ? bit : 0;
          minus[word] |= part.weights[e] < -at.inhibitory ? bit : 0;
        }
      });
  });
  const head_numbers heads(w, neurons_per_head);
  std::vector<counts_of_blocks> found(excitatory.words(), counts_of_blocks(heads.blocks()));
  detail::for_each_or_throw(work, found.size(), [&](std::size_t x) {
    for (std::size_t y = 0; y < found.size(); ++y) {
      const auto count = [&](const bit_matrix& a, const bit_matrix& b,
                             std::uint64_t reciprocal_edges::*which) {
        count_in_both(a, b, x, y, heads, w.nodes(), which, found[x]);
      };
      count(excitatory, excitatory, &reciprocal_edges::excitatory);
      count(inhibitory, inhibitory, &reciprocal_edges::inhibitory);
      count(excitatory, inhibitory, &reciprocal_edges::mixed);
    }
  });
  counts_of_blocks sum(heads.blocks());
  for (const counts_of_blocks& f : found)
    for (std::size_t b = 0; b < sum.size(); ++b) sum[b] += f[b];
  return sum;
}

}  // namespace bdh
