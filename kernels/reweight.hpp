// Kernel 2 of 4: reweight (Hebb). What fires together wires together:
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) X(i)
//
// over the synapses of one active neuron i. X is given in the rotating frame; u^k is the decay that
// the row has not yet been given since it was last used (kernel 4).
#pragma once

#include "core/base/sincos.hpp"
#include "kernels/propagate.hpp"

namespace bdh::kernels {

template <class Strength>
struct reweight_of {
  Strength* rows;  // stored strengths, rows of `width` targets
  index width, first_source;
  const index* source;                        // active neurons
  const float* activity;                      // X in the rotating frame, as `source`
  const float* decay;                         // u^k, as `source`
  const float* w;                             // (width) W of the targets
  const random_rounding* rounding = nullptr;  // as `source`; of bfloat16

  template <class Group>
  constexpr void operator()(const Group& group, index j) const noexcept {
    Strength* row = rows + static_cast<std::size_t>(source[j] - first_source) * width;
    const float x = activity[j], u = decay[j];
    const random_rounding how = rounding ? rounding[j] : random_rounding{};
    group.row(width, [&](auto k) { store(row, k, load(row, k) * u + load(w, k) * x, how); });
  }
};
using reweight = reweight_of<float>;

// push_dense over synapse rows (kernel 1), and reweight right behind it: each row is loaded once.
// Whether all that was written is finite.
template <class Strength>
struct push_and_reweight_of {
  reweight_of<Strength> write;
  index count,
      prefetch_end;  // rows; entries of `source`, of which those behind `count` are the next call's
  const float* activity;  // (count) u^k X in the rotating frame
  float* out;             // (width)

  template <class Group>
  constexpr bool operator()(const Group& group) const noexcept {
    group.row(write.width, [&](auto k) { store(out, k, decltype(load(out, k)){}); });
    bool finite = true;
    for (index j = 0; j < count; ++j) {
      const auto row_of = [&](index at) {
        return write.rows +
               static_cast<std::size_t>(write.source[at] - write.first_source) * write.width;
      };
      Strength* row = row_of(j);
      const Strength* next = row_of(j + 2 * rows_ahead < prefetch_end ? j + 2 * rows_ahead : j);
      const float s = activity[j], x = write.activity[j], u = write.decay[j];
      const random_rounding how = write.rounding ? write.rounding[j] : random_rounding{};
      const float none = group.sum(write.width, [&](auto k) {  // 0, or not a number
        prefetch(next, k);
        const auto strength = load(row, k);
        store(out, k, load(out, k) + strength * s);
        const auto written = strength * u + load(write.w, k) * x;
        store(row, k, written, how);
        return written * 0.0f;
      });
      finite = finite && none == 0.0f;
    }
    return finite;
  }
};

// Explicit edges, where each synapse has its own plasticity rate r, and may have its own retention
// u:
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) R^t (r X)(i)
//
// The rate acts before the rotation: a pair's two synapses to the same target are written together.
struct reweight_edges {
  const std::uint64_t* begin;  // by neuron: its edges into one site's targets
  const std::uint64_t* end;
  const index* target;     // (edges)
  const float* rate;       // (edges)
  const float* retention;  // (edges); null: `decay` holds for all synapses of a neuron
  float* strength;         // (edges)
  const float* w;          // by target
  const index* unit;       // first neuron of each active unit
  const float* x;          // (2 units) X of both members, or (units)
  const float* cosine;     // (units); null: nothing rotates and a unit is one neuron
  const float* sine;
  const float* decay;        // (units) u^age
  const std::uint64_t* age;  // (units)

  template <class Group>
  constexpr void operator()(const Group& group, index p) const noexcept {
    const std::uint64_t a = begin[unit[p]];
    const auto degree = static_cast<index>(end[unit[p]] - a);
    const auto u = [&](std::uint64_t e) {
      return retention ? static_cast<float>(power(retention[e], age[p])) : decay[p];
    };
    if (!cosine) {
      group.each(degree, [&](index k) {
        strength[a + k] = strength[a + k] * u(a + k) + w[target[a + k]] * (rate[a + k] * x[p]);
      });
      return;
    }
    const std::uint64_t b = begin[unit[p] + 1];  // the partner's edges, to the same targets
    const float c = cosine[p], s = sine[p];
    group.each(degree, [&](index k) {
      const float even = rate[a + k] * x[2 * p], odd = rate[b + k] * x[2 * p + 1],
                  decay_now = u(a + k), w_now = w[target[a + k]];
      strength[a + k] = strength[a + k] * decay_now + w_now * (even * c - odd * s);
      strength[b + k] = strength[b + k] * decay_now + w_now * (odd * c + even * s);
    });
  }
};

}  // namespace bdh::kernels
