// Bodies for prompts in blocks (kernels/cpu/prefill.hpp): up to 64 tokens go through a layer side
// by side, over tiles of up to 64 neurons. Which tokens a neuron is active in is one 64-bit mask,
// and so is which neurons of a tile are active in a token.
//
// The law of summation of this path, written here and nowhere else:
//
//   multiply-add           always fused: z + a b is rounded once (fused() below, also where the
//   processor cannot) products, pushed sums  ascending index, one accumulator for each output
//   (block_product, block_push) pulled rows (Gy)       32 lanes, lane = position mod 32, then the
//   butterfly of group.hpp (block_fire) sums over neurons      sections of 2048 neurons that
//   restart at each head, then the sections, ascending
//
// It depends on neither threads, sites nor instruction sets, and differs from group.hpp's: the two
// paths agree up to rounding.
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

// Memory that will be needed soon, brought nearer line by line while something else is computed.
struct soon {
  const char *from = nullptr, *end = nullptr;

  BDH_INLINE void line() noexcept {
    if (from >= end) return;
    __builtin_prefetch(from, 0, 2);
    from += 64;
  }
};

// out[r][t] = sum over m of rows[r][m] W[t][m], for `count` rows; W is given by hubs.
struct block_product {
  const float* rows;           // (count x width)
  const float* by_hub;         // (width x 64)
  index count, width, tokens;  // tokens: 32 or 64
  float* out;                  // (count x 64)
  soon next = {};

  template <class Group>
  void operator()(const Group&) const noexcept {
    constexpr int width_of = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    soon ahead = next;
    for (index m = 0; m < width;
         m += depth) {  // as much of W at a time as fits into the first-level cache
      if constexpr (width_of == 16)
        if (tokens == block_tokens) {
          columns<width_of, 4, 7>(m, ahead);
          continue;
        }
      columns<width_of, 2, width_of == 4 ? 2 : 6>(m, ahead);
    }
  }

 private:
  static constexpr index depth = 128;

