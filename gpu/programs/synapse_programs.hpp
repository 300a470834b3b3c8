// Programs over synapses: turned and aged where they are used, written, looked at.
#pragma once

#include "core/base/sincos.hpp"
#include "gpu/programs/programs.hpp"
#include "kernels/decay.hpp"
#include "kernels/reweight.hpp"
#include "kernels/threshold.hpp"

namespace bdh::gpu {

// Sine and cosine of every rotation pair at a layer's clock.
struct turn_angles {
  const double* frequency;  // (n) turns per token
  index n;
  layer_clock clock;
  float *cosine, *sine;  // (n)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(n, item), [&](index k) {
      const index m = item * chunk + k;
      const cos_sin d = sincos_turns(static_cast<double>(clock.now()) * frequency[m]);
      cosine[m] = static_cast<float>(d.cosine);
      sine[m] = static_cast<float>(d.sine);
    });
  }
};

// The rows of active units, through hubs: which, and X turned and aged. An item: a chunk of the
// units.
struct use_rows {
  const index* unit;   // first members
  const index* count;  // of units
  const float* x;
  index per_head;
  const float *cosine, *sine;  // null: nothing rotates, and a unit is one neuron
  const std::uint64_t* last;
  layer_clock clock;
  double retention;
  index* row;                    // (rows)
  float *turned, *aged, *decay;  // (rows)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = item * chunk, n = part(*count, item);
    if (!cosine) {
      kernels::age_neurons{.neuron = unit + first,
                           .x = x,
                           .first_neuron = 0,
                           .last = last,
                           .clock = clock.now(),
                           .retention = retention,
                           .turned = turned + first,
                           .aged = aged + first,
                           .decay = decay + first}(group, n);
      group.each(n, [&](index k) { row[first + k] = unit[first + k]; });
      return;
    }
    kernels::turn_pairs{.pair = unit + first,
                        .x = x,
                        .first_neuron = 0,
                        .per_head = per_head,
                        .cosine = cosine,
                        .sine = sine,
                        .last = last,
                        .clock = clock.now(),
                        .retention = retention,
                        .turned = turned + 2 * first,
                        .aged = aged + 2 * first,
                        .decay = decay + 2 * first}(group, n);
    group.each(n, [&](index k) {
      row[2 * (first + k)] = unit[first + k];
      row[2 * (first + k) + 1] = unit[first + k] + 1;
    });
  }
};

// The Hebbian rule over the rows that use_rows lists. An item: a unit.
struct reweight_rows {
  kernels::reweight rows;
  index unit;  // rows in a unit
  std::uint64_t* last;
  layer_clock clock;
  fault_log log;
  index check;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    for (index r = 0; r < unit; ++r) {
      const index j = item * unit + r, i = rows.source[j];
      rows(group, j);
      const bool finite = kernels::all_finite{
          .values = rows.rows + static_cast<std::size_t>(i) * rows.width, .n = rows.width}(group);
      group.once([&] {
        if (!finite) log.note(i, check, i, __builtin_inff());
      });
    }
    group.once([&] { last[rows.source[item * unit] / unit] = clock.now(); });
  }
};

// Active units of explicit synapses: X of their members, angle and decay, as the units stand and by
// source. An item: a chunk of the units.
struct use_units {
  const index* unit;
  const index* count;
  const float* x;
  index per_head;
  const float *cosine, *sine;  // null: nothing rotates
  const std::uint64_t* last;
  layer_clock clock;
  double retention;
  bool own_retention;  // the synapses have a u of their own
  float *unit_x, *unit_cosine, *unit_sine, *decay;
  std::uint64_t* age;  // by unit
  float* used_x;  // (neurons) turned, and aged where all synapses of a neuron age alike; zero where
                  // not active
  std::uint64_t* used_age;  // (neurons)

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(*count, item), [&](index k) {
      const index p = item * chunk + k, i = unit[p];
      const std::uint64_t tokens = clock.now() - last[cosine ? i / 2 : i];
      const float u = static_cast<float>(power(retention, tokens));
      age[p] = tokens;
      decay[p] = u;
      const auto use = [&](index neuron, float value) {
        used_x[neuron] = own_retention ? value : value * u;
        used_age[neuron] = tokens;
      };
      if (!cosine) {
        unit_x[p] = x[i];
        use(i, x[i]);
        return;
      }
      const float c = cosine[i % per_head / 2], s = sine[i % per_head / 2], even = x[i],
                  odd = x[i + 1];
      unit_x[2 * p] = even;
      unit_x[2 * p + 1] = odd;
      unit_cosine[p] = c;
      unit_sine[p] = s;
      use(i, even * c - odd * s);
      use(i + 1, odd * c + even * s);
    });
  }
};

// The Hebbian rule over explicit synapses. An item: a unit.
struct reweight_units {
  kernels::reweight_edges edges;
  index members;  // neurons in a unit
  std::uint64_t* last;
  layer_clock clock;
  fault_log log;
  index check;
  lengths of;  // units whose neurons have another number of edges are left out

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    const index first = edges.unit[item];
    if (!of.contain(edges.end[first] - edges.begin[first])) return;
    edges(group, item);
    for (index i = first; i < first + members; ++i) {
      const std::uint64_t begin = edges.begin[i];
      const bool finite = kernels::all_finite{.values = edges.strength + begin,
                                              .n = static_cast<index>(edges.end[i] - begin)}(group);
      group.once([&] {
        if (!finite) log.note(i, check, i, __builtin_inff());
      });
    }
    group.once([&] { last[first / members] = clock.now(); });
  }
};

