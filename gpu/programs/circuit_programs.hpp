// Programs over circuits: sources to hubs, hubs and sources to targets, thresholds, W.
#pragma once

#include "gpu/programs/programs.hpp"
#include "kernels/propagate.hpp"
#include "kernels/source_update.hpp"
#include "kernels/threshold.hpp"

namespace bdh::gpu {

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
        kernels::push_sparse_of<Weight>{.indptr = indptr,
                                        .target = target,
                                        .weights = weights,
                                        .width = width,
                                        .count = count,
                                        .source = list + first,
                                        .activity = values + first,
                                        .out = sum}(group);
      else
        kernels::push_dense_of<Weight>{.rows = weights + column,
                                       .stride = width,
                                       .width = part(width, item % slices, slice),
                                       .first_source = 0,
                                       .count = count,
                                       .source = list + first,
                                       .activity = values + first,
                                       .out = sum + column}(group);
    });
  }
};

// Six levels of the trees over the partial sums of every `blocks` blocks: of up to 64 nodes, which
// are `apart` blocks apart, the one above them, where the first of them was. Items: sums x nodes
// above x slices; where that is one node, it is the root, out[s].
struct reduce_block_sums {
  static constexpr index fan = 64;
  float* parts;  // (sums x blocks x width), overwritten
  index width, slices, blocks, apart;
  float* out;  // (sums x width)

  constexpr index nodes() const { return items_for(items_for(blocks, apart), fan); }

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index above = nodes(), node = item / slices % above;
    const std::size_t sum = item / slices / above, column = item % slices * slice,
                      first = std::size_t{node} * fan * apart;
    float* const begin = parts + (sum * blocks + first) * width + column;
    kernels::reduce_blocks{.parts = begin,
                           .stride = apart * width,
                           .width = part(width, item % slices, slice),
                           .count = part(items_for(blocks, apart), node, fan),
                           .out = above == 1 ? out + sum * width + column : begin}(group);
  }
};

// W of the hubs after a token entered or a layer ended, and the gains of the pool. One item.
struct update_hub_w {
  static constexpr index threads = 32;
  kernels::set_hub_w update;
  fault_log log;
  index check;  // of what the hubs have received; check + 1: of W

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.each(update.n, [&](index k) { log.note(k, check, k, update.z[k]); });
    update(group);
    group.each(update.n, [&](index k) { log.note(k, check + 1, k, update.w[k]); });
  }
};

// A of the hubs. An item: a head.
struct normalise_a {
  static constexpr index threads = 32;
  float* a;  // (heads x d)
  index d;
  float epsilon;
  bool centre, scale;
  fault_log log;
  index check;  // + head: as it arrives; + heads + head: after its pool
  index heads;

  template <class Group>
  constexpr void operator()(const Group& group, index head) const noexcept {
    float* const own = a + static_cast<std::size_t>(head) * d;
    group.each(d, [&](index k) { log.note(head * d + k, check + head, k, own[k]); });
    if (!centre && !scale) return;
    kernels::normalise{
        .z = own, .n = d, .epsilon = epsilon, .centre = centre, .scale = scale, .gain = nullptr}(
        group);
    group.each(d, [&](index k) { log.note(head * d + k, check + heads + head, k, own[k]); });
  }
};

// The gain of A of explicit circuits. An item: a head.
struct compute_a_gain {
  static constexpr index threads = 32;
  float* input;  // (heads x d)
  index d;
  float epsilon;
  float* gain;  // (heads)

  template <class Group>
  constexpr void operator()(const Group& group, index head) const noexcept {
    kernels::normalise{.z = input + static_cast<std::size_t>(head) * d,
                       .n = d,
                       .epsilon = epsilon,
                       .centre = false,
                       .scale = false,
                       .gain = gain + head}(group);
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
    const float* const input = activity + (per_head ? r / per_head * head_stride : 0);
    rows.visit([&]<class Weight>(const Weight* weights) {
      if (indptr)
        kernels::pull_sparse_of<Weight>{.indptr = indptr,
                                        .source = source,
                                        .weights = weights,
                                        .target = nullptr,
                                        .activity = input,
                                        .out = out}(group, r);
      else
        kernels::pull_dense_of<Weight>{
            .rows = weights, .width = width, .target = nullptr, .activity = input, .out = out}(
            group, r);
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
    group.each(count, [&](index k) { log.note(first + k, check, first + k, drive[first + k]); });
    kernels::threshold_x{
        .drive = drive + first, .x = x + first, .n = count, .accumulate = accumulate}(group);
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
        log.note(first + k, check, first + k, drive[first + k]);
    });
    kernels::threshold_y{.drive = drive + first, .x = x + first, .y = y + first, .n = count}(group);
  }
};

// drive = gain (excitation - inhibition) of explicit circuits. An item: a block of neurons.
struct net_drive_block {
  const float* excitatory;  // (n)
  float* inhibitory;        // (n)
  float* drive;             // (n)
  block_grid grid;
  const float* gain;  // (heads); null: 1
  float inhibition;   // factor of what is inhibitory

  template <class Group>
  constexpr void operator()(const Group& group, index block) const noexcept {
    const index first = grid.neurons(block).begin, count = grid.neurons(block).size();
    if (inhibition != 1.0f)
      kernels::leak{.w = inhibitory + first, .n = count, .gain = inhibition}(group);
    kernels::net_drive{.excitatory = excitatory + first,
                       .inhibitory = inhibitory + first,
                       .drive = drive + first,
                       .n = count,
                       .gain = gain ? gain[grid.head(block)] : 1.0f}(group);
  }
};

// W of the sources of explicit circuits after a layer. An item: a chunk of the sources.
struct update_sources {
  float* w;        // (sources): the neurons, then sensory nodes
  const float* y;  // (neurons)
  index sources, neurons;
  bool accumulate;
  const float* gain_y;  // null: 1
  const float* gain_w;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, count = part(sources, item);
    const index active = first < neurons ? part(neurons, item) : 0;
    kernels::set_source_w{.w = w + first,
                          .first = 0,
                          .sources = count,
                          .neuron = nullptr,
                          .y = y + first,
                          .active = active,
                          .accumulate = accumulate,
                          .gain_y = gain_y ? *gain_y : 1.0f}(group);
    if (accumulate) kernels::leak{.w = w + first, .n = count, .gain = *gain_w}(group);
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
      group.once(
          [&] { w[neurons + *token] = kernels::w_of_token(gain != nullptr, gain ? *gain : 1.0f); });
      return;
    }
    const std::uint64_t first = indptr[*token];
    group.each(static_cast<index>(indptr[*token + 1] - first),
               [&](index e) { w[target[first + e]] = weights[first + e]; });
  }
};

}  // namespace bdh::gpu