  // Tiles of Rows x Columns vectors: what the registers hold.
  template <int Width, int Columns, int Rows>
  BDH_INLINE void columns(index m, soon& ahead) const noexcept {
    for (index t = 0; t < tokens; t += Columns * Width) {
      index r = 0;
      if constexpr (Rows > 6)  // tiles of one row less, where they leave no remainder
        for (; r + Rows <= count && (count - r) % (Rows - 1) != 0; r += Rows)
          tile<Width, Columns, Rows>(r, m, t, ahead);
      rows_from<Width, Columns, Rows == 7 ? 6 : Rows>(r, m, t, ahead);
    }
  }
  template <int Width, int Columns, int Rows>
  BDH_INLINE void rows_from(index r, index m, index t, soon& ahead) const noexcept {
    for (; r + Rows <= count; r += Rows) tile<Width, Columns, Rows>(r, m, t, ahead);
    if constexpr (Rows > 1)
      if (r < count) rows_from<Width, Columns, Rows / 2>(r, m, t, ahead);
  }
  template <int Width, int Columns, int Rows>
  BDH_INLINE void tile(index r, index m, index t, soon& ahead) const noexcept {
    using vector = typename vector_of<Width>::type;
    float* const to = out + static_cast<std::size_t>(r) * block_tokens + t;
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
    const std::size_t stride = width;
    const float* row[(Rows + 2) / 3];
    for (int i = 0; i < Rows; i += 3)
      row[i / 3] = rows + (r + static_cast<std::size_t>(i)) * stride + m;
    const float* from = by_hub + static_cast<std::size_t>(m) * block_tokens + t;
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
    const index end = m + depth < width ? m + depth : width;
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

// X of a tile from its drive: X = (drive)_+ or X += (drive)_+; and who is active. Between layers
// and passes X is kept as the values that are not zero, of each neuron by ascending token. Returns
// whether all drives are finite.
struct block_threshold {
  float* x;             // (count x 64): the drive, then X
  index count, tokens;  // tokens: a multiple of 32
  bool accumulate;
  float* kept;  // (count x up to 64), rows `stride` apart: X that is not zero, of the layer before,
                // then of this one
  std::size_t stride;
  std::uint64_t*
      active;  // (64) by neuron: tokens, of the layer before, then of this one; 0 behind `count`

  template <class Group>
  bool operator()(const Group&) const noexcept {
    constexpr int width = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    typename Group::vector checked = {};
    for (index r = count; r < block_tokens; ++r) active[r] = 0;
    for (index r = 0; r < count; ++r) {
      float *const row = x + static_cast<std::size_t>(r) * block_tokens,
                   *values = kept + r * stride;
      std::uint64_t before = accumulate ? active[r] : 0, now = 0;
      for (index t = 0; t < tokens; t += width) {
        const auto z = load(row, pack<width>{t});
        checked += z * 0.0f;
        const auto value = positive_part(z);
        store(row, pack<width>{t}, value);
        now |= active_bits(value) << t;
      }
      for (const float* old = values; before != 0; before &= before - 1) {
        const int t = __builtin_ctzll(before);
        row[t] = *old++ + row[t];
        now |= std::uint64_t{1} << t;
      }
      active[r] = now;
      for (; now != 0; now &= now - 1) *values++ = row[__builtin_ctzll(now)];
    }
    return butterfly<width>(checked) == 0.0f;
  }
};

// R^clock X of the rotation pairs of a tile that are active in any token: the angle of token t is
// that of the block's first token plus that of t tokens, from a table.
struct block_turn {
  const float* x;  // (count x 64)
  index count;
  const std::uint64_t* active;  // (64)
  const float* base;            // by pair: cosine, sine at the block's first token
  const float* table;           // by pair: (64) cosines, (64) sines
  float* turned;                // (count x 64); rows of silent pairs stay as they are
  std::uint64_t* used;          // (64): tokens in which the neuron's pair is active

  template <class Group>
  void operator()(const Group& group) const noexcept {
    for (index r = 0; r < block_tokens; r += 2) {
      const std::uint64_t either = active[r] | active[r + 1];
      used[r] = used[r + 1] = either;
      if (either == 0) continue;
      const float c0 = base[r], s0 = base[r + 1],
                  *cosine = table + static_cast<std::size_t>(r) * block_tokens,
                  *sine = cosine + block_tokens,
                  *even = x + static_cast<std::size_t>(r) * block_tokens,
                  *odd = even + block_tokens;
      float *to_even = turned + static_cast<std::size_t>(r) * block_tokens,
            *to_odd = to_even + block_tokens;
      group.row(block_tokens, [&](auto t) {
        const auto ct = load(cosine, t), st = load(sine, t), e = load(even, t), o = load(odd, t);
        const auto zero = decltype(ct){};
        const auto c = fused(zero - s0, st, ct * c0), s = fused(zero + s0, ct, st * c0);
        store(to_even, t, fused(zero - o, s, e * c));
        store(to_odd, t, fused(e, s, o * c));
      });
    }
  }
};

// X as the stored rows are read and written with: aged[j][t] = turned u^t u^age(j), written[j][t] =
// turned u^(last token of j - t).
struct block_age {
  const float* turned;        // (count x 64)
  const std::uint64_t* used;  // (64)
  const float* kept;          // (64) u^age, up to the block's first token
  const float* falling;       // (64) u^t
  const float* rising;        // (127) u^(63 - t), then zeros
  index count;
  float *aged, *written;  // (count x 64)

  template <class Group>
  void operator()(const Group& group) const noexcept {
    for (index j = 0; j < count; ++j) {
      if (used[j] == 0) continue;
      const std::size_t at = static_cast<std::size_t>(j) * block_tokens;
      const float* const power = rising + __builtin_clzll(used[j]);
      group.row(block_tokens, [&](auto t) {
        store(aged + at, t, load(turned + at, t) * (load(falling, t) * kept[j]));
        store(written + at, t, load(turned + at, t) * load(power, t));
      });
    }
  }
};

// out[o] = kept[o] out[o] + sum over the sources i in active[o], ascending, of coefficient(o, i)
// rows[i]; targets without sources stay as they are. Tokens from neurons (synapses, scores, E), and
// neurons from tokens (the Hebbian write).
struct block_push {
  const float* rows;
  std::size_t stride;
  index width;
  const float* coefficient;
  std::size_t by_target, by_source;  // (o, i) at o by_target + i by_source
  const std::uint64_t* active;       // (targets)
  index targets;
  const float* kept;  // (targets); null: 1
  float* out;
  std::size_t out_stride;

  template <class Group>
  void operator()(const Group&) const noexcept {
    constexpr int width_of = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    constexpr int most = width_of == 16 ? 16 : 8;
    const index k = panels<width_of, most>(0);
    for (index rest = k; rest < width; ++rest) column(rest);
  }

 private:
  template <int Width, int Vectors>
  BDH_INLINE index panels(index k) const noexcept {
    for (; k + Vectors * Width <= width; k += Vectors * Width) {
      if (width < 128) {
        panel<Width, Vectors>(k, true, ~std::uint64_t{0});
      } else {  // half the sources at a time, so that their rows fit into the first-level cache
        panel<Width, Vectors>(k, true, 0xffffffff);
        panel<Width, Vectors>(k, false, ~std::uint64_t{0xffffffff});
      }
    }
    if constexpr (Vectors > 1) return panels<Width, Vectors / 2>(k);
    return k;
  }
  template <int Width, int Vectors>
  BDH_INLINE void panel(index k, bool first, std::uint64_t of) const noexcept {
    using vector = typename vector_of<Width>::type;
    for (index o = 0; o < targets; ++o) {
      std::uint64_t sources = active[o] & of;
      const bool scales = kept && first && active[o] != 0;
      if (sources == 0 && !scales) continue;
      float* const to = out + o * out_stride + k;
      vector z[Vectors];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v)
        z[v] = load(to, pack<Width>{static_cast<std::size_t>(v * Width)});
      if (scales)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) z[v] *= kept[o];
      for (; sources != 0; sources &= sources - 1) {
        const auto i = static_cast<std::size_t>(__builtin_ctzll(sources));
        const vector a = coefficient[o * by_target + i * by_source] - vector{};
        const float* const row = rows + i * stride + k;
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v)
          z[v] = fused(a, load(row, pack<Width>{static_cast<std::size_t>(v * Width)}), z[v]);
      }
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v)
        store(to, pack<Width>{static_cast<std::size_t>(v * Width)}, z[v]);
    }
  }
  BDH_INLINE void column(index k) const noexcept {
    for (index o = 0; o < targets; ++o) {
      std::uint64_t sources = active[o];
      if (sources == 0) continue;
      float z = out[o * out_stride + k];
      if (kept) z *= kept[o];
      for (; sources != 0; sources &= sources - 1) {
        const auto i = static_cast<std::size_t>(__builtin_ctzll(sources));
        z = fused(coefficient[o * by_target + i * by_source], rows[i * stride + k], z);
      }
      out[o * out_stride + k] = z;
    }
  }
};

