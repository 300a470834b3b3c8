// How a value travels as spikes, all or none, and how pairs of spikes write synapses. A window is
// one emission of a population: K bins, at most one spike of a particle in each. With a scale s,
//
//     p = min(1, value / s)     P = floor(p 2^32)     r_b, U: 32 random bits
//     bernoulli   a spike in bin b = 0 .. K-1 where r_b < P
//     integrate   where (b+1) P + U passes a multiple of 2^32 that b P + U has not: a membrane that
//                 starts at phase U, gains P a bin, fires at 2^32 and is reset by subtraction
//
// and the receiver takes c spikes for s c / K, whose mean is min(value, s). Of a signed value two
// particles emit, one for values above zero and one for those below.
//
// Word b mod 4 of the Philox block of counter (particle, token, token >> 32 | layer << 8 |
// population << 16, b / 4) is r_b; U is word 0 of block 0. p = 0 and p = 1 take no draw.
#pragma once

#include "core/base/philox.hpp"
#include "core/base/sincos.hpp"
#include "kernels/group.hpp"

namespace bdh::kernels {

inline constexpr index most_bins = 1024;

// What all particles of a population have in common in one window.
struct spike_window {
  philox_key key;
  std::uint32_t token, place;  // words 1 and 2 of the counter
  float scale;
  index bins;  // K, 1 to most_bins
  bool integrates;
  bool half_phase;  // U = 2^31 instead of random bits

  // 64-bit words of a mask, bin b in bit b mod 64 of word b / 64.
  constexpr index words() const noexcept { return (bins + 63) / 64; }
};

// P: 0 where there is nothing to emit, also for what is not a number.
BDH_INLINE constexpr std::uint64_t spike_rate(float value, float scale) {
  const float p = value / scale;
  if (!(p > 0.0f)) return 0;
  return p < 1.0f ? static_cast<std::uint64_t>(static_cast<double>(p) * 0x1p32)
                  : std::uint64_t{1} << 32;
}

// What `count` spikes stand for; exactly the scale where every bin has one.
BDH_INLINE constexpr float spike_amount(float scale, index bins, index count) {
  return static_cast<float>(static_cast<double>(scale) * count / bins);
}

BDH_INLINE constexpr philox_words spike_bits(const spike_window& of, std::uint32_t particle,
                                             index block) {
  return philox_block({{particle, of.token, of.place, block}}, of.key);
}

BDH_INLINE constexpr std::uint64_t spike_phase(const spike_window& of, std::uint32_t particle) {
  return of.half_phase ? std::uint64_t{1} << 31 : spike_bits(of, particle, 0).word[0];
}

// The particle that emits for `id`; where they are paired, the one for values below zero or above.
BDH_INLINE constexpr std::uint32_t spiking_particle(std::uint32_t id, bool paired, bool below) {
  if (!paired) return id;
  return 2 * id + (below ? 1 : 0);
}

// The bins [first, first + count) of a particle, count <= 64; bin `first` in bit 0. `first` is a
// multiple of 4. `phase`: of integrate.
BDH_INLINE constexpr std::uint64_t spike_train(const spike_window& of, std::uint32_t particle,
                                               std::uint64_t rate, std::uint64_t phase, index first,
                                               index count) {
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - count);
  if (rate == 0) return 0;
  if (rate >> 32 != 0) return all;
  std::uint64_t train = 0;
  if (of.integrates) {
    std::uint64_t before = (first * rate + phase) >> 32;
    for (index b = 0; b < count; ++b) {
      const std::uint64_t now = ((first + b + 1) * rate + phase) >> 32;
      train |= (now - before) << b;
      before = now;
    }
    return train;
  }
  for (index b = 0; b < count; b += 4) {
    const philox_words bits = spike_bits(of, particle, (first + b) / 4);
    for (index k = 0; k < 4; ++k)
      train |= static_cast<std::uint64_t>(bits.word[k] < rate) << (b + k);
  }
  return train & all;
}

