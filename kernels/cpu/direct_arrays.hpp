// What a direct_site keeps, part by part: each builds itself from the model.
#pragma once

#include "kernels/cpu/cpu_site.hpp"
#include "kernels/cpu/own_circuits.hpp"

namespace bdh {

// The strengths of every synapse of every layer that ends in a process, in the rotating frame. One
// array for all sites of the process: a site reads and writes only the synapses to its own targets.
struct direct_strengths {
  std::vector<array<float>> layers;  // (own synapses), layer l at [l - 1]

  direct_strengths(const model& m, const own_circuits& own) {
    for (layer_id l = 1; l <= m.layers(); ++l) layers.emplace_back(own.edges().gs.edges());
  }
  void save(layer_id layer, const kept_part& to, const own_circuits& own) const;
  void restore(layer_id layer, const kept_part& from, const own_circuits& own);
  // Ages the own synapses of some rows by u^tokens.
  void age(layer_id layer, id_range rows, std::uint64_t tokens, double retention,
           const direct_circuits& c) noexcept;
  void clear(layer_id layer) noexcept;
  std::size_t bytes() const noexcept {
    return layers.empty() ? 0 : layers.size() * layers[0].bytes();
  }
};

// Weights of circuits of which edges are cut: copies, in which a site sets to zero what does not
// reach its targets while it works. One for all sites of a process.
struct direct_weights {
  array<float> gx_excitatory, gx_inhibitory, gy_excitatory,
      gy_inhibitory;  // empty: the model's own

  void prepare(const direct_circuits& c, const applied_controls& what);
  std::size_t bytes() const noexcept {
    return gx_excitatory.bytes() + gx_inhibitory.bytes() + gy_excitatory.bytes() +
           gy_inhibitory.bytes();
  }
};

// The edges of every source that end in one range of targets. `all`: there are no others, and it is
// a view of the projection's own row starts.
class edges_to {
 public:
  edges_to(const projection& by_source, id_range targets, bool all);
  const edge_id* begin() const noexcept { return begin_; }
  const edge_id* end() const noexcept { return end_; }
  edge_id degree(neuron_id source) const noexcept { return end_[source] - begin_[source]; }
  std::size_t bytes() const noexcept { return own_begin_.bytes() + own_end_.bytes(); }

 private:
  array<edge_id> own_begin_, own_end_;
  const edge_id *begin_, *end_;
};

// Active sources on their way to the sites of their targets: ids and `width` values each, packed
// per receiving site.
struct packet {
  std::vector<std::uint32_t> id;
  std::vector<float> value;
};

// Sensory nodes of a site, as sources; none where they are no sources.
id_range sensory_sources(const model& m, const site_share& s);

// Where a site's values have to go, and what it sends there, by receiving site. Each kind of packet
// has its own: X is still being read elsewhere while A is packed, A while W is.
struct direct_routes {
  struct route {
    // Of neuron (gs) or source (gx) i of this site: whether it has an edge to a target of that
    // site.
    std::vector<bool> gs_reach, gx_reach;
    std::vector<std::uint32_t> a_needed;  // own sources whose A that site pulls
    packet x, a, w, w_sensory;
  };
  std::vector<route> to;

  // `copied`: the sites of this process have their edges in memory of their own.
  direct_routes(const model& m, const std::vector<site_share>& shares, site_id self, bool copied);
};

// W of the sources: own ones, those received for one use, and by source for the readout.
struct source_w {
  array<float> own;      // by source; own ones valid
  array<float> readout;  // by source
  activity received;

  explicit source_w(const model& m)
      : own(m.sources()),
        readout(m.direct().readout.edges() != 0 ? m.sources() : 0),
        received(m.sources()) {}
  std::size_t bytes() const noexcept {
    return own.bytes() + readout.bytes() + received.id.bytes() + received.value.bytes();
  }
};

// Active units of rows received for one layer: raw X, and X turned and aged by neuron, as round 0
// and round 1 need them.
struct synapse_units {
  array<neuron_id> first;  // of each unit: its first neuron
  array<float> x;          // of both members
  array<float> cosine, sine, decay;
  array<std::uint64_t> age;
  neuron_id count = 0;
  std::uint64_t clock = 0;  // that `age` is counted to
  array<neuron_id> neuron;  // members, ascending
  array<float> turned;      // by member
  array<std::uint64_t> neuron_age;

  explicit synapse_units(const model& m);
  std::size_t bytes() const noexcept;
};

// Of sources that spike: what arrives. W as it drives X and as it is written, by source, own ones
// valid; A, heads x sources, as a_ of the site.
struct sent_by_sources {
  array<float> w_driving, w_written, a;
  array<neuron_id> a_spikes;  // as `a`: how many
  // Where synapses are gated: the bins of W that is written, by source; the bins of X by member of
  // the units received; pairs of spikes by unit; whether a source spikes.
  array<std::uint64_t> w_mask, x_mask;
  array<float> found;
  array<bool> spiking;

  std::size_t bytes() const noexcept {
    return w_driving.bytes() + w_written.bytes() + a.bytes() + a_spikes.bytes() + w_mask.bytes() +
           x_mask.bytes() + found.bytes() + spiking.bytes();
  }
};

// Excitation and inhibition of own neurons.
struct direct_drives {
  array<float> x_excitatory, x_inhibitory, y_excitatory, y_inhibitory;

  explicit direct_drives(neuron_id neurons)
      : x_excitatory(neurons),
        x_inhibitory(neurons),
        y_excitatory(neurons),
        y_inhibitory(neurons) {}
  std::size_t bytes() const noexcept { return 4 * x_excitatory.bytes(); }
};

}  // namespace bdh
