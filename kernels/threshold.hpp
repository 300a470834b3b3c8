// Kernel 3 of 4: threshold (integrate and fire). Excitation minus inhibition, cut at zero; for Y
// gated by X (replicator gate). And the pool of hubs, whose gain stands before it: divisive
// normalisation, the paper's LayerNorm.
#pragma once

#include "kernels/group.hpp"

namespace bdh::kernels {

// X(k) = (drive)_+, or X(k) += (drive)_+.
struct threshold_x {
  const float* drive;  // (n) X^e - X^i
  float* x;            // (n)
  index n;
  bool accumulate;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    if (accumulate)
      group.row(n, [&](auto k) { store(x, k, load(x, k) + positive_part(load(drive, k))); });
    else
      group.row(n, [&](auto k) { store(x, k, positive_part(load(drive, k))); });
  }
};

// Y = (drive)_+ X, over the neurons with X > 0.
struct threshold_y {
  const float* drive;  // (n) Y^e - Y^i
  const float* x;      // (n)
  float* y;            // (n)
  index n;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(n, [&](auto k) { store(y, k, positive_part(load(drive, k)) * load(x, k)); });
  }
};

// z <- z - mean(z) where `centre`, then z <- z / sqrt(var(z) + epsilon) where `scale`; variance
// is the biased one, about the mean.
struct normalise {
  float* z;  // (n)
  index n;
  float epsilon;
  bool centre, scale;
  float* gain;  // where 1 / sqrt(var(z) + epsilon) goes; may be null

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    const float count = static_cast<float>(n);
    const float mean = group.sum(n, [&](auto k) { return load(z, k); }) / count;
    const float variance =
        group.sum(n, [&](auto k) { return (load(z, k) - mean) * (load(z, k) - mean); }) / count;
    // An overflow must not pass for silence: the second term is 0, or NaN when the variance is not
    // finite.
    const float g = 1.0f / square_root(variance + epsilon) + variance * 0.0f;
    const float factor = scale ? g : 1.0f, shift = centre ? mean : 0.0f;
    group.row(n, [&](auto k) { store(z, k, (load(z, k) - shift) * factor); });
    if (gain) group.once([&] { *gain = g; });
  }
};

// drive = g (excitation - inhibition): what explicit circuits bring to a threshold. `inhibitory`
// may be `drive` itself.
struct net_drive {
  const float *excitatory, *inhibitory;  // (n)
  float* drive;                          // (n)
  index n;
  float gain;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(n,
              [&](auto k) { store(drive, k, (load(excitatory, k) - load(inhibitory, k)) * gain); });
  }
};

// W <- g W.
template <class Real>
struct leak_of {
  Real* w;  // (n)
  index n;
  Real gain;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(n, [&](auto k) { store(w, k, load(w, k) * gain); });
  }
};
using leak = leak_of<float>;

// Whether all values are finite: 0 times each of them adds up to 0, or to NaN.
template <class Value>
struct all_finite_of {
  const Value* values;  // (n)
  index n;

  template <class Group>
  constexpr bool operator()(const Group& group) const noexcept {
    return group.sum(n, [&](auto k) { return load(values, k) * 0.0f; }) == 0.0f;
  }
};
using all_finite = all_finite_of<float>;

// W <- W + z.
struct integrate {
  const float* z;  // (n)
  float* w;        // (n)
  index n;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    group.row(n, [&](auto k) { store(w, k, load(w, k) + load(z, k)); });
  }
};

}  // namespace bdh::kernels