// Not std::popcount: of a call in a function that is inlined by force nvcc 13 makes nothing at all.
BDH_INLINE constexpr index spikes_in(std::uint64_t mask) {
  return static_cast<index>(__builtin_popcountll(mask));
}

// A window of `count` particles: how many spikes each emits, what they stand for, and when they
// come. Of a value below zero, `paired` says that its other particle emits, and the estimate is
// below zero too; particles are then 2 id and 2 id + 1.
struct emit_spikes {
  spike_window window;
  const float* value;   // (count)
  const index* id;      // (count); null: first + e
  const index* number;  // by id: the particle's number; null: its id
  index first;
  bool paired;
  float* estimate;      // (count)
  index* spikes;        // (count)
  std::uint64_t* mask;  // by id from `first` on, words() each; null: counts alone

  template <class Group>
  constexpr void operator()(const Group& group, index count) const noexcept {
    group.each(count, [&](index e) {
      const index i = id ? id[e] : first + e, own = number ? number[i] : i;
      const bool below = paired && value[e] < 0.0f;
      const float size = below ? -value[e] : value[e];
      const std::uint32_t particle = spiking_particle(own, paired, below);
      const std::uint64_t rate = spike_rate(size, window.scale);
      const bool draws = rate != 0 && rate >> 32 == 0;
      const std::uint64_t phase = window.integrates && draws ? spike_phase(window, particle) : 0;
      index c = 0;
      if (window.integrates && !mask)
        c = static_cast<index>((window.bins * rate + phase) >> 32);
      else
        for (index w = 0; w < window.words(); ++w) {
          const index left = window.bins - 64 * w;
          const std::uint64_t train =
              spike_train(window, particle, rate, phase, 64 * w, left < 64 ? left : 64);
          if (mask) mask[static_cast<std::size_t>(i - first) * window.words() + w] = train;
          c += spikes_in(train);
        }
      const float amount = spike_amount(window.scale, window.bins, c);
      spikes[e] = c;
      estimate[e] = below ? -amount : amount;
    });
  }
};

// Bins in which both have a spike.
BDH_INLINE constexpr index coincidences(const std::uint64_t* a, const std::uint64_t* b,
                                        index words) {
  index c = 0;
  for (index w = 0; w < words; ++w) c += spikes_in(a[w] & b[w]);
  return c;
}

// Kernel 2 with an AND gate at every synapse, circuits through hubs: what stands for X(i) in
//
//     sigma(i->j) <- u^k sigma(i->j) + W(j) R^t X(i)
//
// is the amount of the spikes of i that come in the same bin as one of j, and W(j) is the scale of
// j, with its sign. Both rows of a rotation pair are written together.
template <class Strength>
struct reweight_coincident_of {
  Strength* rows;  // stored strengths, rows of `width` targets
  index width, first_source, words;
  const index* unit;               // first neuron of each active pair, or the active neurons
  const std::uint64_t* mask;       // of X, by neuron from first_source on: `words` each
  const float* amount;             // (bins + 1) of so many spikes of X
  const float* post;               // (width) scale of W(j), with the sign of what j emitted
  const std::uint64_t* post_mask;  // (width) `words` each
  const float* cosine;             // by pair of a head; null: nothing rotates
  const float* sine;
  index per_head;
  const float* decay;               // u^k: 2 a pair, or 1 a neuron
  const random_rounding* rounding;  // as `decay`; of bfloat16; may be null
  float* found;                     // (units): pairs of spikes