// The same over CSR rows, for targets that are tokens and sources that are neurons from `first` on.
struct block_push_sparse {
  const std::uint64_t* indptr;
  const index* target;
  const float* weights;
  index first;
  const float* coefficient;     // (64 x 64): source i, token o at [i][o]
  const std::uint64_t* active;  // (tokens)
  index tokens;
  float* out;
  std::size_t out_stride;

  template <class Group>
  void operator()(const Group&) const noexcept {
    for (index o = 0; o < tokens; ++o)
      for (std::uint64_t sources = active[o]; sources != 0; sources &= sources - 1) {
        const auto i = static_cast<std::size_t>(__builtin_ctzll(sources));
        float* const to = out + o * out_stride;
        for (std::uint64_t e = indptr[first + i]; e < indptr[first + i + 1]; ++e)
          to[target[e]] = fused(coefficient[i * block_tokens + o], weights[e], to[target[e]]);
      }
  }
};

// Y of a tile: Y = (Dy A)_+ X for the neurons and tokens with X active; and who is active.
struct block_fire {
  const float* rows;  // (count x width) Dy
  index width, count;
  const float* a;  // (tokens x width)
  const float* x;  // (count x up to 64), rows `stride` apart: X that is not zero
  std::size_t stride;
  const std::uint64_t* active_x;  // (64)
  float* y;                       // (count x 64), only where X is active
  std::uint64_t* active_y;        // (64)
  soon next = {};

  template <class Group>
  void operator()(const Group&) const noexcept {
    constexpr int width_of = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    soon ahead = next;
    for (index r = 0; r < block_tokens; ++r) active_y[r] = 0;
    pass<width_of>(
        0xffffffff, 0,
        ahead);  // half the tokens at a time, so that their A fits into the first-level cache
    pass<width_of>(~std::uint64_t{0xffffffff}, 0xffffffff, ahead);
  }

