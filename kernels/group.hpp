// The thread group that every kernel body is written on, and its host implementation. A group has
// 32 lanes and these verbs:
//
//   each(n, f)                f(i) for i < n, items independent of each other
//   row(n, f)                 f(k) for k < n, consecutive positions: k may stand for several at
//                             once (load and store below)
//   sum(n, f)                 f(0) + ... + f(n-1): lane = position mod 32, then a fixed butterfly
//                             (pulled rows, pools)
//   sums(n, many, f, g, h)    h(s, sum(n, f(k) g(s, k))) for s < many: f(k) is loaded once for
//                             several (streams over one model; host only)
//   row_sums(many, n, out, f) out[s] = sum(n, f(s, k)) for s < many: several butterflies at once
//                             (pulled rows; host only)
//   sum_items(n, f)           the same for items that are gathered one by one (sparse rows)
//   ordered_sum(n, f)         the same with one accumulator, ascending (explicit edges that meet at
//                             a target)
//   push(count, n, out, f)    out[k] = sum over j of f(j, k): j ascending, one accumulator
//                             (pushed sums)
//   once(f)                   f() by one lane
//
// Sums, `push` and tree_node are the law of summation: it is written here and nowhere else, so
// results do not depend on the number of threads, on the instruction set or on the device. Bodies
// use no other lane arithmetic, no atomics and no libm.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <bdh/bfloat16.hpp>

namespace bdh::kernels {

using index = std::uint32_t;
inline constexpr index lanes = 32;

// Compiled once for each instruction set: must never exist as a function that another file could
// call.
#define BDH_INLINE [[gnu::always_inline]] inline

BDH_INLINE constexpr float load(const float* from, index k) { return from[k]; }
BDH_INLINE constexpr float load(const bfloat16* from, index k) { return to_float(from[k]); }
BDH_INLINE constexpr double load(const double* from, index k) { return from[k]; }
BDH_INLINE constexpr void store(float* to, index k, float value) { to[k] = value; }
BDH_INLINE constexpr void store(double* to, index k, double value) { to[k] = value; }
// Brings what load(from, k) will read nearer, where that is worth an instruction.
template <class T>
BDH_INLINE constexpr void prefetch(const T*, index) {}
// max(z, 0), but a NaN stays a NaN: it must be seen, not silenced.
BDH_INLINE constexpr float positive_part(float z) { return z <= 0.0f ? 0.0f : z; }
template <class Float>  // a template, since clang takes constexpr at its word where a function is
                        // none
BDH_INLINE constexpr Float square_root(Float z) {
  return __builtin_sqrtf(z);  // correctly rounded by IEEE 754
}

// Partial sums of blocks of sources are added by a binary tree over the blocks' numbers: a node of
// level l stands for 2^l blocks from a multiple of 2^l on, and is its left half plus its right
// half, or the one of them that has a sum where the other has none (its blocks are silent, or past
// the last). A site that owns all blocks of a node can add it up by itself.
struct tree_node {
  index begin, end;  // blocks
};
// The lowest node that two blocks, or two nodes of which these are blocks, have in common.
BDH_INLINE constexpr tree_node meeting_node(index left, index right) {
  const int level = std::bit_width(left ^ right);
  const index begin = level >= 32 ? 0 : right >> level << level;
  return {begin, level >= 32 ? ~index{0} : begin + (index{1} << level)};
}
// How a row is rounded to bfloat16 at random. To the bits of the value at k are added, before the
// last 16 are cut off,
//
//     r(k) = (multiplier k + addend mod 2^32) >> 16
//
// where multiplier and addend are random bits of this row and token. So every r(k) is uniform, and
// the mean of what is stored is the value; for k < 2^16 any two are independent (Dietzfelbinger
// 1996), and those of other rows and tokens as the random bits are.
struct random_rounding {
  std::uint32_t multiplier, addend;
};

// As store; floats are stored as they are.
BDH_INLINE constexpr void store(float* to, index k, float value, random_rounding) { to[k] = value; }
BDH_INLINE constexpr void store(bfloat16* to, index k, float value, random_rounding how) {
  to[k].bits = static_cast<std::uint16_t>(
      (std::bit_cast<std::uint32_t>(value) + ((how.multiplier * k + how.addend) >> 16)) >> 16);
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
  typedef float unaligned
      __attribute__((vector_size(width * sizeof(float)), aligned(alignof(float)), may_alias));
  typedef std::uint32_t bits __attribute__((vector_size(width * sizeof(std::uint32_t))));
  typedef std::uint16_t halves __attribute__((vector_size(width * sizeof(std::uint16_t)),
                                              aligned(alignof(std::uint16_t)), may_alias));
};

template <int width>
inline typename vector_of<width>::type load(const float* from, pack<width> k) {
  return *reinterpret_cast<const typename vector_of<width>::unaligned*>(from + k.first);
}
// 16 bits to 32 and back: one instruction where there is one, of which the compiler makes several.
template <int width>
inline typename vector_of<width>::bits widened(const bfloat16* from) {
  using v = vector_of<width>;
#if defined(__AVX512F__)
  const auto* half = reinterpret_cast<const __m256i*>(from);
  if constexpr (width == 16)
    return reinterpret_cast<typename v::bits>(
        _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(half)));
#endif
#if defined(__AVX2__)
  if constexpr (width == 8)
    return reinterpret_cast<typename v::bits>(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#endif
  return __builtin_convertvector(*reinterpret_cast<const typename v::halves*>(from),
                                 typename v::bits);
}
template <int width>
inline void narrow(bfloat16* to, typename vector_of<width>::bits bits) {  // below 2^16
  using v = vector_of<width>;
#if defined(__AVX512F__)
  if constexpr (width == 16)
    return _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to),
        _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(bits)));
