// A site of a model whose circuits go through hubs.
#pragma once

#include "kernels/cpu_site.hpp"

namespace bdh {

class hub_site final : public cpu_site {
 public:
  hub_site(const model& m, const std::vector<site_share>& shares, site_id self, const kernels::cpu_kernels& bodies, double retention);

  static std::span<const hop> hops(action a) noexcept;
  void present(token_id token) noexcept override;
  void perform(const step& s, const inbox& received, outbox& sent) noexcept override;
  void read(variable v, std::span<float> out) const override;
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override;
  float read_synapse(layer_id layer, neuron_id neuron, edge_id at) const override;
  void write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) override;
  void save(layer_id layer, layer_synapses& to) const override;
  void restore(layer_id layer, const layer_synapses& from) override;
  void forget() noexcept override;
  std::size_t state_bytes() const noexcept override;

  // For prompts in blocks (kernels/block_reader.hpp), which work on the synapses of all sites.
  layer_synapses& synapses(layer_id layer) noexcept { return layers_[layer - 1]; }
  struct token_values {
    const float *x, *y;               // (n)
    const float* w;                   // (hubs)
    std::span<const float* const> a;  // by head: (hubs)
    float gain_y, gain_w;
    const float* logits;
  };
  void take(const token_values& last) noexcept;  // as if this site had read the token

 private:
  void synapses_to_hubs(layer_id layer, bool then_reweight, outbox& sent) noexcept;
  void arrive_a(layer_id layer, const inbox& received) noexcept;
  void reweight_synapses(layer_id layer) noexcept;
  void reweight_rows(layer_id layer, neuron_id first, neuron_id last) noexcept;  // of used_
  bool frozen(layer_id layer) const noexcept;
  void drive_x(layer_id layer) noexcept;
  void drive_y(layer_id layer) noexcept;
  void use_synapses(layer_id layer) noexcept;
  void cut_synapses(const std::vector<cut_term>& cuts) noexcept;

  array<float> a_;                      // heads x hubs: at every site
  std::vector<layer_synapses> layers_;  // of the own neurons
  activity used_;                       // synapse rows in use: neuron and turned, aged X
  array<float> turned_, kept_;          // as used_
  array<neuron_id> pairs_;
  neuron_id pair_count_ = 0;
  layer_id used_layer_ = 0;  // 0: used_ is out of date
  std::uint64_t used_clock_ = 0;
  layer_id written_layer_ = 0;               // its rows were written as they were read, before their round
  std::optional<neuron_id> broken_synapse_;  // the first neuron with a synapse that was not finite when written
};

}  // namespace bdh
