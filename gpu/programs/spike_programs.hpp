// Programs of activity that travels as spikes: windows of all particles of a population, drawn from
// their values, and counts of what was sent.
#pragma once

#include "gpu/programs/programs.hpp"
#include "kernels/spikes.hpp"

namespace bdh::gpu {

// What a token's windows have in common, on the device, since it changes from token to token.
struct drawing {
  const std::uint64_t* key;    // of the seed: its two words
  const std::uint64_t* token;  // tokens read before
};

// One window of the particles of a population: what their spikes stand for, how many there are, and
// how many are of particles that have one in every bin. An item: a chunk of the particles.
struct emit_window {
  drawing from;
  kernels::spike_window window;  // but for what `from` has
  const float* value;            // (n)
  index n;
  const index* number;     // (n) by which they draw; null: 0, 1, ...
  float* estimate;         // (n)
  index* spikes;           // (n)
  std::uint64_t* counted;  // (items), added to
  std::uint64_t* clipped;  // (items), added to

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    kernels::spike_window now = window;
    now.key = {
        {static_cast<std::uint32_t>(*from.key), static_cast<std::uint32_t>(*from.key >> 32)}};
    now.token = static_cast<std::uint32_t>(*from.token);
    now.place |= static_cast<std::uint32_t>(*from.token >> 32 & 0xFF);
    const index first = item * chunk, count = part(n, item);
    kernels::emit_spikes{.window = now,
                         .value = value + first,
                         .id = nullptr,
                         .number = number,
                         .first = first,
                         .paired = false,
                         .estimate = estimate + first,
                         .spikes = spikes + first,
                         .mask = nullptr}(group, count);
    group.once([&] {
      std::uint64_t all = 0, full = 0;
      for (index k = first; k < first + count; ++k) {
        all += spikes[k];
        if (kernels::spike_rate(value[k], now.scale) >> 32 != 0) full += now.bins;
      }
      counted[item] += all;
      clipped[item] += full;
    });
  }
};

// counted[item] += the edges over which spikes travel, each over all of its sender's. An item: a
// chunk of the senders.
struct tally_spikes {
  const index* spikes;  // (n)
  index n;
  const std::uint64_t* indptr;  // (n + 1); null: `width` edges each
  index width;
  std::uint64_t* counted;  // (items)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.once([&] {
      for (index k = item * chunk; k < item * chunk + part(n, item); ++k)
        counted[item] += spikes[k] * (indptr ? indptr[k + 1] - indptr[k] : width);
    });
  }
};

}  // namespace bdh::gpu
