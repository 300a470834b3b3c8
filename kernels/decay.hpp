// Kernel 4 of 4: decay. sigma <- sigma U after every token, where U is retention u and rotation R:
//
//     sigma after k decays = stored R^k u^(k - last)
//
// No pass over the synapses is made. They are kept in the rotating frame, the kernel itself only
// advances the layer's clock, and an active pair (2m, 2m+1) is turned and aged when it is used:
//
//     sigma x = stored (u^(k - last) R^k x)
//     stored <- u^(k - last) stored + w (R^k x)^T,   last <- k
#pragma once

#include "core/base/sincos.hpp"
#include "kernels/group.hpp"

namespace bdh::kernels {

// One member of a pair of stored strengths gets a laboratory value, the other keeps its own.
// `angle` as the member sees it: of an odd one, with the sine's sign changed.
BDH_INLINE constexpr void set_in_pair(float& mine, float& partner, const cos_sin& angle,
                                      double value) {
  const double other = partner * angle.cosine - mine * angle.sine;
  mine = static_cast<float>(value * angle.cosine - other * angle.sine);
  partner = static_cast<float>(other * angle.cosine + value * angle.sine);
}

// The laboratory value of one member of a pair of stored strengths, aged by `decay`; `angle` as
// above.
BDH_INLINE constexpr float in_laboratory(double mine, double partner, const cos_sin& angle,
                                         double decay) {
  return static_cast<float>(decay * (mine * angle.cosine + partner * angle.sine));
}

// For the `count` active pairs of one layer: X of both members, turned; and u^age.
struct turn_pairs {
  const index* pair;  // (count) first member of each active pair
  const float* x;     // X, indexed from first_neuron
  index first_neuron, per_head;
  const float* cosine;        // (per_head / 2) at the layer's clock
  const float* sine;          // (per_head / 2)
  const std::uint64_t* last;  // clock at last use of the pair's unit, indexed from first_neuron / 2
  std::uint64_t clock;
  double retention;
  float* turned;  // (2 count) R^clock X
  float* aged;    // (2 count) u^age R^clock X
  float* decay;   // (2 count) u^age

  template <class Group>
  constexpr void operator()(const Group& group, index count) const noexcept {
    group.each(count, [&](index p) {
      const index i = pair[p] - first_neuron, m = pair[p] % per_head / 2;
      const float c = cosine[m], s = sine[m];
      const float even = x[i] * c - x[i + 1] * s, odd = x[i + 1] * c + x[i] * s;
      const float u = static_cast<float>(power(retention, clock - last[i / 2]));
      turned[2 * p] = even;
      turned[2 * p + 1] = odd;
      aged[2 * p] = even * u;
      aged[2 * p + 1] = odd * u;
      decay[2 * p] = decay[2 * p + 1] = u;
    });
  }
};

// The same for single neurons, where nothing rotates.
struct age_neurons {
  const index* neuron;  // (count)
  const float* x;
  index first_neuron;
  const std::uint64_t* last;  // indexed from first_neuron
  std::uint64_t clock;
  double retention;
  float* turned;  // (count) X
  float* aged;    // (count) u^age X
  float* decay;   // (count) u^age

  template <class Group>
  constexpr void operator()(const Group& group, index count) const noexcept {
    group.each(count, [&](index p) {
      const index i = neuron[p] - first_neuron;
      const float u = static_cast<float>(power(retention, clock - last[i]));
      turned[p] = x[i];
      aged[p] = x[i] * u;
      decay[p] = u;
    });
  }
};

}  // namespace bdh::kernels
