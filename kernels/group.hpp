// The thread group that every kernel body is written on, and its host implementation. A group has 32 lanes and these verbs:
//
//   each(n, f)             f(i) for i < n, items independent of each other
//   row(n, f)              f(k) for k < n, consecutive positions: k may stand for several at once (load and store below)
//   sum(n, f)              f(0) + ... + f(n-1): lane = position mod 32, then a fixed butterfly   (pulled rows, pools)
//   sum_items(n, f)        the same for items that are gathered one by one                      (sparse rows)
//   push(count, n, out, f) out[k] = sum over j of f(j, k): j ascending, one accumulator          (pushed sums)
//   once(f)                f() by one lane
//
// `sum` and `push` are the law of summation: it is written here and nowhere else, so results do not depend on the number of
// threads, on the instruction set or on the device. Bodies use no other lane arithmetic, no atomics and no libm.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bfloat16.hpp"

namespace bdh::kernels {

using index = std::uint32_t;
inline constexpr index lanes = 32;

// Compiled once for each instruction set: must never exist as a function that another file could call.
#define BDH_INLINE [[gnu::always_inline]] inline

BDH_INLINE constexpr float load(const float* from, index k) { return from[k]; }
BDH_INLINE constexpr float load(const bfloat16* from, index k) { return to_float(from[k]); }
BDH_INLINE constexpr void store(float* to, index k, float value) { to[k] = value; }
// max(z, 0), but a NaN stays a NaN: it must be seen, not silenced.
BDH_INLINE constexpr float positive_part(float z) { return z <= 0.0f ? 0.0f : z; }
template <class Float>  // a template, since clang takes constexpr at its word where a function is none
BDH_INLINE constexpr Float square_root(Float z) {
  return __builtin_sqrtf(z);  // correctly rounded by IEEE 754
}

#if !defined(__CUDACC__)

// `width` consecutive positions, and as many floats in one vector register.
template <int width>
struct pack {
  std::size_t first;
};
template <int width>
struct vector_of {
  typedef float type __attribute__((vector_size(width * sizeof(float))));
  typedef float unaligned __attribute__((vector_size(width * sizeof(float)), aligned(alignof(float)), may_alias));
  typedef std::uint32_t bits __attribute__((vector_size(width * sizeof(std::uint32_t))));
  typedef std::uint16_t halves __attribute__((vector_size(width * sizeof(std::uint16_t)), aligned(alignof(std::uint16_t)), may_alias));
};

template <int width>
inline typename vector_of<width>::type load(const float* from, pack<width> k) {
  return *reinterpret_cast<const typename vector_of<width>::unaligned*>(from + k.first);
}
template <int width>
inline typename vector_of<width>::type load(const bfloat16* from, pack<width> k) {
  using v = vector_of<width>;
  const auto halves = *reinterpret_cast<const typename v::halves*>(from + k.first);
  return reinterpret_cast<typename v::type>(__builtin_convertvector(halves, typename v::bits) << 16);
}
template <int width>
inline void store(float* to, pack<width> k, typename vector_of<width>::type value) {
  *reinterpret_cast<typename vector_of<width>::unaligned*>(to + k.first) = value;
}
template <class Vector>
inline Vector positive_part(Vector z) {
  return z <= Vector{} ? Vector{} : z;
}

// One thread standing for the whole group; `Width` floats at a time (4: plain x86-64, 8: AVX2, 16: AVX-512).
template <int Width>
struct host_group {
  using vector = typename vector_of<Width>::type;

  template <class F>
  void each(index n, F f) const {
    for (index i = 0; i < n; ++i) f(i);
  }

  template <class F>
  void row(index n, F f) const {
    index k = 0;
    for (; k + Width <= n; k += Width) f(pack<Width>{k});
    for (; k < n; ++k) f(k);
  }

  template <class F>
  float sum(index n, F f) const {
    constexpr int parts = static_cast<int>(lanes) / Width;
    vector lane[parts] = {};
    index k = 0;
    for (; k + lanes <= n; k += lanes)
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p) lane[p] += f(pack<Width>{k + static_cast<index>(p * Width)});
    if (k < n) {
      float single[lanes];
      for (int p = 0; p < parts; ++p) store(single, pack<Width>{static_cast<std::size_t>(p * Width)}, lane[p]);
      for (; k < n; ++k) single[k % lanes] += f(k);
      for (int p = 0; p < parts; ++p) lane[p] = load(single, pack<Width>{static_cast<std::size_t>(p * Width)});
    }
    // Butterfly: distances 16, 8, 4, 2, 1.
#pragma GCC unroll 8
    for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int p = 0; p < half; ++p) lane[p] += lane[p + half];
    float single[Width];
    store(single, pack<Width>{0}, lane[0]);
#pragma GCC unroll 8
    for (int half = Width / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int p = 0; p < half; ++p) single[p] += single[p + half];
    return single[0];
  }

  // As sum, for items that are gathered one by one.
  template <class F>
  float sum_items(index n, F f) const {
    float lane[lanes] = {};
    for (index k = 0; k < n; ++k) lane[k % lanes] += f(k);
    for (index half = lanes / 2; half > 0; half /= 2)
      for (index p = 0; p < half; ++p) lane[p] += lane[p + half];
    return lane[0];
  }

  template <class F>
  void push(index count, index n, float* out, F f) const {
    row(n, [&](auto k) { store(out, k, decltype(load(out, k)){}); });
    index j = 0;
    for (; j + 4 <= count; j += 4)  // four at a time only saves loads of `out`; the order of additions is the same
      row(n, [&](auto k) { store(out, k, (((load(out, k) + f(j, k)) + f(j + 1, k)) + f(j + 2, k)) + f(j + 3, k)); });
    for (; j < count; ++j) row(n, [&](auto k) { store(out, k, load(out, k) + f(j, k)); });
  }

  template <class F>
  void once(F f) const {
    f();
  }
};

#endif

}  // namespace bdh::kernels
