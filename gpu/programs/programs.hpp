// What runs on the device: the kernel bodies of kernels/, each applied to one item of an array by
// one thread group. A program is a plain struct of arguments; nothing of what it reads or writes is
// on the host, so that a whole token can be recorded and replayed. An item writes what no other
// item of the same launch reads or writes.
#pragma once

#include <cstdint>

#include <bdh/bfloat16.hpp>

#include "core/simulation/partition.hpp"
#include "kernels/group.hpp"

namespace bdh::gpu {

using kernels::index;

inline constexpr index chunk = block_grid::block_size;  // elements that an item takes of an array
inline constexpr index slice = kernels::lanes;          // columns that an item takes of a row

constexpr index items_for(std::size_t n, index per_item = chunk) {
  return static_cast<index>((n + per_item - 1) / per_item);
}
constexpr index part(index n, index item,
                     index per_item = chunk) {  // elements of the last item, too
  return n - item * per_item < per_item ? n - item * per_item : per_item;
}

// Numbers of edges from `least` on, below `end`. Degrees may be heavy-tailed: a few long rows are
// left to groups of more threads.
struct lengths {
  std::uint64_t least = 0, end = ~std::uint64_t{0};
  constexpr bool contain(std::uint64_t edges) const { return edges >= least && edges < end; }
};
inline constexpr index lane_edges = 32;    // more than these, and a row gets more than one lane
inline constexpr index group_edges = 512;  // more than these, and it gets a warp
inline constexpr lengths short_rows{0, group_edges + 1}, long_rows{group_edges + 1};

// Weights of a projection, or strengths: one of the two, the other is null.
struct stored_weights {
  const float* wide = nullptr;
  const bfloat16* narrow = nullptr;

  constexpr float operator[](std::uint64_t e) const {
    return narrow ? to_float(narrow[e]) : wide[e];
  }
  template <class F>
  constexpr void visit(F f) const {  // f(pointer) of the one that is
    if (narrow)
      f(narrow);
    else
      f(wide);
  }
};

// A layer's clock: its value when the token began, and the decays since.
struct layer_clock {
  const std::uint64_t* at_start;
  std::uint64_t decays;
  constexpr std::uint64_t now() const { return *at_start + decays; }
};

// The first value that is not finite, found slot by slot: a slot belongs to one item of each
// launch, and launches follow one another.
struct fault_slot {
  index check;  // number of the check in its token, from 1; 0: nothing found
  index who;
  float value;
};
struct fault_log {
  fault_slot* slots;
  index* any;  // 1 when a slot is used; all who write it write the same

  constexpr void note(index slot, index check, index who, float value) const {
    if (value * 0.0f == 0.0f || slots[slot].check != 0) return;
    slots[slot] = {check, who, value};
    *any = 1;
  }
};

// start[b] = position of the first entry of an ascending list that is in block b or behind it;
// start[blocks] = count.
struct list_starts {
  block_grid grid;
  const index* list;
  const index* count;
  index* start;  // (blocks + 1)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(grid.blocks() + 1, item), [&](index k) {
      const index block = item * chunk + k;
      index low = 0, high = *count;
      if (block == grid.blocks()) low = high;
      while (low < high) {
        const index middle = low + (high - low) / 2;
        if (list[middle] < grid.neurons(block).begin)
          low = middle + 1;
        else
          high = middle;
      }
      start[block] = low;
    });
  }
};

// to[j] = from[list[j]].
struct gather_list {
  const index* list;
  const index* count;
  const float* from;
  float* to;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(*count, item),
               [&](index k) { to[item * chunk + k] = from[list[item * chunk + k]]; });
  }
};

struct check_values {
  const float* values;  // (n)
  index n;
  fault_log log;
  index check;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(n, item), [&](index k) {
      log.note(item * chunk + k, check, item * chunk + k, values[item * chunk + k]);
    });
  }
};

// counted[item] += edges of the listed rows. An item: a chunk of the list.
struct tally_edges {
  const index* list;
  const index* count;  // null: one entry
  const std::uint64_t* indptr;
  index unit;              // rows that an entry stands for
  std::uint64_t* counted;  // (items)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.once([&] {
      const index n = part(count ? *count : 1, item);
      for (index k = 0; k < n; ++k) {
        const index row = list[item * chunk + k];
        counted[item] += indptr[row + unit] - indptr[row];
      }
    });
  }
};

// The same of all sources that are active.
struct tally_active {
  const float* activity;  // (n)
  index n;
  const std::uint64_t* indptr;
  std::uint64_t* counted;  // (items)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.once([&] {
      for (index k = item * chunk; k < item * chunk + part(n, item); ++k)
        if (activity[k] != 0.0f) counted[item] += indptr[k + 1] - indptr[k];
    });
  }
};

}  // namespace bdh::gpu
