// What runs on the device: the kernel bodies of kernels/, each applied to one item of an array by
// one thread group. A program is a plain struct of arguments; nothing of what it reads or writes is
// on the host, so that a whole token can be recorded and replayed. An item writes what no other
// item of the same launch reads or writes.
#pragma once

#include <cstdint>

#include "core/simulation/partition.hpp"
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/threshold.hpp"

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

  constexpr void look(index slot, index check, index who, float value) const {
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

// Partial sums at the hubs: out[b] = what the listed sources of block b push to `width` hubs.
// Items: blocks x slices; CSR rows: one slice.
struct push_blocks {
  const std::uint64_t* indptr;  // null: dense rows
  const index* target;
  stored_weights rows;
  index width, slices;
  const index* list;    // sources, ascending
  const float* values;  // as `list`
  const index* start;   // (blocks + 1) positions in the list, to be multiplied by
  index scale;
  float* out;  // (blocks x width)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index block = item / slices, column = item % slices * slice;
    const index first = start[block] * scale, count = start[block + 1] * scale - first;
    float* const sum = out + static_cast<std::size_t>(block) * width;
    rows.visit([&]<class Weight>(const Weight* weights) {
      if (indptr)
        kernels::push_sparse_of<Weight>{indptr, target,       weights,        width,
                                        count,  list + first, values + first, sum}(group);
      else
        kernels::push_dense_of<Weight>{weights + column,
                                       width,
                                       part(width, item % slices, slice),
                                       0,
                                       count,
                                       list + first,
                                       values + first,
                                       sum + column}(group);
    });
  }
};

// out[s] = sum of the partial sums of the s-th `blocks` blocks, ascending. Items: sums x slices.
struct collect_blocks {
  const float* parts;  // (sums x blocks x width)
  index width, slices, blocks;
  float* out;  // (sums x width)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const std::size_t sum = item / slices, column = item % slices * slice;
    kernels::reduce_block_rows{parts + sum * blocks * width + column, width,
                               part(width, item % slices, slice), blocks,
                               out + sum * width + column}(group);
  }
};

// W of the hubs after a token entered or a layer ended, and the gains of the pool. One item.
struct hear_w {
  float* heard;  // (d)
  float* w;      // (d)
  index d;
  float epsilon;
  bool centre, normalise, leaky;
  float *gain_y, *gain_w;
  fault_log log;
  index check;  // of heard; check + 1: of W

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.each(d, [&](index k) { log.look(k, check, k, heard[k]); });
    if (normalise || centre) kernels::pool{heard, d, epsilon, centre, normalise, gain_y}(group);
    if (leaky) {
      kernels::integrate{heard, w, d}(group);
      kernels::pool{w, d, epsilon, centre, true, gain_w}(group);
    } else {
      group.each(d, [&](index k) { w[k] = heard[k]; });
    }
    group.each(d, [&](index k) { log.look(k, check + 1, k, w[k]); });
  }
};

// A of the hubs. An item: a head.
struct hear_a {
  float* a;  // (heads x d)
  index d;
  float epsilon;
  bool centre, normalise;
  fault_log log;
  index check;  // + head: as it arrives; + heads + head: after its pool
  index heads;

  template <class Group>
  constexpr void operator()(const Group& group, index head) const noexcept {
    float* const own = a + static_cast<std::size_t>(head) * d;
    group.each(d, [&](index k) { log.look(head * d + k, check + head, k, own[k]); });
    if (!centre && !normalise) return;
    kernels::pool{own, d, epsilon, centre, normalise, nullptr}(group);
    group.each(d, [&](index k) { log.look(head * d + k, check + heads + head, k, own[k]); });
  }
};

// The gain of A of explicit circuits. An item: a head.
struct hear_gain {
  float* heard;  // (heads x d)
  index d;
  float epsilon;
  float* gain;  // (heads)

  template <class Group>
  constexpr void operator()(const Group& group, index head) const noexcept {
    kernels::pool{
        heard + static_cast<std::size_t>(head) * d, d, epsilon, false, false, gain + head}(group);
  }
};

// out[r] = row r times the activity of its head. An item: a row, or a listed one.
struct pull_rows {
  const std::uint64_t* indptr;  // null: dense rows
  const index* source;
  stored_weights rows;
  index width;
  const index* list;  // null: row = item
  const float* activity;
  index per_head;  // 0: all rows hear the same
  std::size_t head_stride;
  lengths of;  // rows of another number of edges are left out; of CSR rows
  float* out;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index r = list ? list[item] : item;
    if (indptr && !of.contain(indptr[r + 1] - indptr[r])) return;
    const float* const heard = activity + (per_head ? r / per_head * head_stride : 0);
    rows.visit([&]<class Weight>(const Weight* weights) {
      if (indptr)
        kernels::pull_sparse_of<Weight>{indptr, source, weights, nullptr, heard, out}(group, r);
      else
        kernels::pull_dense_of<Weight>{weights, width, nullptr, heard, out}(group, r);
    });
  }
};

// The same by a whole warp, for rows of many edges.
struct pull_long_rows {
  static constexpr index threads = 32;
  pull_rows rows;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    rows(group, item);
  }
};

// Explicit edges, by target: see kernels::pull_edges. An item: a chunk of the rows.
struct pull_targets {
  kernels::pull_edges edges;
  index rows;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    edges(group, item * chunk, item * chunk + part(rows, item));
  }
};

// An item: a row of many edges, by a whole warp.
struct pull_long_targets {
  static constexpr index threads = 32;
  kernels::pull_many_edges rows;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    rows(group, item);
  }
};

