// The thread group of kernels/group.hpp for devices: some threads, each of which stands for as many
// neighbouring lanes as make 32 of them all. Eight threads read dense rows 16 bytes at a time; 32
// take a long row of edges. The law of summation is that of the host: lane = position mod 32, then
// a butterfly, whose larger distances are between threads, the others within one. What threads are
// is a parameter, so that threads of the host can take their place:
//
//   Threads::count                  4, 8, 16 or 32
//   Threads::number()               the caller's number in its group
//   Threads::meet()                 what threads of the group wrote before, all of them see after
//   Threads::exchange(v, distance)  v of thread number() xor distance; all of them call it
//   Threads::in_order(v, f)         f(v of thread 0), f(v of thread 1), ...; all of them call it,
//                                   and f, which is each one's own
#pragma once

#include "kernels/group.hpp"

namespace bdh::kernels {

template <index width>
struct positions {  // that many, consecutive
  std::size_t first;
};

template <index width>
struct floats {
  float at[width];
};

#if defined(__CUDACC__)
#define BDH_DEVICE __host__ __device__ __forceinline__
#else
#define BDH_DEVICE [[gnu::always_inline]] inline
#endif

template <index width>
BDH_DEVICE floats<width> load(const float* from, positions<width> k) {
  const float* const p = from + k.first;
  floats<width> v;
#if defined(__CUDA_ARCH__)
  if constexpr (width % 4 == 0)
    if (reinterpret_cast<std::uintptr_t>(p) % sizeof(float4) == 0) {
      for (index c = 0; c < width; c += 4) {
        const float4 four = *reinterpret_cast<const float4*>(p + c);
        v.at[c] = four.x;
        v.at[c + 1] = four.y;
        v.at[c + 2] = four.z;
        v.at[c + 3] = four.w;
      }
      return v;
    }
#endif
  for (index c = 0; c < width; ++c) v.at[c] = p[c];  // also rows whose width is no multiple of four
  return v;
}

template <index width>
BDH_DEVICE floats<width> load(const bfloat16* from, positions<width> k) {
  const bfloat16* const p = from + k.first;
  floats<width> v;
#if defined(__CUDA_ARCH__)
  if constexpr (width % 4 == 0)
    if (reinterpret_cast<std::uintptr_t>(p) % sizeof(uint2) == 0) {
      for (index c = 0; c < width; c += 4) {
        const uint2 four = *reinterpret_cast<const uint2*>(p + c);
        v.at[c] = __uint_as_float(four.x << 16);
        v.at[c + 1] = __uint_as_float(four.x & 0xffff0000u);
        v.at[c + 2] = __uint_as_float(four.y << 16);
        v.at[c + 3] = __uint_as_float(four.y & 0xffff0000u);
      }
      return v;
    }
#endif
  for (index c = 0; c < width; ++c) v.at[c] = to_float(p[c]);
  return v;
}

template <index width>
BDH_DEVICE void store(float* to, positions<width> k, const floats<width>& v) {
  float* const p = to + k.first;
#if defined(__CUDA_ARCH__)
  if constexpr (width % 4 == 0)
    if (reinterpret_cast<std::uintptr_t>(p) % sizeof(float4) == 0) {
      for (index c = 0; c < width; c += 4)
        *reinterpret_cast<float4*>(p + c) = {v.at[c], v.at[c + 1], v.at[c + 2], v.at[c + 3]};
      return;
    }
#endif
  for (index c = 0; c < width; ++c) p[c] = v.at[c];
}

template <index width>
BDH_DEVICE void store(float* to, positions<width> k, const floats<width>& v, random_rounding) {
  store(to, k, v);
}
template <index width, class T>
BDH_DEVICE void prefetch(const T*, positions<width>) {}

template <index width, class F>
BDH_DEVICE floats<width> by_lane(F f) {
  floats<width> v;
  for (index c = 0; c < width; ++c) v.at[c] = f(c);
  return v;
}
template <index width>
BDH_DEVICE floats<width> operator+(const floats<width>& a, const floats<width>& b) {
  return by_lane<width>([&](index c) { return a.at[c] + b.at[c]; });
}
template <index width>
BDH_DEVICE floats<width> operator-(const floats<width>& a, const floats<width>& b) {
  return by_lane<width>([&](index c) { return a.at[c] - b.at[c]; });
}
template <index width>
BDH_DEVICE floats<width> operator*(const floats<width>& a, const floats<width>& b) {
  return by_lane<width>([&](index c) { return a.at[c] * b.at[c]; });
}
template <index width>
BDH_DEVICE floats<width> operator-(const floats<width>& a, float b) {
  return by_lane<width>([&](index c) { return a.at[c] - b; });
}
template <index width>
BDH_DEVICE floats<width> operator*(const floats<width>& a, float b) {
  return by_lane<width>([&](index c) { return a.at[c] * b; });
}
template <index width>
BDH_DEVICE floats<width> positive_part(const floats<width>& z) {
  return by_lane<width>([&](index c) { return positive_part(z.at[c]); });
}

template <class Threads>
struct thread_group {
  static constexpr index threads = Threads::count,
                         width = lanes / threads;  // width: lanes of a thread

