// Programs behind the readout: the choice of the next token from the logits, with the arithmetic of
// core/simulation/sampling_law.hpp, and counts.
#pragma once

#include "core/simulation/sampling_law.hpp"
#include "gpu/programs/programs.hpp"

namespace bdh::gpu {

static_assert(chunk == choice_block);

struct likely_token {
  float logit;
  index token;
};

// The most likely token of each chunk, of equals the first. An item: a chunk of the logits.
struct find_likely {
  const float* logits;
  index n;
  likely_token* found;  // (items)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.once([&] {
      likely_token best{logits[item * chunk], item * chunk};
      for (index k = 1; k < part(n, item); ++k) {
        const index i = item * chunk + k;
        if (more_likely(logits[i], i, best.logit, best.token)) best = {logits[i], i};
      }
      found[item] = best;
    });
  }

  // The most likely of all, for later launches.
  constexpr likely_token best() const {
    likely_token all = found[0];
    for (index c = 1; c < items_for(n); ++c)
      if (more_likely(found[c].logit, found[c].token, all.logit, all.token)) all = found[c];
    return all;
  }
};

// Whether a token is among the k most likely: fewer than k come before it. An item: a token; n^2
// comparisons, n < 2^24 (counted in floats).
struct rank_tokens {
  const float* logits;
  index n, k;
  index* among;  // (n) 1 or 0

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const float own = logits[item];
    const float before = group.sum_items(
        n, [&](index i) { return more_likely(logits[i], i, own, item) ? 1.0f : 0.0f; });
    group.once([&] { among[item] = before < static_cast<float>(k) ? 1 : 0; });
  }
};

// Likelihoods of the tokens at temperature 1, for the loss, and at another, for the choice; sums by
// chunk. An item: a chunk of the logits.
struct weigh_tokens {
  find_likely likely;
  double temperature;              // 0: the most likely token is chosen, and nothing weighed for it
  const index* among;              // null: all tokens may be chosen
  double *plain, *weight;          // (n)
  double *plain_sum, *weight_sum;  // (items)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, count = part(likely.n, item);
    const float largest = likely.best().logit;
    group.each(count, [&](index k) {
      const index i = first + k;
      plain[i] = likelihood(likely.logits[i], largest, 1.0);
      if (temperature != 0)
        weight[i] =
            among && among[i] == 0 ? 0.0 : likelihood(likely.logits[i], largest, temperature);
    });
    group.once([&] {
      plain_sum[item] = ascending_sum(plain + first, count);
      if (temperature != 0) weight_sum[item] = ascending_sum(weight + first, count);
    });
  }
};

// What the host needs to know of the logits.
struct token_statistics {
  double sum;            // of all likelihoods at temperature 1
  float largest, logit;  // logit: of `token`
  index token;           // chosen, or given
};

// One item.
struct draw_token {
  weigh_tokens weighed;
  double share;
  bool is_given;  // the token; else one is chosen
  index given;
  token_statistics* out;

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.once([&] {
      const find_likely& likely = weighed.likely;
      const likely_token best = likely.best();
      index token = best.token;
      if (is_given)
        token = given;
      else if (weighed.temperature != 0)
        token = sampled_token(weighed.weight, likely.n, weighed.weight_sum, share);
      *out = {ascending_sum(weighed.plain_sum, items_for(likely.n)), best.logit,
              likely.logits[token], token};
    });
  }
};

// to[c] = sum of the c-th 64 counts. Items: those of both kinds, which stand one behind the other.
struct total_counts {
  const std::uint64_t* from;  // (2 x n)
  index n;
  std::uint64_t* to;  // (2 x chunks)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index chunks = items_for(n), kind = item / chunks, first = item % chunks;
    group.once([&] {
      std::uint64_t sum = 0;
      for (index k = 0; k < part(n, first); ++k)
        sum += from[std::size_t{kind} * n + first * chunk + k];
      to[item] = sum;
    });
  }
};

}  // namespace bdh::gpu