 private:
  template <int Width>
  BDH_INLINE void pass(std::uint64_t of, std::uint64_t before, soon& ahead) const noexcept {
    constexpr int most = Width == 16 ? 4 : Width == 8 ? 2 : 1;
    for (index r = 0; r < count; ++r) {
      std::uint64_t tokens = active_x[r] & of;
      const float* gate = x + r * stride + count_bits(active_x[r] & before);
      for (index line = 0; line < width; line += 16) ahead.line();
      for (int left = count_bits(tokens); left >= most; left -= most)
        fire<Width, most>(r, tokens, gate);
      while (tokens != 0) fire<Width, 1>(r, tokens, gate);
    }
  }
  template <int Width, int Tokens>
  BDH_INLINE void fire(index r, std::uint64_t& tokens, const float*& gate) const noexcept {
    using vector = typename vector_of<Width>::type;
    constexpr int parts = static_cast<int>(lanes) / Width;
    const float* const row = rows + static_cast<std::size_t>(r) * width;
    const float* of[Tokens];
    index token[Tokens];
    for (int i = 0; i < Tokens; ++i, tokens &= tokens - 1) {
      token[i] = static_cast<index>(__builtin_ctzll(tokens));
      of[i] = a + static_cast<std::size_t>(token[i]) * width;
    }
    vector lane[Tokens][parts] = {};
    index m = 0;
    for (; m + lanes <= width; m += lanes)
#pragma GCC unroll 8
      for (int p = 0; p < parts; ++p) {
        const pack<Width> at{m + static_cast<std::size_t>(p * Width)};
        const vector w = load(row, at);
#pragma GCC unroll 4
        for (int i = 0; i < Tokens; ++i) lane[i][p] = fused(w, load(of[i], at), lane[i][p]);
      }
    for (int i = 0; i < Tokens; ++i) {
      if (m < width) {
        float single[lanes];
        for (int p = 0; p < parts; ++p)
          store(single, pack<Width>{static_cast<std::size_t>(p * Width)}, lane[i][p]);
        for (index k = m; k < width; ++k)
          single[k % lanes] = fused(row[k], of[i][k], single[k % lanes]);
        for (int p = 0; p < parts; ++p)
          lane[i][p] = load(single, pack<Width>{static_cast<std::size_t>(p * Width)});
      }
#pragma GCC unroll 8
      for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int p = 0; p < half; ++p) lane[i][p] += lane[i][p + half];
      const float value = positive_part(butterfly<Width>(lane[i][0])) * *gate++;
      y[static_cast<std::size_t>(r) * block_tokens + token[i]] = value;
      if (value != 0.0f) active_y[r] |= std::uint64_t{1} << token[i];
    }
  }
};

// The same over CSR rows from first_row on: lanes by position in the row.
struct block_fire_sparse {
  const std::uint64_t* indptr;
  const index* source;
  const float* weights;
  index first_row, width, count;
  const float* a;
  const float* x;
  std::size_t stride;
  const std::uint64_t* active_x;
  float* y;
  std::uint64_t* active_y;

  template <class Group>
  void operator()(const Group&) const noexcept {
    for (index r = 0; r < block_tokens; ++r) {
      active_y[r] = 0;
      const float* gate = x + r * stride;
      for (std::uint64_t tokens = r < count ? active_x[r] : 0; tokens != 0; tokens &= tokens - 1) {
        const auto t = static_cast<std::size_t>(__builtin_ctzll(tokens));
        float lane[lanes] = {};
        const std::uint64_t first = indptr[first_row + r];
        for (std::uint64_t e = first; e < indptr[first_row + r + 1]; ++e)
          lane[(e - first) % lanes] =
              fused(weights[e], a[t * width + source[e]], lane[(e - first) % lanes]);
        for (index half = lanes / 2; half > 0; half /= 2)
          for (index p = 0; p < half; ++p) lane[p] += lane[p + half];
        const float value = positive_part(lane[0]) * *gate++;
        y[static_cast<std::size_t>(r) * block_tokens + t] = value;
        if (value != 0.0f) active_y[r] |= std::uint64_t{1} << t;
      }
    }
  }
};

}  // namespace bdh::kernels