  template <class Group>
  constexpr void operator()(const Group& group, index p) const noexcept {
    const index members = cosine ? 2 : 1, i = unit[p] - first_source;
    const std::uint64_t* const even = mask + static_cast<std::size_t>(i) * words;
    const std::uint64_t* const odd = even + (members - 1) * words;
    const std::size_t row = static_cast<std::size_t>(i) * width,
                      other = row + (members - 1) * width;
    const index m = unit[p] % per_head / 2;
    const float c = cosine ? cosine[m] : 1.0f, s = cosine ? sine[m] : 0.0f, u = decay[members * p];
    const random_rounding how = rounding ? rounding[members * p] : random_rounding{};
    const random_rounding how_odd =
        rounding ? rounding[members * p + members - 1] : random_rounding{};
    const float pairs = group.sum_items(width, [&](index k) {
      const std::uint64_t* const j = post_mask + static_cast<std::size_t>(k) * words;
      const index both = coincidences(even, j, words);
      const float x = amount[both], w = post[k];
      if (!cosine) {
        store(rows + row, k, load(rows + row, k) * u + w * x, how);
        return static_cast<float>(both);
      }
      const index both_odd = coincidences(odd, j, words);
      const float y = amount[both_odd];
      store(rows + row, k, load(rows + row, k) * u + w * (x * c - y * s), how);
      store(rows + other, k, load(rows + other, k) * u + w * (y * c + x * s), how_odd);
      return static_cast<float>(both + both_odd);
    });
    group.once([&] { found[p] = pairs; });
  }
};
using reweight_coincident = reweight_coincident_of<float>;

// The same over explicit edges (kernels/reweight.hpp, reweight_edges), where each synapse has its
// own rate. A target that does not spike has a mask of ones and its graded W: with it every spike
// of X is a pair.
struct reweight_coincident_edges {
  const std::uint64_t* begin;  // by neuron: its edges into one site's targets
  const std::uint64_t* end;
  const index* target;     // (edges)
  const float* rate;       // (edges)
  const float* retention;  // (edges); null: `decay` holds for all synapses of a neuron
  float* strength;         // (edges)
  index words;
  const float* amount;             // (bins + 1) of so many spikes of X
  const float* post;               // by target: scale of W(j), or W(j)
  const std::uint64_t* post_mask;  // by target: `words` each
  const index* unit;               // first neuron of each active unit
  const std::uint64_t* mask;       // of X: 2 a unit, or 1; `words` each
  const float* cosine;             // (units); null: nothing rotates and a unit is one neuron
  const float* sine;
  const float* decay;        // (units) u^age
  const std::uint64_t* age;  // (units)
  float* found;              // (units): pairs of spikes, those with graded targets left out
  const bool* spiking;       // by target; null: all are

  template <class Group>
  constexpr void operator()(const Group& group, index p) const noexcept {
    const std::uint64_t a = begin[unit[p]];
    const auto degree = static_cast<index>(end[unit[p]] - a);
    const auto u = [&](std::uint64_t e) {
      return retention ? static_cast<float>(power(retention[e], age[p])) : decay[p];
    };
    const index members = cosine ? 2 : 1;
    const std::uint64_t* const even = mask + static_cast<std::size_t>(members * p) * words;
    const std::uint64_t* const odd = even + words;
    const std::uint64_t b = cosine ? begin[unit[p] + 1] : a;  // the partner's edges
    const float c = cosine ? cosine[p] : 1.0f, s = cosine ? sine[p] : 0.0f;
    const float pairs = group.sum_items(degree, [&](index k) {
      const index j = target[a + k];
      const std::uint64_t* const at = post_mask + static_cast<std::size_t>(j) * words;
      const index both = coincidences(even, at, words);
      const float x = rate[a + k] * amount[both], w = post[j], decay_now = u(a + k);
      index both_odd = 0;
      if (!cosine) {
        strength[a + k] = strength[a + k] * decay_now + w * x;
      } else {
        both_odd = coincidences(odd, at, words);
        const float y = rate[b + k] * amount[both_odd];
        strength[a + k] = strength[a + k] * decay_now + w * (x * c - y * s);
        strength[b + k] = strength[b + k] * decay_now + w * (y * c + x * s);
      }
      return spiking && !spiking[j] ? 0.0f : static_cast<float>(both + both_odd);
    });
    group.once([&] { found[p] = pairs; });
  }
};

}  // namespace bdh::kernels
