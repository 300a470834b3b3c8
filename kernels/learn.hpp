// How weights change while a model reads (docs/learning.md). The error of a token's prediction
// comes back over the edges that the token used, and an edge changes by what its sender sent times
// the error that came back to its receiver. Errors travel by the bodies of kernel 1; here is what
// happens at hubs and neurons, and the change of a row. dZ is the error of Z, dl/dZ.
#pragma once

#include "core/base/sincos.hpp"
#include "kernels/group.hpp"

namespace bdh::kernels {

// Before a pool's gain: where v = g C u,
//
//     du = g C (dv - v (v . dv) / n),     C subtracts the mean
struct return_gain {
  const float* v;   // (n)
  const float* dv;  // (n)
  index n;
  float gain;  // g
  float* du;   // (n); may be dv

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    const float count = static_cast<float>(n);
    const float share = group.sum(n, [&](auto k) { return load(v, k) * load(dv, k); }) / count;
    const float mean =
        group.sum(n, [&](auto k) { return load(dv, k) - load(v, k) * share; }) / count;
    group.row(n, [&](auto k) { store(du, k, (load(dv, k) - load(v, k) * share - mean) * gain); });
  }
};

// Where Y(k) = P(k) X(k) > 0:   dP(k) = dY(k) X(k),   dX(k) = dY(k) P(k).
struct return_gate {
  const float *dy, *x, *p;  // (n)
  float *dp, *dx;           // (n)
  index n;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(n, [&](auto k) {
      store(dp, k, load(dy, k) * load(x, k));
      store(dx, k, load(dy, k) * load(p, k));
    });
  }
};

// The error that comes back over the synapses of the active neurons:
//
//     dX(i) <- dX(i) + (R^-clock u^(clock - last) s)(i) - X(i) c
//
// s(i) is stored sigma_i . dA. What this token wrote itself, W(j) X(i), is in the rows already and
// is taken away again: c = W . dA.
struct return_synapses {
  const index* unit;       // (count) first neuron of each active unit
  const float* sums;       // (2 count) s of both members, or (count)
  const float* x;          // X, indexed from first_neuron
  const float* own_write;  // c by head; null: nothing was written
  index first_neuron, per_head;
  const float* cosine;        // (per_head / 2) at the clock; null: nothing rotates
  const float* sine;          // (per_head / 2)
  const std::uint64_t* last;  // by unit, from that of first_neuron on
  std::uint64_t clock;        // at which the token read the rows
  double retention;
  float* dx;  // indexed from first_neuron

  BDH_INLINE constexpr void add(index i, index head, float arrived) const {
    if (x[i] == 0.0f) return;  // a silent neuron is at its threshold
    const float all = dx[i] + arrived;
    dx[i] = own_write ? all - x[i] * own_write[head] : all;
  }

  template <class Group>
  constexpr void operator()(const Group& group, index count) const noexcept {
    group.each(count, [&](index p) {
      const index i = unit[p] - first_neuron, head = unit[p] / per_head;
      const float u = static_cast<float>(power(retention, clock - last[cosine ? i / 2 : i]));
      if (!cosine) return add(i, head, sums[p] * u);
      const index m = unit[p] % per_head / 2;
      const float c = cosine[m], s = sine[m], even = sums[2 * p], odd = sums[2 * p + 1];
      add(i, head, (even * c + odd * s) * u);
      add(i + 1, head, (odd * c - even * s) * u);
    });
  }
};

// a - b, but a itself where b is 0: -0 stays -0.
template <class Value>
BDH_INLINE constexpr Value less(Value a, Value b) {
  return b == Value{} ? a : a - b;
}

// A row of weights changes by the gradient of this token, a sum over layers, ascending:
//
//     D = sum over t of factor[t] vector[t]
//     m <- mean(D^2) the first time, then 0.999 m + 0.001 mean(D^2)
//     row <- row - rate D / (sqrt(m) + 1e-4),   or row - rate D where there is no m
//     row <- row + back (origin - row)
//
// Returns the sum of the squares of its change: not finite where the row, m or the change is not.
struct change_row {
  float* row;           // (width)
  const float* origin;  // (width) the model's own weights; null: nothing is drawn back
  index width, terms;
  const float* const* vector;  // (terms) of (width)
  const float* factor;         // (terms)
  float* gradient;             // (width): D
  float rate, back;
  float* mean_square;  // m of the row; below 0: not yet; null: the change is not scaled

  template <class Group>
  constexpr float operator()(const Group& group) const noexcept {
    group.push(terms, width, gradient,
               [&](index t, auto k) { return load(vector[t], k) * factor[t]; });
    float quotient = rate, none = 0.0f;
    if (mean_square) {
      const float now = group.sum(width, [&](auto k) {
        return load(gradient, k) * load(gradient, k);
      }) / static_cast<float>(width);
      const float before = *mean_square;
      const float m = before < 0.0f ? now : 0.999f * before + 0.001f * now;
      group.once([&] { *mean_square = m; });
      quotient = rate / (square_root(m) + 1e-4f);
      none = m * 0.0f;
    }
    return none + group.sum(width, [&](auto k) {
      const auto before = load(row, k);
      auto after = less(before, load(gradient, k) * quotient);
      if (origin) after = less(after, (after - load(origin, k)) * back);
      store(row, k, after);
      return (after - before) * (after - before);
    });
  }
};

}  // namespace bdh::kernels