// X from its drive.
struct fire_x {
  const float* drive;  // (n)
  float* x;            // (n)
  index n;
  bool accumulate;
  fault_log log;
  index check;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, count = part(n, item);
    group.each(count, [&](index k) { log.look(first + k, check, first + k, drive[first + k]); });
    kernels::threshold_x{drive + first, x + first, count, accumulate}(group);
  }
};

// Y from its drive, where X is active; elsewhere there is none.
struct fire_y {
  float* drive;    // (n)
  const float* x;  // (n)
  float* y;        // (n)
  index n;
  fault_log log;
  index check;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, count = part(n, item);
    group.each(count, [&](index k) {
      if (x[first + k] == 0.0f)
        drive[first + k] = 0.0f;
      else
        log.look(first + k, check, first + k, drive[first + k]);
    });
    kernels::threshold_y{drive + first, x + first, y + first, count}(group);
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
      log.look(item * chunk + k, check, item * chunk + k, values[item * chunk + k]);
    });
  }
};

// drive = gain (excitation - inhibition) of explicit circuits. An item: a block of neurons.
struct balance_block {
  const float* excitatory;  // (n)
  float* inhibitory;        // (n)
  float* drive;             // (n)
  block_grid grid;
  const float* gain;  // (heads); null: 1
  float inhibition;   // factor of what is inhibitory

  template <class Group>
  constexpr void operator()(const Group& group, index block) const noexcept {
    const index first = grid.neurons(block).begin, count = grid.neurons(block).size();
    if (inhibition != 1.0f) kernels::leak{inhibitory + first, count, inhibition}(group);
    kernels::balance{excitatory + first, inhibitory + first, drive + first, count,
                     gain ? gain[grid.head(block)] : 1.0f}(group);
  }
};

// W of the sources of explicit circuits after a layer.
struct update_sources {
  float* w;        // (sources): the neurons, then sensory nodes
  const float* y;  // (neurons)
  index sources, neurons;
  bool leaky;
  const float* gain_y;  // null: 1
  const float* gain_w;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, count = part(sources, item);
    const float g = gain_y ? *gain_y : 1.0f;
    group.each(count, [&](index k) {
      const index j = first + k;
      if (!leaky) w[j] = 0.0f;
      if (j < neurons && y[j] != 0.0f) w[j] += g * y[j];
    });
    if (leaky) kernels::leak{w + first, count, *gain_w}(group);
  }
};

// W of a token: its sensory node with the token's gain, or the neurons that it excites. One item.
struct sense_sources {
  const index* token;
  const std::uint64_t* indptr;  // null: sensory nodes are sources, and come after the neurons
  const index* target;
  const float* weights;
  index neurons;
  const float* gain;  // null: 1
  float* w;           // (sources), zero

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    if (!indptr) {
      group.once([&] { w[neurons + *token] = gain ? *gain : 1.0f; });
      return;
    }
    const std::uint64_t first = indptr[*token];
    group.each(static_cast<index>(indptr[*token + 1] - first),
               [&](index e) { w[target[first + e]] = weights[first + e]; });
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

// ---- interventions

struct listed_value {
  index where;
  float value;
};

// into += value. Every place at most once.
struct add_values {
  const listed_value* list;
  index count;
  float* into;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(count, item), [&](index k) {
      into[list[item * chunk + k].where] += list[item * chunk + k].value;
    });
  }
};

// The same of places that may come again, in their order. One item.
struct add_terms {
  const listed_value* list;
  index count;
  float* into;

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.once([&] {
      for (index k = 0; k < count; ++k) into[list[k].where] += list[k].value;
    });
  }
};

// into = value.
struct hold_values {
  const listed_value* list;
  index count;
  float* into;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(count, item),
               [&](index k) { into[list[item * chunk + k].where] = list[item * chunk + k].value; });
  }
};

// The same of weights, of which there may be more than 2^32.
struct listed_weight {
  std::uint64_t where;
  float value;
};
struct hold_weights {
  const listed_weight* list;
  index count;
  float* into;
  bfloat16* narrow;  // in place of `into`

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(count, item), [&](index k) {
      const listed_weight& w = list[item * chunk + k];
      if (narrow)
        narrow[w.where] = to_bfloat16(w.value);
      else
        into[w.where] = w.value;
    });
  }
};

// What a cut synapse i -> j would have brought to A(j), and j to every hub, is taken out of the
// partial sum of i's block. An item: some columns of the hubs, all of them where rows are CSR.
struct listed_cut {
  index source, block, row;  // row: of j, in `rows` of the neurons or of the sensory nodes
  bool neuron;
  double strength;
};
struct cut_partial_sums {
  const listed_cut* list;
  index count;
  struct contribution {
    const std::uint64_t* indptr;  // null: dense rows
    const index* target;
    stored_weights rows;
  } neurons, sensory;
  const float* x;
  index width, columns;  // columns: of an item
  float* sums;           // (blocks x width)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    for (index c = 0; c < count; ++c) {
      const listed_cut& cut = list[c];
      if (x[cut.source] == 0.0f || cut.strength == 0.0) continue;
      const float term = static_cast<float>(cut.strength * static_cast<double>(x[cut.source]));
      const contribution& p = cut.neuron ? neurons : sensory;
      float* const sum = sums + static_cast<std::size_t>(cut.block) * width;
      if (!p.indptr) {
        const index column = item * columns;
        const std::uint64_t row = std::uint64_t{cut.row} * width;
        group.each(part(width, item, columns),
                   [&](index k) { sum[column + k] -= p.rows[row + column + k] * term; });
      } else {
        const std::uint64_t first = p.indptr[cut.row];
        group.each(static_cast<index>(p.indptr[cut.row + 1] - first),
                   [&](index e) { sum[p.target[first + e]] -= p.rows[first + e] * term; });
      }
    }
  }
};

}  // namespace bdh::gpu
