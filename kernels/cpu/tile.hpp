// What the bodies of prompts in blocks (kernels/cpu/prefill_bodies.hpp) are made of: vectors, masks
// of active tokens, and matrix products, in tiles that the registers hold.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/group.hpp"

namespace bdh::kernels {

inline constexpr index block_tokens = 64;  // tokens of a block, neurons of a tile
inline constexpr index half_block = 32;    // what short blocks are filled up to

// a b + z, rounded once.
BDH_INLINE float fused(float a, float b, float z) {
#if defined(__FMA__) || defined(__FP_FAST_FMAF)
  return __builtin_fmaf(a, b, z);
#else
  // The product is exact in double, and so is the error of the sum; rounding the sum to odd makes
  // the last rounding the only one.
  const double product = static_cast<double>(a) * static_cast<double>(b), addend = z,
               sum = product + addend;
  const double added = sum - product, error = (product - (sum - added)) + (addend - added);
  auto bits = std::bit_cast<std::uint64_t>(sum);
  if ((error > 0 || error < 0) && (bits & 1) == 0)
    bits += (error > 0) == (sum > 0) ? 1 : ~std::uint64_t{0};
  return static_cast<float>(std::bit_cast<double>(bits));
#endif
}

template <class Vector>
BDH_INLINE Vector fused(Vector a, Vector b, Vector z) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Vector) == 64) return _mm512_fmadd_ps(a, b, z);
#endif
#if defined(__FMA__)
  if constexpr (sizeof(Vector) == 32) return _mm256_fmadd_ps(a, b, z);
#endif
  Vector r;
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(float); ++i)
    r[i] = fused(float{a[i]}, float{b[i]}, float{z[i]});
  return r;
}

// One bit for each value that is not zero; a NaN is not.
template <class Vector>
BDH_INLINE std::uint64_t active_bits(Vector v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Vector) == 64)
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(Vector) == 32)
    return static_cast<std::uint64_t>(
        _mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ)));
#endif
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(float); ++i)
    bits |= static_cast<std::uint64_t>(v[i] != 0.0f) << i;
  return bits;
}

BDH_INLINE int count_bits(std::uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  return static_cast<int>(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

// Lane p takes lane p + half, for half = Width / 2, ..., 1.
template <int Width>
BDH_INLINE float butterfly(typename vector_of<Width>::type v) {
  if constexpr (Width == 1) {
    return v[0];
  } else {
    constexpr int half = Width / 2;
    using small = typename vector_of<half>::type;
    small low, high;
    __builtin_memcpy(&low, &v, sizeof low);
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return butterfly<half>(low + high);
  }
}

// columns[t] bit r = rows[r] bit t.
BDH_INLINE void transpose_bits(const std::uint64_t* rows, std::uint64_t* columns) {
  for (int r = 0; r < 64; ++r) columns[r] = rows[r];
  std::uint64_t keep = 0x00000000ffffffff;
  for (int step = 32; step != 0; step /= 2, keep ^= keep << step)
    for (int r = 0; r < 64; r = ((r | step) + 1) & ~step) {
      const std::uint64_t swapped = ((columns[r] >> step) ^ columns[r | step]) & keep;
      columns[r] ^= swapped << step;
      columns[r | step] ^= swapped;
    }
}

// Memory that will be needed prefetch_range, brought nearer line by line while something else is
// computed.
struct prefetch_range {
  const char *from = nullptr, *end = nullptr;

  BDH_INLINE void line() noexcept {
    if (from >= end) return;
    __builtin_prefetch(from, 0, 2);
    from += 64;
  }
};

// So many hubs of W are used at a time: what fits into the first-level cache.
inline constexpr index tile_depth = 128;

// out[r + i][t + c] (+)= sum over up to tile_depth hubs, from m on, of rows[r + i][hub] W[t +
// c][hub], for i < Rows and Columns vectors of tokens c; where m = 0, out starts from zero. `p`:
// the rows (count x width), by_hub (width x 64) and out (count x 64) of a block_product.
template <int Width, int Columns, int Rows, class Product>
BDH_INLINE void product_tile(const Product& p, index r, index m, index t,
                             prefetch_range& ahead) noexcept {
  using vector = typename vector_of<Width>::type;
  float* const to = p.out + static_cast<std::size_t>(r) * block_tokens + t;
  const auto place = [&](int i, int c) __attribute__((always_inline)) {
    return pack<Width>{static_cast<std::size_t>(i) * block_tokens +
                       static_cast<std::size_t>(c * Width)};
  };
  vector z[Rows][Columns] = {};
  if (m != 0)
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) z[i][c] = load(to, place(i, c));
  // Every third row has a pointer, the others are one and two strides from it: what an address
  // can say.
  const std::size_t stride = p.width;
  const float* row[(Rows + 2) / 3];
  for (int i = 0; i < Rows; i += 3)
    row[i / 3] = p.rows + (r + static_cast<std::size_t>(i)) * stride + m;
  const float* from = p.by_hub + static_cast<std::size_t>(m) * block_tokens + t;
  const auto step = [&]() __attribute__((always_inline)) {
    vector w[Columns];
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c)
      w[c] = load(from, pack<Width>{static_cast<std::size_t>(c * Width)});
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const vector a = row[i / 3][static_cast<std::size_t>(i % 3) * stride] - vector{};
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) z[i][c] = fused(a, w[c], z[i][c]);
    }
    for (int i = 0; i < Rows; i += 3) ++row[i / 3];
    from += block_tokens;
  };
  const index end = m + tile_depth < p.width ? m + tile_depth : p.width;
  for (; m + 4 <= end; m += 4) {
    ahead.line();
    for (int i = 0; i < 4; ++i) step();
  }
  for (; m < end; ++m) step();
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) store(to, place(i, c), z[i][c]);
}

