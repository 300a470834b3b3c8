// What one site of the CPU engine owns and does: its neurons with their synapses, its hubs, its readout nodes.
#pragma once

#include <vector>

#include "core/engine.hpp"
#include "core/model.hpp"
#include "graph/partition.hpp"
#include "kernels/cpu_kernels.hpp"

namespace bdh {

// Sine and cosine of every rotation pair at the last two clocks asked for: within a token layers share a clock, and a round
// table may read before and write after the decay.
class rotation_angles {
 public:
  explicit rotation_angles(const rotation& turning);
  struct table {
    std::uint64_t clock = ~std::uint64_t{0};
    array<float> cosine, sine;  // (N/2)
  };
  const table& at(std::uint64_t clock) noexcept;

 private:
  std::span<const double> frequency_;
  table tables_[2];
  int oldest_ = 0;
};

class cpu_site {
 public:
  cpu_site(const model& m, const std::vector<site_share>& shares, site_id self, const kernels::cpu_kernels& bodies, double retention);

  void present(token_id token) noexcept;
  void perform(const step& s, const inbox& received, outbox& sent) noexcept;

  const site_share& share() const noexcept { return share_; }
  const site_counts& counts() const noexcept { return counts_; }
  const std::optional<std::pair<fault, neuron_id>>& first_fault() const noexcept { return fault_; }
  std::span<const float> logits() const noexcept { return logits_; }
  void read(variable v, std::span<float> out) const;  // of the whole population; fills only what this site owns
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out);
  layer_synapses& synapses(layer_id layer) noexcept { return layers_[layer - 1]; }  // of the own neurons
  const layer_synapses& synapses(layer_id layer) const noexcept { return layers_[layer - 1]; }
  void forget() noexcept;
  std::size_t state_bytes() const noexcept;

 private:
  // Neurons with a value, ascending; the neurons of one block stand together.
  struct activity {
    array<neuron_id> id;
    array<float> value;
    neuron_id count = 0;
    explicit activity(neuron_id most) : id(most), value(most) {}
    void add(neuron_id i, float v) noexcept {
      id[count] = i;
      value[count++] = v;
    }
  };

  void sense_to_hubs(outbox& sent) noexcept;
  void synapses_to_hubs(layer_id layer, outbox& sent) noexcept;
  void reweight_synapses(layer_id layer) noexcept;
  void y_to_hubs(outbox& sent) noexcept;
  void add_at_hubs(bool by_head, const inbox& received, outbox& sent) noexcept;
  void arrive_w(bool token, layer_id layer, const inbox& received) noexcept;
  void arrive_a(layer_id layer, const inbox& received) noexcept;
  void drive_x(layer_id layer) noexcept;
  void threshold_x(layer_id layer) noexcept;
  void drive_y(layer_id layer) noexcept;
  void threshold_y(layer_id layer) noexcept;
  void read_out(outbox& sent) noexcept;
  void arrive_logits(const inbox& received) noexcept;

  void push_blocks(const projection* circuit, const float* rows, neuron_id first_row, const neuron_id* id, const float* value,
                   neuron_id count, outbox& sent) noexcept;
  void send_rows(std::span<const std::uint32_t> labels, const float* values, outbox& sent) noexcept;
  void pull(const projection& circuit, const float* values, const neuron_id* targets, neuron_id first, neuron_id last, float* out) noexcept;
  void receive(const inbox& received, float* into) noexcept;
  void use_synapses(layer_id layer) noexcept;
  void check(layer_id layer, const char* what, const float* values, neuron_id count, const neuron_id* ids) noexcept;
  void blame(layer_id layer, const char* what, neuron_id who, float value) noexcept;

  const model& model_;
  const kernels::cpu_kernels& bodies_;
  const site_id self_;
  const std::vector<site_share>& shares_;
  const site_share& share_;
  const block_grid grid_;
  const double retention_;
  const bool rotates_;

  token_id token_ = 0;
  array<float> x_, drive_;  // own neurons
  array<float> w_, a_;      // hubs; heads x hubs: at every site
  array<float> heard_;      // hub values of update_w before they are integrated
  array<float> at_hubs_;    // heads x own hubs
  array<float> partial_;    // partial sums: own blocks x hubs
  std::vector<std::uint32_t> partial_blocks_, head_labels_;
  std::vector<const float*> parts_;
  activity active_x_, active_y_;
  array<float> gate_;  // drive of Gy, then Y, at the active X
  array<float> own_logits_, logits_;

  std::vector<layer_synapses> layers_;
  rotation_angles angles_;
  activity used_;               // synapse rows in use: neuron and turned, aged X
  array<float> turned_, kept_;  // as used_
  array<neuron_id> pairs_;
  neuron_id pair_count_ = 0;
  layer_id used_layer_ = 0;  // 0: used_ is out of date
  std::uint64_t used_clock_ = 0;

  site_counts counts_;
  std::optional<std::pair<fault, neuron_id>> fault_;
};

}  // namespace bdh
