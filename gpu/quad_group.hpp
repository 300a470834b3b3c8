// The thread group of kernels/group.hpp for devices: eight threads, of which each stands for four neighbouring lanes. So dense rows are
// read 16 bytes at a time, and the law of summation is that of the host: lane = position mod 32, then a butterfly, whose distances 16, 8
// and 4 are between threads, 2 and 1 within one. What threads are is a parameter, so that threads of the host can take their place:
//
//   Threads::number()               the caller's number in its group, 0..7
//   Threads::meet()                 what threads of the group wrote before, all of them see after
//   Threads::exchange(v, distance)  v of thread number() xor distance; all of them call it
#pragma once

#include "kernels/group.hpp"

namespace bdh::kernels {

inline constexpr index group_threads = 8;

struct quad {  // four consecutive positions
  std::size_t first;
};

struct float_quad {
  float at[4];
};

#if defined(__CUDACC__)
#define BDH_DEVICE __host__ __device__ __forceinline__
#else
#define BDH_DEVICE [[gnu::always_inline]] inline
#endif

BDH_DEVICE float_quad load(const float* from, quad k) {
  const float* const p = from + k.first;
#if defined(__CUDA_ARCH__)
  if (reinterpret_cast<std::uintptr_t>(p) % sizeof(float4) == 0) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    return {{v.x, v.y, v.z, v.w}};
  }
#endif
  return {{p[0], p[1], p[2], p[3]}};  // rows whose width is no multiple of four
}

BDH_DEVICE void store(float* to, quad k, const float_quad& v) {
  float* const p = to + k.first;
#if defined(__CUDA_ARCH__)
  if (reinterpret_cast<std::uintptr_t>(p) % sizeof(float4) == 0) {
    *reinterpret_cast<float4*>(p) = {v.at[0], v.at[1], v.at[2], v.at[3]};
    return;
  }
#endif
  for (int c = 0; c < 4; ++c) p[c] = v.at[c];
}

template <class F>
BDH_DEVICE float_quad by_lane(F f) {
  return {{f(0), f(1), f(2), f(3)}};
}
BDH_DEVICE float_quad operator+(const float_quad& a, const float_quad& b) {
  return by_lane([&](int c) { return a.at[c] + b.at[c]; });
}
BDH_DEVICE float_quad operator-(const float_quad& a, const float_quad& b) {
  return by_lane([&](int c) { return a.at[c] - b.at[c]; });
}
BDH_DEVICE float_quad operator*(const float_quad& a, const float_quad& b) {
  return by_lane([&](int c) { return a.at[c] * b.at[c]; });
}
BDH_DEVICE float_quad operator-(const float_quad& a, float b) {
  return by_lane([&](int c) { return a.at[c] - b; });
}
BDH_DEVICE float_quad operator*(const float_quad& a, float b) {
  return by_lane([&](int c) { return a.at[c] * b; });
}
BDH_DEVICE float_quad positive_part(const float_quad& z) {
  return by_lane([&](int c) { return positive_part(z.at[c]); });
}

template <class Threads>
struct quad_group {
  template <class F>
  BDH_DEVICE void each(index n, F f) const {
    for (std::size_t i = Threads::number(); i < n; i += group_threads) f(static_cast<index>(i));
    Threads::meet();
  }

  template <class F>
  BDH_DEVICE void row(index n, F f) const {
    const std::size_t quads = n / 4;
    for (std::size_t q = Threads::number(); q < quads; q += group_threads) f(quad{4 * q});
    if (const index k = static_cast<index>(4 * quads) + Threads::number(); k < n) f(k);
    Threads::meet();
  }

  template <class F>
  BDH_DEVICE float sum(index n, F f) const {
    float_quad lane{};
    const std::size_t full = n / lanes * lanes;
    for (std::size_t k = 4 * Threads::number(); k < full; k += lanes) lane = lane + f(quad{k});
    for (index c = 0; c < 4; ++c)
      if (const std::size_t k = full + 4 * Threads::number() + c; k < n) lane.at[c] += f(static_cast<index>(k));
    return butterfly(lane);
  }

  template <class F>
  BDH_DEVICE float sum_items(index n, F f) const {
    float_quad lane{};
    for (std::size_t k = 4 * Threads::number(); k < n; k += lanes)
      for (index c = 0; c < 4; ++c)
        if (k + c < n) lane.at[c] += f(static_cast<index>(k) + c);
    return butterfly(lane);
  }

  template <class F>
  BDH_DEVICE void push(index count, index n, float* out, F f) const {
    row(n, [&](auto k) {
      auto z = decltype(f(0u, k)){};
      index j = 0;
      for (; j + 8 <= count; j += 8) {  // eight loads under way at a time; the order of additions is the same
        decltype(z) term[8];
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
        for (index u = 0; u < 8; ++u) term[u] = f(j + u, k);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
        for (index u = 0; u < 8; ++u) z = z + term[u];
      }
      for (; j < count; ++j) z = z + f(j, k);
      store(out, k, z);
    });
  }

  template <class F>
  BDH_DEVICE void once(F f) const {
    if (Threads::number() == 0) f();
    Threads::meet();
  }

 private:
  BDH_DEVICE static float butterfly(float_quad lane) {
    for (index distance = group_threads / 2; distance > 0; distance /= 2)
      for (int c = 0; c < 4; ++c) lane.at[c] += Threads::exchange(lane.at[c], distance);
    return (lane.at[0] + lane.at[2]) + (lane.at[1] + lane.at[3]);
  }
};

}  // namespace bdh::kernels
