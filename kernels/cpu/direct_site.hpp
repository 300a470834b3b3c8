// A site of a model with explicit edges: excitatory and inhibitory circuits and synapses, source ->
// neuron, neuron -> source.
#pragma once

#include "kernels/cpu/cpu_site.hpp"

namespace bdh {

// The strengths of every synapse of every layer, in the rotating frame. One array for all sites of
// a process: a site reads and writes only the synapses to its own targets.
struct direct_strengths {
  std::vector<array<float>>
      layers;  // (synapses), layer l at [l - 1]; empty for models through hubs

  explicit direct_strengths(const model& m) {
    for (layer_id l = 1; m.is_direct() && l <= m.layers(); ++l) layers.emplace_back(m.synapses());
  }
  void save(layer_id layer, layer_synapses& to) const;
  void restore(layer_id layer, const layer_synapses& from);
  void clear() noexcept;
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

class direct_site final : public cpu_site {
 public:
  direct_site(const model& m, const std::vector<site_share>& shares, site_id self,
              const kernels::cpu_kernels& bodies, double retention, direct_strengths& strengths,
              direct_weights& weights);

  static std::span<const stage> stages(action a, const model& m) noexcept;
  void present(token_id token) noexcept override;
  neuron_id pieces(const step& s) const noexcept override;
  void perform(const step& s, neuron_id piece, const inbox& received,
               outbox& sent) noexcept override;
  void read(variable v, std::span<float> out) const override;
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override;
  float read_synapse(layer_id layer, neuron_id neuron, edge_id at) const override;
  void write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) override;
  void save(layer_id layer, layer_synapses& to) const override;
  void restore(layer_id layer, const layer_synapses& from) override;
  void clear_synapses() noexcept override;
  std::size_t state_bytes() const noexcept override;

 private:
  // The edges of every source that end in one range of targets. All of them: a view of the
  // projection's own row starts.
  class edges_to {
   public:
    edges_to(const projection& by_source, id_range targets);
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
  struct parcel {
    std::vector<std::uint32_t> id;
    std::vector<float> value;
  };

  id_range own_sensory() const noexcept;  // as sources
  bool owns_source(neuron_id j) const noexcept {
    return share_.neurons.contains(j) || own_sensory().contains(j);
  }
  // The weights of a circuit for one use: with the muted edges into own targets at zero until
  // unmute().
  weight_view mute(const projection& circuit, array<float>& copy,
                   const std::vector<edge_id>* muted) noexcept;
  void unmute(const projection& circuit, array<float>& copy,
              const std::vector<edge_id>* muted) noexcept;
  void mute_synapses(layer_id layer) noexcept;
  void unmute_synapses(layer_id layer) noexcept;
  void sense() noexcept;
  void synapses_to_targets(layer_id layer, outbox& sent) noexcept;
  void synapses_at_targets(layer_id layer, const inbox& received) noexcept;
  void hear_units(layer_id layer, const inbox& received) noexcept;
  void turn_units(layer_id layer) noexcept;
  void a_to_hubs(outbox& sent) noexcept;
  void arrive_gain(const inbox& received) noexcept;
  void reweight(layer_id layer) noexcept;
  void a_to_targets(outbox& sent) noexcept;
  void drive_y(layer_id layer, neuron_id piece, const inbox& received) noexcept;
  void pull_edges(const projection& p, weight_view from, const float* a, neuron_id first,
                  neuron_id last, float* out) noexcept;
  void update_w() noexcept;
  void w_to_targets(bool readout, outbox& sent) noexcept;
  void hear_w(const inbox& received) noexcept;
  void drive_x(layer_id layer, const inbox& received) noexcept;
  void read_out(const inbox& received, outbox& sent) noexcept;
  void post(site_id to, parcel& p, std::uint32_t width, outbox& sent) noexcept;

  const direct_circuits& c_;
  direct_strengths& strengths_;
  direct_weights& weights_;
  const bool pool_;
  const neuron_id sources_;
  edges_to gx_excitatory_, gx_inhibitory_;
  std::vector<edges_to> gs_;  // into own neurons, into own sensory nodes
  // reach_[to][i]: whether neuron (gs) or source (gx) i of this site has an edge to a target of
  // that site; a_needed_: sources whose A it pulls
  std::vector<std::vector<bool>> gs_reach_, gx_reach_;
  std::vector<std::vector<std::uint32_t>> a_needed_;
  // By receiving site. Each kind has its own: X is still being read elsewhere while A is packed, A
  // while W is.
  std::vector<parcel> x_to_, a_to_, w_to_, w_sensory_to_;

  array<float> w_source_;  // by source; own ones valid
  array<float> used_w_;    // by source: W as heard for the readout
  array<float> a_;  // heads x sources; own ones valid, others as far as own neurons pull them
  array<float> xe_, xi_, ye_, yi_;
  std::vector<float> a_gain_;   // by head
  array<float> heard_at_hubs_;  // heads x hubs
  activity heard_w_;
  std::vector<std::uint64_t> clock_;
  std::vector<array<std::uint64_t>> last_used_;  // by layer: own row units

  // Active units heard for one layer: raw X, turned and aged X, as round 0 and round 1 need them.
  array<neuron_id> unit_, used_id_;
  array<float> unit_x_, used_x_, cosine_, sine_, kept_;
  array<std::uint64_t> age_, used_age_;
  neuron_id units_ = 0;
  std::uint64_t heard_clock_ = 0;
  std::vector<std::pair<edge_id, float>> muted_;  // strengths to be put back
};

}  // namespace bdh
