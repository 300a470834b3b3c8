// Programs of interventions: values that are added or held, weights and synapses that are cut.
#pragma once

#include "gpu/programs/programs.hpp"

namespace bdh::gpu {

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
