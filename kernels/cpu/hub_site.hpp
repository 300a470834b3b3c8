// A site of a model whose circuits go through hubs.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/cpu/cpu_site.hpp"
#include "kernels/cpu/site_learning.hpp"

namespace bdh {

class hub_site final : public cpu_site {
 public:
  hub_site(const model& m, const std::vector<site_share>& shares, site_id self,
           const kernels::cpu_kernels& bodies, double retention, bool rounds_synapses,
           std::shared_ptr<const spiking> spikes);

  static std::span<const stage> stages(action a) noexcept;
  void present(token_id token) noexcept override;
  neuron_id pieces(const step& s) const noexcept override;
  void perform(const step& s, neuron_id piece, const inbox& received,
               outbox& sent) noexcept override;
  bool perform_piece_batch(const step& s, neuron_id piece,
                           std::span<cpu_site* const> streams) noexcept override;
  void read(variable v, std::span<float> out) const override;
  void read_sent(variable v, std::span<float> out) const override;
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override;
  float read_synapse(layer_id layer, neuron_id neuron, edge_id at) const override;
  void write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) override;
  void save(layer_id layer, const kept_part& to) const override;
  void restore(layer_id layer, const kept_part& from) override;
  void clear_strengths(layer_id layer) noexcept override;
  void seed_draws(std::uint64_t seed) noexcept override {
    cpu_site::seed_draws(seed);
    seed_ = seed;
  }
  void clear_synapses() noexcept override;
  std::size_t state_bytes() const noexcept override;

  // As state_arrays, of the own neurons. Strengths are float32 or bfloat16: one of the two arrays
  // is empty.
  struct synapse_rows {
    std::uint64_t clock = 0;
    array<std::uint64_t> last_used;
    array<float> stored;
    array<bfloat16> rounded;

    float strength(std::size_t at) const noexcept {
      return rounded.empty() ? stored[at] : to_float(rounded[at]);
    }
    void set(std::size_t at, float strength) noexcept {  // to the nearest
      if (rounded.empty())
        stored[at] = strength;
      else
        rounded[at] = to_bfloat16(strength);
    }
    template <class F>
    void visit(F f) noexcept {
      rounded.empty() ? f(stored.data()) : f(rounded.data());
    }
  };
  // For prompts in blocks (kernels/cpu/prefill.hpp), which work on the float32 synapses of all
  // sites.
  synapse_rows& synapses(layer_id layer) noexcept { return layers_[layer - 1]; }
  struct token_values {
    const float *x, *y;               // (n)
    const float* w;                   // (hubs)
    std::span<const float* const> a;  // by head: (hubs)
    float gain_y, gain_w;
    const float* logits;
  };
  void load_state(const token_values& last) noexcept;  // as if this site had read the token

  // Keeps what a token leaves, and changes rows of these weights; null: no longer.
  void learn_into(learned_weights* weights, id_range readout_blocks);
  site_learning* learning() const noexcept { return learning_.get(); }
  std::span<float> logits_of_token() noexcept { return logits_.all; }  // at site 0

 private:
  const hub_circuits& circuits() const noexcept override;
  void perform_learning(const step& s, const inbox& received, outbox& sent) noexcept;
  void keep_w(layer_id layer) noexcept;
  void keep_a(layer_id layer) noexcept;
  void threshold_y_and_keep(layer_id layer) noexcept;
  void send_error(outbox& sent) noexcept;
  void error_to_hubs(const inbox& received, outbox& sent) noexcept;
  void arrive_error(const inbox& received) noexcept;
  void return_over_e(layer_id layer, const float* dw) noexcept;
  void return_gy(layer_id layer, outbox& sent) noexcept;
  void arrive_da(layer_id layer, const inbox& received) noexcept;
  void return_over_synapses(layer_id layer) noexcept;
  void return_gx(layer_id layer, outbox& sent) noexcept;
  void arrive_dw(const inbox& received) noexcept;
  struct row_terms {  // of the gradient of a row
    const float* const* vector;
    const float* factor;
    kernels::index count;
  };
  void change_row(learned_circuit what, neuron_id row, neuron_id block,
                  const row_terms& terms) noexcept;
  void change_neurons() noexcept;
  void change_weights() noexcept;
  void synapses_to_hubs(layer_id layer, bool reweights, outbox& sent) noexcept;
  void arrive_a(layer_id layer, const inbox& received) noexcept;
  void emit_w(layer_id layer) noexcept;  // for what it drives and writes in a layer
  void emit_a(layer_id layer) noexcept;
  // What drives X, what is written, and A of a head, as they arrive.
  const float* w_driving() const noexcept {
    return spikes_of(spike_source::w) ? sent_.w_driving.data() : w_.data();
  }
  const float* w_written() const noexcept {
    return spikes_of(spike_source::w) ? sent_.w_written.data() : w_.data();
  }
  const float* a_sent(head_id h) const noexcept {
    return (spikes_of(spike_source::a) ? sent_.a : a_).data() + std::size_t{h} * model_.hubs();
  }
  void reweight_synapses(layer_id layer) noexcept;
  void reweight_coincident(layer_id layer) noexcept;
  void complete_reweight(layer_id layer) noexcept;
  void draw_roundings(layer_id layer) noexcept;
  template <class Strength>
  kernels::reweight_of<Strength> reweighting(
      Strength* rows, neuron_id first) const noexcept;  // of active_rows_, from the first one on
  void find_non_finite(layer_id layer, neuron_id first,
                       neuron_id last) noexcept;  // in active_rows_
  bool frozen(layer_id layer) const noexcept;
  void drive_x(layer_id layer, neuron_id piece) noexcept;
  void count_drive_x(layer_id layer, id_range targets) noexcept;
  void drive_y(layer_id layer, neuron_id piece) noexcept;
  void use_synapses(layer_id layer) noexcept;
  void cut_synapses(const std::vector<cut_term>& cuts, neuron_id block, float* sum) noexcept;

  array<float> a_;  // heads x hubs: at every site
  // Of hubs that spike, at every site: W as it drives X and as it is written (where synapses are
  // gated: the scale, with its sign), the bins of the latter; A; pairs of spikes by row unit.
  struct sent_by_hubs {
    array<float> w_driving, w_written, a, found;
    array<std::uint64_t> w_mask;
  } sent_;
  const bool rounds_;
  std::uint64_t seed_ = 0;
  std::vector<synapse_rows> layers_;
  activity active_rows_;                      // synapse rows in use: neuron and turned, aged X
  array<float> turned_, decay_;               // as active_rows_
  array<kernels::random_rounding> rounding_;  // as active_rows_; of bfloat16
  array<neuron_id> pairs_;
  neuron_id pair_count_ = 0;
  layer_id rows_layer_ = 0;  // 0: active_rows_ is out of date
  std::uint64_t rows_clock_ = 0;
  std::optional<neuron_id>
      non_finite_synapse_;  // the first neuron with a synapse that was not finite when written
  std::unique_ptr<site_learning> learning_;  // null: weights stay as they are
};

}  // namespace bdh