#endif
#if defined(__AVX2__)
  if constexpr (width == 8) {
    const __m256i all = reinterpret_cast<__m256i>(bits);  // packed within halves of the register
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(all, all), 0b1000);
    return _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
  }
#endif
  *reinterpret_cast<typename v::halves*>(to) = __builtin_convertvector(bits, typename v::halves);
}
template <int width>
inline typename vector_of<width>::type load(const bfloat16* from, pack<width> k) {
  return reinterpret_cast<typename vector_of<width>::type>(widened<width>(from + k.first) << 16);
}
template <int width>
inline void store(float* to, pack<width> k, typename vector_of<width>::type value) {
  *reinterpret_cast<typename vector_of<width>::unaligned*>(to + k.first) = value;
}
template <int width, class T>
inline void prefetch(const T* from, pack<width> k) {
  if (k.first % (64 / sizeof(T)) == 0) __builtin_prefetch(from + k.first);  // once a cache line
}
template <int width>
inline void store(float* to, pack<width> k, typename vector_of<width>::type value,
                  random_rounding) {
  store(to, k, value);
}
template <int width, std::uint32_t... k>
BDH_INLINE typename vector_of<width>::bits counting(std::integer_sequence<std::uint32_t, k...>) {
  return typename vector_of<width>::bits{k...};
}
template <int width>
inline void store(bfloat16* to, pack<width> k, typename vector_of<width>::type value,
                  random_rounding how) {
  using v = vector_of<width>;
  const auto each =
      how.multiplier * counting<width>(std::make_integer_sequence<std::uint32_t, width>()) +
      how.addend;
  const auto random = (each + how.multiplier * static_cast<std::uint32_t>(k.first)) >> 16;
  narrow<width>(to + k.first, (reinterpret_cast<typename v::bits>(value) + random) >> 16);
}
template <class Vector>
inline Vector positive_part(Vector z) {
  return z <= Vector{} ? Vector{} : z;
}

// The butterfly within a register: its upper half is added to its lower one until one value is
// left.
template <int width, int... k>
BDH_INLINE auto halves_added(typename vector_of<width>::type v, std::integer_sequence<int, k...>) {
  return __builtin_shufflevector(v, v, k...) + __builtin_shufflevector(v, v, (k + width / 2)...);
}
template <int width>
BDH_INLINE float folded(typename vector_of<width>::type v) {
  if constexpr (width > 2)
    return folded<width / 2>(halves_added<width>(v, std::make_integer_sequence<int, width / 2>()));
  else
    return v[0] + v[1];
}

// The same of two registers, each of which holds the rows' values in blocks of so many lanes: every
// block is halved, and those of `a` come before those of `b`.
template <int width, int block, int... k>
BDH_INLINE auto blocks_halved(typename vector_of<width>::type a, typename vector_of<width>::type b,
                              std::integer_sequence<int, k...>) {
  return __builtin_shufflevector(a, b, (k / (block / 2) * block + k % (block / 2))...) +
         __builtin_shufflevector(a, b, (k / (block / 2) * block + k % (block / 2) + block / 2)...);
}
// Of `width` registers, one value each.
template <int width, int block = width>
BDH_INLINE typename vector_of<width>::type folded_together(typename vector_of<width>::type* v) {
  if constexpr (block > 1) {
#pragma GCC unroll 8
    for (int j = 0; j < block / 2; ++j)
      v[j] = blocks_halved<width, block>(v[2 * j], v[2 * j + 1],
                                         std::make_integer_sequence<int, width>());
    return folded_together<width, block / 2>(v);
  } else {
    return v[0];
  }
}

