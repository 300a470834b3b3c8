// W, the activity of the sources (neurons and sensory nodes), as a token sets it and as a layer's Y
// changes it; e is one-hot on the token's sensory node, every g is 1 where dynamics have no gain:
//
//     token   W = g(e) e
//     layer   W <- W + g(y) y, then W <- g(W) W     where W is a leaky sum
//             W = g(y) y                            else
//
// dynamics::scales_w and dynamics::accumulates_w give the two choices. Hubs carry the picture
// (C) B W instead of W: set_hub_w. Whatever follows W of every source itself uses set_source_w for
// a layer, and w_of_token for a token: direct circuits, devices, the simulator's source_tracker,
// the calibration in double. Code without a thread group of its own takes one_lane:
//
//     kernels::set_source_w{.w = w.data(), .first = 0, .sources = sources,
//                           .neuron = ids, .y = values, .active = count,
//                           .accumulate = rules.accumulates_w(false),
//                           .gain_y = rules.scales_w(false) ? gains.y : 1}(kernels::one_lane{});
//     if (rules.accumulates_w(false))
//       kernels::leak{.w = w.data(), .n = sources, .gain = gains.w}(kernels::one_lane{});
#pragma once

#include "kernels/threshold.hpp"

namespace bdh::kernels {

// Picture of W on the hubs. `z` is B e of the token, or B y of the layer: it is normalised in
// place.
struct set_hub_w {
  float* z;  // (n)
  float* w;  // (n)
  index n;
  float epsilon;
  bool centre;      // C: hubs subtract their mean
  bool scale;       // by g of z: dynamics::scales_w
  bool accumulate;  // dynamics::accumulates_w
  float* gain_y;    // where g(e), g(y) goes, as far as it is computed
  float* gain_w;    // where g(W) goes

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    if (scale || centre)
      normalise{
          .z = z, .n = n, .epsilon = epsilon, .centre = centre, .scale = scale, .gain = gain_y}(
          group);
    if (!accumulate) {
      group.row(n, [&](auto k) { store(w, k, load(z, k)); });
      return;
    }
    integrate{.z = z, .w = w, .n = n}(group);
    normalise{
        .z = w, .n = n, .epsilon = epsilon, .centre = centre, .scale = true, .gain = gain_w}(group);
  }
};

// W of a source that the token has set: its own node's.
template <class Real>
BDH_INLINE constexpr Real w_of_token(bool scale, Real gain) {
  return scale ? gain : Real{1};
}

// W of the sources at the end of a layer, but for the leak (kernels/threshold.hpp), whose gain may
// depend on what stands here. `first`, `sources`: those that are set to zero where W does not
// accumulate. Active neurons are listed, or `neuron` is null and y[k] belongs to w[k].
template <class Real>
struct set_source_w_of {
  Real* w;  // by source
  index first, sources;
  const index* neuron;  // (active), or null
  const float* y;       // (active)
  index active;
  bool accumulate;
  Real gain_y;

  template <class Group>
  constexpr void operator()(const Group& group) const noexcept {
    if (!accumulate) group.each(sources, [&](index j) { w[first + j] = 0; });
    group.each(active, [&](index k) {
      if (y[k] != 0.0f) w[neuron ? neuron[k] : k] += gain_y * y[k];
    });
  }
};
using set_source_w = set_source_w_of<float>;

// A thread group of one lane.
struct one_lane {
  template <class F>
  constexpr void each(index n, F f) const {
    for (index i = 0; i < n; ++i) f(i);
  }
  template <class F>
  constexpr void row(index n, F f) const {
    each(n, f);
  }
};

}  // namespace bdh::kernels
