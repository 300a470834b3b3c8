// A site of a model with explicit edges: excitatory and inhibitory circuits and synapses, source ->
// neuron, neuron -> source.
#pragma once

#include "kernels/cpu/direct_arrays.hpp"

namespace bdh {

class direct_site final : public cpu_site {
 public:
  // What several sites of a process work with together. `alone`: this is its only one.
  struct shared {
    const own_circuits& circuits;
    direct_strengths& strengths;
    direct_weights& weights;
    std::shared_ptr<const spiking> spikes;  // null: activity travels as it is
    bool alone;
  };
  direct_site(const model& m, const std::vector<site_share>& shares, site_id self,
              const kernels::cpu_kernels& bodies, double retention, const shared& with);

  static std::span<const stage> stages(action a, const model& m) noexcept;
  void present(token_id token) noexcept override;
  neuron_id pieces(const step& s) const noexcept override;
  void perform(const step& s, neuron_id piece, const inbox& received,
               outbox& sent) noexcept override;
  void read(variable v, std::span<float> out) const override;
  void read_sent(variable v, std::span<float> out) const override;
  void read_emitted(variable v, std::span<float> out) const override;
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override;
  float read_synapse(layer_id layer, neuron_id neuron, edge_id at) const override;
  void write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) override;
  std::uint64_t clock(layer_id layer) const noexcept { return clock_[layer - 1]; }
  std::uint64_t& last_used(layer_id layer, neuron_id own) noexcept {
    return last_used_[layer - 1][(own - share_.neurons.begin) / (rotates_ ? 2 : 1)];
  }
  // The strength of an edge of the process at this site's clock, laboratory frame.
  void set_strength(layer_id layer, neuron_id neuron, edge_id own, float value) noexcept;
  // A synapse that ends in this process, as it is stored.
  stored_synapse stored(layer_id layer, neuron_id neuron, edge_id own) const noexcept;
  void save(layer_id layer, const kept_part& to) const override;
  void restore(layer_id layer, const kept_part& from) override;
  void clear_synapses() noexcept override;
  std::size_t state_bytes() const noexcept override;

 private:
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
  void receive_units(layer_id layer, const inbox& received) noexcept;
  void turn_units(layer_id layer) noexcept;
  // f(head, first, last): the own sources, as they stand in A or, of one head, in W.
  template <class F>
  void for_own_sources(head_id heads, F f) const {
    for (const id_range r : {share_.neurons, own_sensory()})
      for (head_id h = 0; h < heads; ++h)
        f(h, std::size_t{h} * sources_ + r.begin, std::size_t{h} * sources_ + r.end);
  }
  void a_to_hubs(outbox& sent) noexcept;
  void arrive_gain(const inbox& received) noexcept;
  void reweight(layer_id layer) noexcept;
  void reweight_coincident(layer_id layer, const edges_to& edges) noexcept;
  void a_to_targets(layer_id layer, outbox& sent) noexcept;
  void drive_y(layer_id layer, neuron_id piece, const inbox& received) noexcept;
  void pull_edges(const projection& p, weight_view from, const float* a, neuron_id first,
                  neuron_id last, float* out) noexcept;
  void update_w() noexcept;
  void w_to_targets(layer_id layer, bool readout, outbox& sent) noexcept;
  void receive_w(const inbox& received) noexcept;
  void drive_x(layer_id layer, const inbox& received) noexcept;
  void read_out(const inbox& received, outbox& sent) noexcept;
  // Spikes (direct_spikes.cpp).
  void prepare_spikes();
  spike_source w_of(neuron_id source) const noexcept {
    return source < model_.neurons() ? spike_source::w : spike_source::w_sensory;
  }
  spike_source a_of(neuron_id source) const noexcept {
    return source < model_.neurons() ? spike_source::a : spike_source::a_sensory;
  }
  array<float>& a_arriving() noexcept { return a_spikes() ? sent_.a : a_; }
  bool w_spikes() const noexcept {
    return spikes_of(spike_source::w) || spikes_of(spike_source::w_sensory);
  }
  bool a_spikes() const noexcept { return spikes_of(spike_source::a); }
  const float* w_written() const noexcept {
    return w_spikes() ? sent_.w_written.data() : source_w_.own.data();
  }
  // W of the own sources for what it drives or writes in a layer, as it arrives.
  void emit_w(layer_id layer, emission e, array<float>& to, std::uint64_t* mask) noexcept;
  void gate_w(layer_id layer) noexcept;
  void emit_a(layer_id layer) noexcept;
  // X of a unit on its way to the sites where its synapses are, in words of the size of a float.
  std::uint32_t x_words() const noexcept;
  void append_x(layer_id layer, neuron_id first, packet& to) const noexcept;
  void receive_x(layer_id layer, neuron_id unit, const float* from) noexcept;
  void count_x_events(layer_id layer) noexcept;
  void count_a_spikes(layer_id layer) noexcept;
  void count_a_events(head_id head, neuron_id first, neuron_id last) noexcept;
  void send(site_id to, packet& p, std::uint32_t width, outbox& sent,
            std::uint8_t kind = 0) noexcept;

  const direct_circuits& c_;
  direct_strengths& strengths_;
  direct_weights& weights_;
  const neuron_id sources_;
  edges_to gx_excitatory_, gx_inhibitory_;
  std::vector<edges_to> gs_;  // into own neurons, into own sensory nodes
  direct_routes routes_;
  source_w source_w_;
  array<float> a_;  // heads x sources; own ones valid, others as far as own neurons pull them
  direct_drives drives_;
  std::vector<float> a_gain_;  // by head
  array<float> a_at_hubs_;     // heads x hubs
  std::vector<std::uint64_t> clock_;
  std::vector<array<std::uint64_t>> last_used_;  // by layer: own row units

  synapse_units units_;
  sent_by_sources sent_;
  std::vector<std::pair<edge_id, float>> muted_;  // strengths to be put back
};

}  // namespace bdh