  template <class F>
  BDH_DEVICE void each(index n, F f) const {
    for (std::size_t i = Threads::number(); i < n; i += threads) f(static_cast<index>(i));
    Threads::meet();
  }

  template <class F>
  BDH_DEVICE void row(index n, F f) const {
    const std::size_t whole = n / width;
    for (std::size_t q = Threads::number(); q < whole; q += threads) f(positions<width>{width * q});
    for (std::size_t k = width * whole + Threads::number(); k < n; k += threads)
      f(static_cast<index>(k));
    Threads::meet();
  }

  template <class F>
  BDH_DEVICE float sum(index n, F f) const {
    floats<width> lane{};
    const std::size_t full = n / lanes * lanes;
#if defined(__CUDA_ARCH__)
#pragma unroll 4
#endif
    for (std::size_t k = width * Threads::number(); k < full; k += lanes)
      lane = lane + f(positions<width>{k});
    for (index c = 0; c < width; ++c)
      if (const std::size_t k = full + width * Threads::number() + c; k < n)
        lane.at[c] += f(static_cast<index>(k));
    return butterfly(lane);
  }

  template <class F>
  BDH_DEVICE float sum_items(index n, F f) const {
    floats<width> lane{};
    for (std::size_t k = width * Threads::number(); k < n; k += lanes)
      for (index c = 0; c < width; ++c)
        if (k + c < n) lane.at[c] += f(static_cast<index>(k) + c);
    return butterfly(lane);
  }

  // The terms of a step by all threads, neighbours side by side; then each thread adds them all.
  template <class F>
  BDH_DEVICE float ordered_sum(index n, F f) const {
    constexpr index terms = 4;  // of a thread in a step: as many loads are under way
    float z = 0.0f;
    for (std::size_t k = 0; k < n; k += terms * threads) {
      float term[terms];
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (index u = 0; u < terms; ++u) {
        const std::size_t at = k + u * threads + Threads::number();
        term[u] = at < n ? f(static_cast<index>(at)) : 0.0f;  // z + 0 is z
      }
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (index u = 0; u < terms; ++u) Threads::in_order(term[u], [&](float v) { z += v; });
    }
    return z;
  }

  template <class F>
  BDH_DEVICE void push(index count, index n, float* out, F f) const {
    row(n, [&](auto k) {
      auto z = decltype(f(0u, k)){};
      index j = 0;
      for (; j + 8 <= count;
           j += 8) {  // eight loads under way at a time; the order of additions is the same
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
  BDH_DEVICE static float butterfly(floats<width> lane) {
    for (index distance = threads / 2; distance > 0; distance /= 2)
      for (index c = 0; c < width; ++c) lane.at[c] += Threads::exchange(lane.at[c], distance);
    for (index half = width / 2; half > 0; half /= 2)
      for (index c = 0; c < half; ++c) lane.at[c] += lane.at[c + half];
    return lane.at[0];
  }
};

}  // namespace bdh::kernels
