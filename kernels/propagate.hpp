// Kernel 1 of 4: propagate (modus ponens). What is believed at a source, times the weight or
// strength of an edge, arrives at its target:
//
//     z(j) = sum over i of G(i->j) s(i)
//
// Pushed, where sources are sparse: rows are sources, only active ones are given. Pulled, where
// targets choose: rows are targets. Weights are float or bfloat16, strengths are float; sums are
// float.
#pragma once

#include "core/base/sincos.hpp"
#include "kernels/group.hpp"

namespace bdh::kernels {

// Rows that are gathered are fetched while those so many places before them are used.
inline constexpr index rows_ahead = 4;

// out[k] = sum over the `count` active sources j, ascending, of rows[source[j] - first_source][k] *
// activity[j]. Dense rows, `stride` apart, of which `width` targets are taken. Reads count rows;
// writes out (width).
template <class Weight>
struct push_dense_of {
  const Weight* rows;
  index stride, width, first_source, count;
  const index* source;     // (count) ascending
  const float* activity;   // (count)
  float* out;              // (width)
  index prefetch_end = 0;  // entries of `source`: those behind `count` are the next call's

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    for (index j = count; j < prefetch_end && j < count + rows_ahead; ++j) {
      const Weight* next = rows + static_cast<std::size_t>(source[j] - first_source) * stride;
      group.row(width, [&](auto k) { prefetch(next, k); });
    }
    group.push(count, width, out, [&](index j, auto k) {
      return load(rows + static_cast<std::size_t>(source[j] - first_source) * stride, k) *
             activity[j];
    });
  }
};
using push_dense = push_dense_of<float>;

// The same over CSR rows: edges of source i are indptr[i] .. indptr[i+1].
template <class Weight>
struct push_sparse_of {
  const std::uint64_t* indptr;
  const index* target;    // (edges)
  const Weight* weights;  // (edges)
  index width, count;
  const index* source;    // (count) ascending
  const float* activity;  // (count)
  float* out;             // (width)

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.each(width, [&](index k) { out[k] = 0.0f; });
    for (index j = 0; j < count; ++j) {
      const std::uint64_t first = indptr[source[j]];
      const auto degree = static_cast<index>(indptr[source[j] + 1] - first);
      group.each(degree, [&](index e) {
        out[target[first + e]] += load(weights + first, e) * activity[j];
      });
    }
  }
};
using push_sparse = push_sparse_of<float>;

// out[target] += weight * activity[j] over the edges begin[i] .. end[i] of each active source i =
// source[j], ascending: explicit edges into one site's targets. The caller has set `out` (indexed
// by target) to zero.
template <class Weight>
struct push_edges_of {
  const std::uint64_t* begin;  // by source
  const std::uint64_t* end;
  const index* target;    // (edges)
  const Weight* weights;  // (edges)
  index count;
  const index* source;    // (count) ascending
  const float* activity;  // (count)
  float* out;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    for (index j = 0; j < count; ++j) {
      const std::uint64_t first = begin[source[j]];
      const float s = activity[j];
      group.each(static_cast<index>(end[source[j]] - first),
                 [&](index e) { out[target[first + e]] += load(weights + first, e) * s; });
    }
  }
};
using push_edges = push_edges_of<float>;

// The same over synapses with retention of their own: strength u^age, where age is that of the
// source.
struct push_aging_edges {
  push_edges edges;
  const float* retention;    // (edges) u
  const std::uint64_t* age;  // as `source`

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    for (index j = 0; j < edges.count; ++j) {
      const std::uint64_t first = edges.begin[edges.source[j]];
      const float s = edges.activity[j];
      group.each(static_cast<index>(edges.end[edges.source[j]] - first), [&](index e) {
        edges.out[edges.target[first + e]] +=
            edges.weights[first + e] * static_cast<float>(power(retention[first + e], age[j])) * s;
      });
    }
  }
};

// What push_edges and push_aging_edges add up, pulled: the edges that arrive at a row's target,
// ascending by source, one accumulator, only sources that are active. A row is a target, or a
// target for the sources of one head. For entries first .. last-1 of a list of rows, one lane each.
struct pull_edges {
  const std::uint64_t* indptr;  // by row
  const index* source;          // (edges)
  const std::uint64_t*
      edge;  // (edges) where an edge's weight, rate and u are; null: where its source is
  const float* weights;
  const bfloat16* narrow;    // in place of `weights`
  const float* activity;     // by source; 0: not active
  const float* retention;    // u by edge; null: none of their own
  const std::uint64_t* age;  // by source
  const index* row;          // null: row = entry
  float* out;                // by row

  BDH_INLINE constexpr float term(std::uint64_t k) const {
    const float s = activity[source[k]];
    if (s == 0.0f) return 0.0f;
    const std::uint64_t e = edge ? edge[k] : k;
    if (narrow) return to_float(narrow[e]) * s;
    return retention ? weights[e] * static_cast<float>(power(retention[e], age[source[k]])) * s
                     : weights[e] * s;
  }

  template <class Group>
  constexpr void operator()(const Group& group, index first, index last) const noexcept {
    group.each(last - first, [&](index k) {
      const index r = row ? row[first + k] : first + k;
      float z = 0.0f;
      for (std::uint64_t e = indptr[r]; e < indptr[r + 1]; ++e) z += term(e);  // z + 0 is z
      out[r] = z;
    });
  }
};

// The same of one entry, by the whole group: for rows of many edges.
struct pull_many_edges {
  pull_edges edges;

