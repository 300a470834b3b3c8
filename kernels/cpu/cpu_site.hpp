// What one site of the CPU engine owns and does, whatever the circuits: X, Y and the thresholds of
// its neurons, its synapses' clocks, its hubs in the pool. hub_site and direct_site add how values
// travel.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <bdh/model.hpp>

#include "core/base/sincos.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/partition.hpp"
#include "kernels/cpu/activity.hpp"
#include "kernels/cpu/block_sums.hpp"
#include "kernels/cpu/cpu_kernels.hpp"
#include "kernels/cpu/site_spikes.hpp"

namespace bdh {

// Sine and cosine of every rotation pair at the last two clocks used: within a token layers
// share a clock, and a round table may read before and write after the decay.
class rotation_angles {
 public:
  explicit rotation_angles(const rotation& r);
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

// Edges that arrive at `targets`, of a projection stored by target.
inline edge_id edges_into(const projection& p, id_range targets) {
  return p.is_dense() ? edge_id{targets.size()} * p.columns()
                      : p.indptr()[targets.end] - p.indptr()[targets.begin];
}
// Edges of one row: those that leave a source, or arrive at a target.
inline edge_id row_edges(const projection& p, neuron_id row) {
  return p.is_dense() ? p.columns() : p.indptr()[row + 1] - p.indptr()[row];
}

// Sums of what sources send to the hubs.
struct hub_sums {
  array<float> at_hubs;              // heads x own hubs
  std::vector<std::uint32_t> heads;  // labels of its rows
  block_sums own;                    // of the own sources
  block_roots arrived;

  // `own_blocks` rows of sums at most, `blocks` of a tree.
  hub_sums(const model& m, const site_share& share, std::size_t own_blocks, neuron_id blocks,
           const kernels::cpu_kernels& bodies);
};

// f(at, in the part, count): which own values, of those from `own_first` on, a part has.
template <class F>
void for_common(std::uint64_t own_first, std::uint64_t own, const kept_part& part, F f) {
  const std::uint64_t begin = std::max(own_first, part.first),
                      end = std::min(own_first + own, part.end());
  if (begin < end) f(begin - own_first, begin - part.first, end - begin);
}

struct site_logits {
  array<float> own, all;  // all: at site 0
};

class cpu_site {
 public:
  cpu_site(const model& m, const std::vector<site_share>& shares, site_id self,
           const kernels::cpu_kernels& bodies, double retention, std::size_t own_blocks,
           std::shared_ptr<const spiking> spikes);
  virtual ~cpu_site() = default;

  void control(const applied_controls* what) noexcept { controls_ = what; }
  virtual void present(token_id token) noexcept;
  // A step is done in pieces, in ascending order. The pieces of a step that reads weights read
  // different ones, so that streams that do them piece by piece read each weight from memory once.
  virtual neuron_id pieces(const step& s) const noexcept = 0;
  virtual void perform(const step& s, neuron_id piece, const inbox& received,
                       outbox& sent) noexcept = 0;
  // The same piece for several streams at once, where that saves more; `streams` are their sites,
  // of which this is one.
  virtual bool perform_piece_batch(const step&, neuron_id, std::span<cpu_site* const>) noexcept {
    return false;
  }

  const site_share& share() const noexcept { return share_; }
  const site_counts& counts() const noexcept { return counts_; }
  void count_step() noexcept { ++faults_.step; }
  std::optional<fault> first_fault() const;
  std::span<const float> logits() const noexcept { return logits_.all; }
  virtual void read_synapses(layer_id layer, neuron_id neuron,
                             std::span<float> out) const = 0;  // of an own neuron
  // Of an own neuron, one synapse: `at` counts from the first one of the neuron.
  virtual float read_synapse(layer_id layer, neuron_id neuron, edge_id at) const = 0;
  virtual void write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) = 0;
  pool_gains gains() const noexcept { return gains_; }
  // Some values of a kept variable of all sites: only those that this site owns.
  virtual void save(layer_id layer, const kept_part& to) const = 0;
  virtual void restore(layer_id layer, const kept_part& from) = 0;
  // What it draws: roundings, spikes.
  virtual void seed_draws(std::uint64_t seed) noexcept {
    if (spikes_) spikes_->seed(seed);
  }
  // (population); fills only what this site owns.
  virtual void read(variable v, std::span<float> out) const;
  // As it travels, and as it is emitted (engine.hpp); only what this site owns.
  virtual void read_sent(variable v, std::span<float> out) const;
  virtual void read_emitted(variable v, std::span<float> out) const { read(v, out); }
  // Appends the own neurons that have a value; false: there is no list of them.
  bool active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const;
  virtual void clear_strengths(layer_id) noexcept {}  // where they are the site's own
  virtual void clear_synapses() noexcept = 0;
  virtual std::size_t state_bytes() const noexcept;

 protected:
  // The weights in use.
  virtual const hub_circuits& circuits() const noexcept { return model_.circuits(); }

  // Calls f(block, first, last) for every block that has some of the ascending neurons
  // id[first..last).
  template <class F>
  void for_blocks(const neuron_id* id, neuron_id count, F f) noexcept {
    neuron_id j = 0;
    for (neuron_id block = share_.blocks.begin; block < share_.blocks.end && j < count; ++block) {
      const neuron_id end = grid_.neurons(block).end, first = j;
      while (j < count && id[j] < end) ++j;
      if (j != first) f(block, first, j);
    }
  }