// One thread standing for the whole group; `Width` floats at a time (4: plain x86-64, 8: AVX2, 16:
// AVX-512).
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
    return folded<Width>(summed(n, f));
  }

  template <class F>
  void row_sums(index many, index n, float* out, F f) const {
    index s = 0;
    for (; s + Width <= many; s += Width) {
      vector row[Width];
#pragma GCC unroll 16
      for (index r = 0; r < Width; ++r) row[r] = summed(n, [&](auto k) { return f(s + r, k); });
      store(out, pack<Width>{s}, folded_together<Width>(row));
    }
    for (; s < many; ++s) out[s] = sum(n, [&](auto k) { return f(s, k); });
  }

  template <class F, class G, class H>
  void sums(index n, index many, F f, G g, H h) const {
    constexpr index abreast = Width >= 4 ? Width / 4 : 1;  // what the registers hold
    index s = 0;
    for (; s + abreast <= many; s += abreast) sums_abreast<abreast>(n, s, f, g, h);
    for (; s < many; ++s) sums_abreast<1>(n, s, f, g, h);
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
  float ordered_sum(index n, F f) const {
    float z = 0.0f;
    for (index k = 0; k < n; ++k) z += f(k);
    return z;
  }

  template <class F>
  void push(index count, index n, float* out, F f) const {
    row(n, [&](auto k) { store(out, k, decltype(load(out, k)){}); });
    index j = 0;
    for (; j + 4 <= count;
         j += 4)  // four at a time only saves loads of `out`; the order of additions is the same
      row(n, [&](auto k) {
        store(out, k, (((load(out, k) + f(j, k)) + f(j + 1, k)) + f(j + 2, k)) + f(j + 3, k));
      });
    for (; j < count; ++j) row(n, [&](auto k) { store(out, k, load(out, k) + f(j, k)); });
  }

  template <class F>
  void once(F f) const {
    f();
  }

 private:
  static constexpr int parts = static_cast<int>(lanes) / Width;

  template <index abreast, class F, class G, class H>
  void sums_abreast(index n, index first, F f, G g, H h) const {
    vector lane[abreast][parts];
#pragma GCC unroll 8
    for (index s = 0; s < abreast; ++s)
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p) lane[s][p] = vector{};
    index k = 0;
    for (; k + lanes <= n; k += lanes)
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p) {
        const pack<Width> at{k + static_cast<index>(p * Width)};
        const vector shared = f(at);
#pragma GCC unroll 8
        for (index s = 0; s < abreast; ++s) lane[s][p] += shared * g(first + s, at);
      }
#pragma GCC unroll 8
    for (index s = 0; s < abreast; ++s)
      h(first + s, folded<Width>(one_register(lane[s], k, n,
                                              [&](auto at) { return f(at) * g(first + s, at); })));
  }

  // The lanes of a sum, those in the same place of each vector added up.
  template <class F>
  BDH_INLINE static vector summed(index n, F f) {
    vector lane[parts] = {};
    index k = 0;
    for (; k + lanes <= n; k += lanes)
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p) lane[p] += f(pack<Width>{k + static_cast<index>(p * Width)});
    return one_register(lane, k, n, f);
  }

  // The terms from k on, which fill no vectors, are added to their lanes; then the butterfly,
  // distances 16, 8, 4, 2, 1, as far as it goes from vector to vector.
  template <class F>
  BDH_INLINE static vector one_register(vector* lane, index k, index n, F f) {
    if (k < n) {
      float single[lanes];
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p)
        store(single, pack<Width>{static_cast<std::size_t>(p * Width)}, lane[p]);
      for (; k < n; ++k) single[k % lanes] += f(k);
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p)
        lane[p] = load(single, pack<Width>{static_cast<std::size_t>(p * Width)});
    }
#pragma GCC unroll 8
    for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int p = 0; p < half; ++p) lane[p] += lane[p + half];
    return lane[0];
  }
};

#endif

}  // namespace bdh::kernels
