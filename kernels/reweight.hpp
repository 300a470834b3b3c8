// Kernel 2 of 4: reweight (Hebb). What fires together wires together:
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) X(i)
//
// over the synapses of one active neuron i. X is given in the rotating frame; u^k is the decay that the row has not yet been
// given since it was last used (kernel 4).
#pragma once

#include "core/base/turn.hpp"
#include "kernels/group.hpp"

namespace bdh::kernels {

struct reweight {
  float* rows;  // stored strengths, rows of `width` targets
  index width, first_source;
  const index* source;    // active neurons
  const float* activity;  // X in the rotating frame, as `source`
  const float* kept;      // u^k, as `source`
  const float* w;         // (width) W of the targets

  template <class Group>
  constexpr void operator()(const Group& group, index j) const noexcept {
    float* row = rows + static_cast<std::size_t>(source[j] - first_source) * width;
    const float x = activity[j], u = kept[j];
    group.row(width, [&](auto k) { store(row, k, load(row, k) * u + load(w, k) * x); });
  }
};

// Explicit edges, where each synapse has its own plasticity rate r, and may have its own retention u:
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) R^t (r X)(i)
//
// The rate acts before the rotation: a pair's two synapses to the same target are written together.
struct reweight_edges {
  const std::uint64_t* begin;  // by neuron: its edges into one site's targets
  const std::uint64_t* end;
  const index* target;     // (edges)
  const float* rate;       // (edges)
  const float* retention;  // (edges); null: `kept` holds for all synapses of a neuron
  float* strength;         // (edges)
  const float* w;          // by target
  const index* unit;       // first neuron of each active unit
  const float* x;          // (2 units) X of both members, or (units)
  const float* cosine;     // (units); null: nothing rotates and a unit is one neuron
  const float* sine;
  const float* kept;         // (units) u^age
  const std::uint64_t* age;  // (units)

  template <class Group>
  constexpr void operator()(const Group& group, index p) const noexcept {
    const std::uint64_t a = begin[unit[p]];
    const auto degree = static_cast<index>(end[unit[p]] - a);
    const auto u = [&](std::uint64_t e) { return retention ? static_cast<float>(power(retention[e], age[p])) : kept[p]; };
    if (!cosine) {
      group.each(degree, [&](index k) { strength[a + k] = strength[a + k] * u(a + k) + w[target[a + k]] * (rate[a + k] * x[p]); });
      return;
    }
    const std::uint64_t b = begin[unit[p] + 1];  // the partner's edges, to the same targets
    const float c = cosine[p], s = sine[p];
    group.each(degree, [&](index k) {
      const float even = rate[a + k] * x[2 * p], odd = rate[b + k] * x[2 * p + 1], kept_now = u(a + k), w_now = w[target[a + k]];
      strength[a + k] = strength[a + k] * kept_now + w_now * (even * c - odd * s);
      strength[b + k] = strength[b + k] * kept_now + w_now * (odd * c + even * s);
    });
  }
};

}  // namespace bdh::kernels
