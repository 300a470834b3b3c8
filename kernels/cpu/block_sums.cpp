#include "kernels/cpu/block_sums.hpp"

#include <algorithm>

namespace bdh {
namespace {

// The node where two blocks meet, in a tree of the blocks [first, first + size).
id_range meeting(neuron_id left, neuron_id right, neuron_id first, neuron_id size) {
  const kernels::tree_node node = kernels::meeting_node(left - first, right - first);
  return {first + node.begin, first + std::min(node.end, size)};
}

}  // namespace

float* block_sums::add(neuron_id block) noexcept {
  fold(block);
  labels_.push_back(block);
  return row(labels_.size() - 1);
}

void block_sums::fold(neuron_id until) noexcept {
  for (std::size_t last = labels_.size() - 1; labels_.size() > first_row_ + 1; --last) {
    const neuron_id left = labels_[last - 1], right = labels_[last], tree = right / per_tree_;
    if (left / per_tree_ != tree) return;
    const id_range node = meeting(left, right, tree * per_tree_, per_tree_);
    if (node.begin < own_.begin || node.end > std::min(own_.end, until)) return;
    bodies_.add_halves(
        {.left = row(last - 1), .right = row(last), .width = width_, .out = row(last - 1)});
    labels_.pop_back();
  }
}

void block_roots::write(neuron_id first, neuron_id per_tree, float* out) noexcept {
  const auto before = [](const node& a, const node& b) { return a.block < b.block; };
  if (!std::is_sorted(nodes_.begin(), nodes_.end(), before))
    std::sort(nodes_.begin(), nodes_.end(), before);
  open_.clear();
  const auto fold = [&](neuron_id until) {
    while (open_.size() > 1) {
      const node right = open_.back();
      node& left = open_[open_.size() - 2];
      if (meeting(left.block, right.block, first, per_tree).end > until) return;
      float* const sum = scratch_.data() + (open_.size() - 2) * width_;
      bodies_.add_halves({.left = left.row, .right = right.row, .width = width_, .out = sum});
      left.row = sum;
      open_.pop_back();
    }
  };
  for (const node& n : nodes_) {
    fold(n.block);
    open_.push_back(n);
  }
  fold(first + per_tree);
  if (open_.empty())
    std::fill_n(out, width_, 0.0f);
  else
    std::copy_n(open_.front().row, width_, out);
}

}  // namespace bdh