  // The part of `all` that is in the block of a piece; for piece after piece, from 0 on.
  std::pair<neuron_id, neuron_id> active_in(neuron_id piece, const activity& all) noexcept {
    const neuron_id first = piece == 0 ? 0 : active_end_,
                    end = grid_.neurons(share_.blocks.begin + piece).end;
    for (active_end_ = first; active_end_ < all.count && all.id[active_end_] < end;) ++active_end_;
    return {first, active_end_};
  }

  // Neurons (or sensory nodes) -> hubs, by the dense or sparse rows of `circuit`, or of `rows`
  // where there is no projection. `prefetch_end` entries of `id`: those behind `count` come next.
  void push_block(const projection* circuit, weight_view rows, neuron_id first_row,
                  const neuron_id* id, const float* value, neuron_id count, float* out,
                  neuron_id prefetch_end = 0) noexcept;
  void sense_to_hubs(outbox& sent) noexcept;
  void y_to_hubs(layer_id layer, neuron_id piece, outbox& sent) noexcept;
  void send_sums(const block_sums& own, outbox& sent) noexcept;
  // Adds up the partial sums of `heads` trees of `per_tree` blocks each, which are numbered
  // through.
  void add_at_hubs(head_id heads, neuron_id per_tree, const inbox& received, outbox& sent) noexcept;
  void receive_hubs(const inbox& received, float* into) noexcept;
  // W of the hubs after a token entered or a layer ended; leaves the gains g(y), g(w).
  void arrive_w(bool token, layer_id layer, const inbox& received) noexcept;

  // `prefetch_end` entries of `targets`.
  void pull(const projection& circuit, const float* values, const neuron_id* targets,
            neuron_id first, neuron_id last, float* out, neuron_id prefetch_end = 0) noexcept;
  void threshold_x(layer_id layer) noexcept;
  void threshold_y(layer_id layer) noexcept;
  static id_range rows_of_piece(id_range rows, neuron_id piece) noexcept {
    const neuron_id first = rows.begin + piece * block_grid::block_size;
    return {first, std::min(first + block_grid::block_size, rows.end)};
  }
  static neuron_id pieces_of(id_range rows) noexcept {
    return (rows.size() + block_grid::block_size - 1) / block_grid::block_size;
  }
  void read_out_hubs(neuron_id piece, outbox& sent) noexcept;
  void send_logits(outbox& sent) noexcept;
  // Blocks of sources: those of the neurons, then those of the sensory nodes.
  neuron_id all_blocks() const noexcept {
    return grid_.blocks() +
           (model_.sensory_nodes() + block_grid::block_size - 1) / block_grid::block_size;
  }
  void arrive_logits(const inbox& received) noexcept;
  // Remembers the first value that is not finite; value i belongs to ids[i], or to first + i.
  void check(layer_id layer, const char* what, const float* values, neuron_id count,
             const neuron_id* ids, neuron_id first = 0) noexcept;

  // Interventions on a layer of this token; null: none.
  const layer_controls* controls_of(layer_id layer) const noexcept {
    return controls_ ? &controls_->layers[layer - 1] : nullptr;
  }
  void hold_y(const std::vector<neuron_value>& held) noexcept;
  // The first of a token stays.
  void record_fault(layer_id layer, const char* what, neuron_id who, float value) noexcept {
    if (!faults_.first) faults_.first = {faults_.step, layer, what, who, value};
  }

  // X and Y as they travel: those that send, and X of all own neurons.
  bool spikes_of(spike_source s) const noexcept { return spikes_ && spikes_->emits(s); }
  const activity& sent_x() const noexcept {
    return spikes_of(spike_source::x) ? spikes_->x() : active_x_;
  }
  const activity& sent_y() const noexcept {
    return spikes_of(spike_source::y) ? spikes_->y() : active_y_;
  }
  const float* x_values() const noexcept {
    return spikes_of(spike_source::x) ? spikes_->x_values() : x_.data();
  }
  // How often a value travels over an edge: once, or with every spike.
  std::uint64_t events_of(spike_source s, layer_id layer, float sent) const noexcept {
    return spikes_of(s) ? spikes_->spikes_of(s, layer, sent) : 1;
  }
  // Of edges over which targets pull spikes: those of rows [first, last), or of the rows listed.
  std::uint64_t pulled_events(spike_source s, layer_id layer, const projection& p,
                              const float* sent, const neuron_id* rows, neuron_id first,
                              neuron_id last) const noexcept;

  const model& model_;
  const kernels::cpu_kernels& bodies_;
  const site_id self_;
  const std::vector<site_share>& shares_;
  const site_share& share_;
  const block_grid grid_;
  const double retention_;
  const bool rotates_;

  const applied_controls* controls_ = nullptr;
  token_id token_ = 0;
  array<float> x_, drive_;  // own neurons
  array<float> w_;          // hubs, at every site
  array<float> hub_input_;  // hub values of update_w before they are integrated
  pool_gains gains_;
  hub_sums sums_;
  activity active_x_, active_y_;
  neuron_id active_end_ = 0;  // active_in: the end of the last piece
  array<float> y_drive_;      // drive of Gy, then Y, at the active X
  site_logits logits_;
  rotation_angles angles_;
  site_counts counts_;

  struct found_fault {
    std::uint64_t step;
    layer_id layer;
    const char* what;
    neuron_id who;
    float value;
  };
  struct {
    std::uint64_t step = 0;
    std::optional<found_fault> first;
  } faults_;
  std::unique_ptr<site_spikes> spikes_;  // null: activity travels as it is
};

}  // namespace bdh