  template <class Group>
  constexpr void operator()(const Group& group, index entry) const noexcept {
    const index r = edges.row ? edges.row[entry] : entry;
    const std::uint64_t first = edges.indptr[r];
    const float z = group.ordered_sum(static_cast<index>(edges.indptr[r + 1] - first),
                                      [&](index k) { return edges.term(first + k); });
    group.once([&] { edges.out[r] = z; });
  }
};

// out[k] = left[k] + right[k]: a node of the tree of blocks, from its halves. `out` may be one of
// them.
struct add_halves {
  const float* left;   // (width)
  const float* right;  // (width)
  index width;
  float* out;  // (width)

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(width, [&](auto k) { store(out, k, load(left, k) + load(right, k)); });
  }
};

// out[k] = root of the tree over the partial sums of `count` >= 1 blocks: what a hub receives. They
// stand one behind the other, `stride` apart, and are overwritten, three levels at a time: a node
// stands where its first block was. Those of silent blocks, and those that there are not, are 0,
// which no sum of a block is negatively, so that they change no bit. `out` may be the first of
// them.
struct reduce_blocks {
  float* parts;
  index stride, width, count;
  float* out;  // (width)

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(width, [&](auto k) {
      for (std::size_t apart = 1; apart < count; apart *= 8)
        for (std::size_t first = 0; first < count; first += 8 * apart) {
          const auto node = [&](std::size_t child) {
            const std::size_t block = first + child * apart;
            return block < count ? load(parts + block * stride, k) : decltype(load(parts, k)){};
          };
          // Eight loads under way at a time.
          const auto a = node(0), b = node(1), c = node(2), d = node(3), e = node(4), f = node(5),
                     g = node(6), h = node(7);
          store(parts + first * stride, k, ((a + b) + (c + d)) + ((e + f) + (g + h)));
        }
      store(out, k, load(parts, k));
    });
  }
};

// out[k] = sum over `count` partial sums j, ascending, one accumulator, of parts[j][k]: sections of
// neurons, where prompts are read in blocks of tokens.
struct reduce_sections {
  const float* const* parts;  // (count) of (width)
  index width, count;
  float* out;  // (width)

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.push(count, width, out, [&](index j, auto k) { return load(parts[j], k); });
  }
};

// out[r] = sum over m of rows[target[r]][m] * activity[m], over dense rows of `width` sources.
template <class Weight>
struct pull_dense_of {
  const Weight* rows;
  index width;
  const index* target;    // (r + 1 at least); null: row r itself
  const float* activity;  // (width)
  float* out;
  index prefetch_end = 0;  // entries of `target`

  template <class Group>
  constexpr void operator()(const Group& group, index r) const noexcept {
    const Weight* row = rows + static_cast<std::size_t>(target ? target[r] : r) * width;
    const Weight* next = r + rows_ahead < prefetch_end
                             ? rows + static_cast<std::size_t>(target[r + rows_ahead]) * width
                             : nullptr;
    const auto term = [&](auto m) { return load(row, m) * load(activity, m); };
    const auto with_prefetch = [&](auto m) {
      prefetch(next, m);
      return term(m);
    };
    const float z = next ? group.sum(width, with_prefetch) : group.sum(width, term);
    group.once([&] { out[r] = z; });
  }

  // Rows first .. last - 1 at once.
  template <class Group>
  constexpr void operator()(const Group& group, index first, index last) const noexcept {
    if (target == nullptr) {
      const Weight* row = rows + static_cast<std::size_t>(first) * width;
      return group.row_sums(last - first, width, out + first, [&](index s, auto m) {
        return load(row + static_cast<std::size_t>(s) * width, m) * load(activity, m);
      });
    }
    group.row_sums(last - first, width, out + first, [&](index s, auto m) {
      const index r = first + s;
      prefetch(rows + static_cast<std::size_t>(
                          target[r + rows_ahead < prefetch_end ? r + rows_ahead : r]) *
                          width,
               m);
      return load(rows + static_cast<std::size_t>(target[r]) * width, m) * load(activity, m);
    });
  }
};
using pull_dense = pull_dense_of<float>;

// The same of row r for several streams, each with its own activity: the row is read once.
template <class Weight>
struct pull_dense_batch_of {
  const Weight* rows;
  index width, streams;
  const float* const* activity;  // (streams) of (width)
  float* const* out;             // (streams)

  template <class Group>
  constexpr void operator()(const Group& group, index r) const noexcept {
    const Weight* row = rows + static_cast<std::size_t>(r) * width;
    group.sums(
        width, streams, [&](auto m) { return load(row, m); },
        [&](index s, auto m) { return load(activity[s], m); },
        [&](index s, float z) { out[s][r] = z; });
  }
};

// The same over CSR rows: edges that arrive at target k are indptr[k] .. indptr[k+1].
template <class Weight>
struct pull_sparse_of {
  const std::uint64_t* indptr;
  const index* source;    // (edges)
  const Weight* weights;  // (edges)
  const index* target;    // (r + 1 at least); null: row r itself
  const float* activity;
  float* out;

  template <class Group>
  constexpr void operator()(const Group& group, index r) const noexcept {
    const std::size_t row = target ? target[r] : r;
    const std::uint64_t first = indptr[row];
    const float z = group.sum_items(static_cast<index>(indptr[row + 1] - first), [&](index e) {
      return load(weights + first, e) * activity[source[first + e]];
    });
    group.once([&] { out[r] = z; });
  }
};
using pull_sparse = pull_sparse_of<float>;

}  // namespace bdh::kernels