// out[r][t] = sum over m of rows[r][m] W[t][m], for `count` rows; W is given by hubs.
struct block_product {
  const float* rows;           // (count x width)
  const float* by_hub;         // (width x 64)
  index count, width, tokens;  // tokens: 32 or 64
  float* out;                  // (count x 64)
  prefetch_range next = {};

  template <class Group>
  void operator()(const Group&) const noexcept {
    constexpr int width_of = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    prefetch_range ahead = next;
    for (index m = 0; m < width;
         m += tile_depth) {  // as much of W at a time as fits into the first-level cache
      if constexpr (width_of == 16)
        if (tokens == block_tokens) {
          columns<width_of, 4, 7>(m, ahead);
          continue;
        }
      columns<width_of, 2, width_of == 4 ? 2 : 6>(m, ahead);
    }
  }

 private:
  // Tiles of Rows x Columns vectors.
  template <int Width, int Columns, int Rows>
  BDH_INLINE void columns(index m, prefetch_range& ahead) const noexcept {
    for (index t = 0; t < tokens; t += Columns * Width) {
      index r = 0;
      if constexpr (Rows > 6)  // tiles of one row less, where they leave no remainder
        for (; r + Rows <= count && (count - r) % (Rows - 1) != 0; r += Rows)
          product_tile<Width, Columns, Rows>(*this, r, m, t, ahead);
      rows_from<Width, Columns, Rows == 7 ? 6 : Rows>(r, m, t, ahead);
    }
  }
  template <int Width, int Columns, int Rows>
  BDH_INLINE void rows_from(index r, index m, index t, prefetch_range& ahead) const noexcept {
    for (; r + Rows <= count; r += Rows) product_tile<Width, Columns, Rows>(*this, r, m, t, ahead);
    if constexpr (Rows > 1)
      if (r < count) rows_from<Width, Columns, Rows / 2>(r, m, t, ahead);
  }
};

// The same over CSR rows first_row .. first_row + count - 1.
struct block_product_sparse {
  const std::uint64_t* indptr;
  const index* source;
  const float* weights;
  const float* by_hub;  // (width x 64)
  index first_row, count, tokens;
  float* out;  // (count x 64)

  template <class Group>
  void operator()(const Group& group) const noexcept {
    for (index r = 0; r < count; ++r)
      group.row(tokens, [&](auto t) {
        auto z = decltype(load(out, t)){};
        for (std::uint64_t e = indptr[first_row + r]; e < indptr[first_row + r + 1]; ++e)
          z = fused(weights[e] - decltype(z){},
                    load(by_hub + static_cast<std::size_t>(source[e]) * block_tokens, t), z);
        store(out + static_cast<std::size_t>(r) * block_tokens, t, z);
      });
  }
};

}  // namespace bdh::kernels