// The same by a whole warp, for neurons of many edges.
struct reweight_long_units {
  static constexpr index threads = 32;
  reweight_units units;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    units(group, item);
  }
};

// Where the synapses of a layer are, and what turns stored values into strengths.
struct synapse_rows {
  float* stored;
  const std::uint64_t* indptr;  // (neurons + 1); null: dense rows of `width`
  index neurons, width, per_head;
  const double* frequency;  // null: nothing rotates
  std::uint64_t* last;
  std::uint64_t clock;
  double retention;
  const float* own_retention;  // u by synapse; null: `retention` holds for all

  constexpr std::uint64_t begin(index i) const {
    return indptr ? indptr[i] : static_cast<std::uint64_t>(i) * width;
  }
  constexpr index row_of(std::uint64_t synapse) const {
    if (!indptr) return static_cast<index>(synapse / width);
    index low = 0, high = neurons;  // indptr[low] <= synapse < indptr[high]
    while (high - low > 1) {
      const index middle = low + (high - low) / 2;
      (indptr[middle] <= synapse ? low : high) = middle;
    }
    return low;
  }
  constexpr std::uint64_t partner(std::uint64_t synapse, index i) const {
    return begin(i ^ 1) + (synapse - begin(i));
  }
  constexpr index unit() const { return frequency ? 2 : 1; }
  constexpr double u(std::uint64_t synapse) const {
    return own_retention ? static_cast<double>(own_retention[synapse]) : retention;
  }
  constexpr cos_sin angle(index i) const {  // as neuron i sees it
    const cos_sin d = sincos_turns(static_cast<double>(clock) * frequency[i % per_head / 2]);
    return i % 2 == 0 ? d : cos_sin{d.cosine, -d.sine};
  }
};

// out[k] = the strength of synapse which[k], or first + k, in the laboratory frame.
struct read_strengths {
  synapse_rows synapses;
  const std::uint64_t* which;  // null: from `first` on
  std::uint64_t first;
  index count;
  float* out;

  template <class Group>
  constexpr void operator()(const Group& group, index item) const noexcept {
    group.each(part(count, item), [&](index k) {
      const std::uint64_t e = which ? which[item * chunk + k] : first + item * chunk + k;
      const index i = synapses.row_of(e);
      const double decay =
          power(synapses.u(e), synapses.clock - synapses.last[i / synapses.unit()]);
      out[item * chunk + k] =
          synapses.frequency
              ? kernels::in_laboratory(synapses.stored[e], synapses.stored[synapses.partner(e, i)],
                                       synapses.angle(i), decay)
              : static_cast<float>(decay * static_cast<double>(synapses.stored[e]));
    });
  }
};

// Sets strengths, laboratory frame, one after another: the rows of the unit are aged to now, and
// this one strength is set. One item.
struct write_strengths {
  synapse_rows synapses;
  const std::uint64_t* which;
  const float* values;
  index count;

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    for (index k = 0; k < count; ++k) {
      const std::uint64_t e = which[k];
      const index i = synapses.row_of(e), unit = synapses.unit(), head = i / unit * unit;
      const std::uint64_t age = synapses.clock - synapses.last[i / unit],
                          first = synapses.begin(head);
      // Also with nothing to age: `last` is read by all before one writes it.
      group.each(age != 0 ? static_cast<index>(synapses.begin(head + unit) - first) : 0,
                 [&](index m) {
                   float& s = synapses.stored[first + m];
                   s = static_cast<float>(s * power(synapses.u(first + m), age));
                 });
      group.once([&] {
        synapses.last[i / unit] = synapses.clock;
        if (synapses.frequency)
          kernels::set_in_pair(synapses.stored[e], synapses.stored[synapses.partner(e, i)],
                               synapses.angle(i), values[k]);
        else
          synapses.stored[e] = values[k];
      });
    }
  }
};

// Cut synapses transmit nothing: while a layer is read, what X(i) would find in i -> j is zero in
// the laboratory frame, and what its partner finds is as ever. `saved` keeps what was there, for
// unmute. One item.
struct mute_strengths {
  synapse_rows synapses;
  const float *cosine, *sine;  // null: nothing rotates
  const std::uint64_t* which;
  index count;
  float* saved;  // (2 count)

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.once([&] {
      for (index k = 0; k < count; ++k) {
        const std::uint64_t e = which[k];
        float& mine = synapses.stored[e];
        saved[2 * k] = mine;
        if (!cosine) {
          mine = 0.0f;
          continue;
        }
        const index i = synapses.row_of(e), m = i % synapses.per_head / 2;
        float& partner = synapses.stored[synapses.partner(e, i)];
        saved[2 * k + 1] = partner;
        kernels::set_in_pair(mine, partner, {cosine[m], i % 2 == 0 ? sine[m] : -sine[m]}, 0.0);
      }
    });
  }
};

struct unmute_strengths {
  mute_strengths muted;

  template <class Group>
  constexpr void operator()(const Group& group, index) const noexcept {
    group.once([&] {
      for (index k = muted.count; k-- > 0;) {
        const std::uint64_t e = muted.which[k];
        if (muted.cosine)
          muted.synapses.stored[muted.synapses.partner(e, muted.synapses.row_of(e))] =
              muted.saved[2 * k + 1];
        muted.synapses.stored[e] = muted.saved[2 * k];
      }
    });
  }
};

}  // namespace bdh::gpu
