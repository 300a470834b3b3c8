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

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/tile.hpp"

namespace bdh::kernels {

// X of a tile from its drive: X = (drive)_+ or X += (drive)_+; and who is active. Between layers
// and passes X is kept as the values that are not zero, of each neuron by ascending token. Returns
// whether all drives are finite.
struct block_threshold {
  float* x;             // (count x 64): the drive, then X
  index count, tokens;  // tokens: a multiple of 32
  bool accumulate;
  float* packed;  // (count x up to 64), rows `stride` apart: X that is not zero, of the layer
                  // before, then of this one
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
                   *values = packed + r * stride;
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
  const float* decay;         // (64) u^age, up to the block's first token
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
        store(aged + at, t, load(turned + at, t) * (load(falling, t) * decay[j]));
        store(written + at, t, load(turned + at, t) * load(power, t));
      });
    }
  }
};

// out[o] = decay[o] out[o] + sum over the sources i in active[o], ascending, of coefficient(o, i)
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
  const float* decay;  // (targets); null: 1
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
      const bool scales = decay && first && active[o] != 0;
      if (sources == 0 && !scales) continue;
      float* const to = out + o * out_stride + k;
      vector z[Vectors];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v)
        z[v] = load(to, pack<Width>{static_cast<std::size_t>(v * Width)});
      if (scales)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) z[v] *= decay[o];
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
      if (decay) z *= decay[o];
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
  prefetch_range next = {};

  template <class Group>
  void operator()(const Group&) const noexcept {
    constexpr int width_of = static_cast<int>(sizeof(typename Group::vector) / sizeof(float));
    prefetch_range ahead = next;
    for (index r = 0; r < block_tokens; ++r) active_y[r] = 0;
    pass<width_of>(
        0xffffffff, 0,
        ahead);  // half the tokens at a time, so that their A fits into the first-level cache
    pass<width_of>(~std::uint64_t{0xffffffff}, 0xffffffff, ahead);
  }

 private:
  template <int Width>
  BDH_INLINE void pass(std::uint64_t of, std::uint64_t before,
                       prefetch_range& ahead) const noexcept {
    constexpr int most = Width >= 4 ? Width / 4 : 1;
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
