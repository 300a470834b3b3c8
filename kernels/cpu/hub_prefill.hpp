// The class behind kernels/cpu/prefill.hpp. Tokens have slots: block q has slots 64 q, 64 q + 1,
// ... prefill.cpp has what is done token by token, prefill_sections.cpp what is done tile by tile.
#pragma once

#include <vector>

#include "kernels/cpu/prefill.hpp"
#include "kernels/cpu/prefill_weights.hpp"

namespace bdh {

class hub_prefill final : public prefill_reader {
 public:
  hub_prefill(const model& m, const kernels::cpu_kernels& bodies, double retention,
              std::span<const std::unique_ptr<cpu_site>> sites);

  std::optional<block_fault> read(std::span<const token_id> tokens, std::uint64_t position,
                                  executor& threads) override;
  std::span<const float> logits(std::size_t token) const noexcept override;
  block_counts counts(std::size_t token) const override;
  std::size_t bytes() const noexcept override;

 private:
  static constexpr neuron_id section_tiles = 32;
  static constexpr std::size_t max_blocks = block_span / block_length;  // side by side
  static constexpr std::size_t max_slots = max_blocks * kernels::block_tokens;
  using tile = float[kernels::block_tokens * kernels::block_tokens];  // neurons x tokens of a block
  using masks = std::uint64_t[kernels::block_tokens];

  struct block {
    std::size_t tokens, first;  // first: of the tokens given
  };
  struct section {
    std::size_t number;
    head_id head;
    neuron_id first, last;  // tiles [first, last)
    std::optional<block_fault> fault;
  };
  // 64 neurons of a layer, and the tokens of one block.
  struct tile_block {
    layer_id layer;
    section& of;
    neuron_id number;  // of the tile
    std::size_t block, slot, tokens;
    id_range neurons;
  };
  // Of one token in one layer and section.
  struct work_done {
    std::uint32_t x, y, used;  // neurons with X, with Y, with synapses in use
    std::uint64_t dy, e;       // edges
  };
  // The synapse rows of a tile, and how much they decay until a block reads and writes them.
  struct tile_synapses {
    float* stored;
    float decay[kernels::block_tokens], decay_to_write[kernels::block_tokens];
  };

  // Angles and decays of up to 64 tokens.
  struct decay_tables {
    array<float> turns;  // by pair of a head: (64) cosines and (64) sines of 0 ... 63 tokens
    array<float> base;   // blocks x pairs of a head x (cosine, sine), at the block's first token
    array<float> falling, rising;  // u^t; u^(63 - t), then zeros
    decay_tables(const model& m, double retention);
  };
  struct slot_values {
    array<float> w, by_hub;       // slots x hubs; the same as blocks x hubs x 64
    array<float> hub_input;       // slots x hubs
    array<float> a;               // heads x slots x hubs
    array<float> gain_y, gain_w;  // slots
    array<float> logits;          // slots x readout nodes
    std::vector<edge_id> sensed;  // edges of the sensory node
    std::vector<std::optional<block_fault>> faults;
    explicit slot_values(const model& m);
  };
  struct neuron_values {
    array<float> x;  // neurons x slots: of each block X that is not zero, by ascending token
    array<std::uint64_t> active;  // tiles x blocks x 64: tokens that have X, by neuron
    array<float> last_x, last_y;  // neurons: of the last token
    neuron_values(const model& m, const block_grid& grid);
  };
  struct section_values {
    array<float> part;            // sections x slots x hubs: of A, then of W
    array<float> scores;          // sections x slots x 64
    std::vector<work_done> work;  // sections x layers x slots
    section_values(const model& m, std::size_t sections);
  };

  static std::vector<section> sections_of(const model& m, const block_grid& grid);

  // Token by token.
  void split(std::size_t tokens, std::uint64_t position);
  void rotate_to(std::uint64_t clock) noexcept;
  void sense(std::size_t slot, token_id token) noexcept;
  void reduce_a(layer_id layer, std::size_t slot) noexcept;
  void reduce_head(head_id head, std::size_t slot) noexcept;
  void reduce_w(layer_id layer, std::size_t slot) noexcept;
  void set_w(layer_id layer, std::size_t slot, bool token) noexcept;
  void read_out(id_range nodes) noexcept;
  void store_state();
  void check(std::optional<block_fault>& fault, std::size_t slot, layer_id layer, const char* what,
             const float* values, neuron_id count) const;
  std::optional<block_fault> first_fault() const;

  // Tile by tile.
  void compute_x(layer_id layer, section& s) noexcept;
  void compute_y(layer_id layer, section& s) noexcept;
  void use_synapses(const tile_block& t, const float* x) noexcept;
  const float* turn(const tile_block& t, const float* x, float* turned,
                    std::uint64_t* used) const noexcept;
  tile_synapses age(const tile_block& t, const std::uint64_t* used) const noexcept;
  void add_scores(const tile_block& t, const float* x, const std::uint64_t* by_token) noexcept;
  void fire(const tile_block& t, const float* rows, float* y,
            std::uint64_t* active_y) const noexcept;
  void push_y(const tile_block& t, const float* rows, const float* y,
              const std::uint64_t* active_y) noexcept;
  void count_edges(const tile_block& t, const std::uint64_t* active_y) noexcept;
  void keep_last(const tile_block& t, const float* y, const std::uint64_t* active_y) noexcept;
  void count_tokens(const tile_block& t, const std::uint64_t* by_token,
                    std::uint32_t work_done::*of) noexcept;
  void product(const prefill_weights& p, const float* dense, id_range rows, std::size_t q,
               float* out, kernels::prefetch_range next = {}) const noexcept;
  kernels::prefetch_range synapses_ahead(layer_id layer, neuron_id tile_number,
                                         std::size_t q) const noexcept;
  void check_x(const tile_block& t, const float* x) const;
  void check_synapses(const tile_block& t, const std::uint64_t* used, const float* stored) const;

  tile_block tile_of(layer_id layer, section& s, neuron_id number, std::size_t q) const noexcept {
    return {
        layer, s, number, q, q * kernels::block_tokens, blocks_[q].tokens, grid_.neurons(number)};
  }
  // Only the first block may lack its beginning, only the last one its end.
  std::size_t slot_of(std::size_t token) const noexcept {
    const std::size_t first = blocks_.front().tokens;
    return token < first ? token : token - first + kernels::block_tokens;
  }
  std::size_t token_at(std::size_t slot) const noexcept {
    const std::size_t in_first = kernels::block_tokens;
    return slot < in_first ? slot : slot - in_first + blocks_.front().tokens;
  }
  neuron_id hubs() const noexcept { return model_.hubs(); }
  neuron_id filled(std::size_t q) const noexcept {
    return blocks_[q].tokens <= kernels::half_block ? kernels::half_block : kernels::block_tokens;
  }
  std::size_t pairs() const noexcept { return model_.rotation().frequency().size(); }
  hub_site& owner(neuron_id tile_number) const noexcept;
  std::uint64_t* active(const tile_block& t) noexcept {
    return neurons_.active.data() +
           (std::size_t{t.number} * max_blocks + t.block) * kernels::block_tokens;
  }
  const std::uint64_t* active(const tile_block& t) const noexcept {
    return const_cast<hub_prefill*>(this)->active(t);
  }
  float* x_of(const tile_block& t) noexcept {
    return neurons_.x.data() + t.neurons.begin * max_slots + t.slot;
  }
  const float* x_of(const tile_block& t) const noexcept {
    return const_cast<hub_prefill*>(this)->x_of(t);
  }
  float* part(const section& s, std::size_t slot) noexcept {
    return by_section_.part.data() + (s.number * max_slots + slot) * hubs();
  }
  float* scores(const section& s, std::size_t slot) noexcept {
    return by_section_.scores.data() + (s.number * max_slots + slot) * kernels::block_tokens;
  }
  float* a(head_id head, std::size_t slot) noexcept {
    return slots_.a.data() + (head * max_slots + slot) * hubs();
  }
  const float* a(head_id head, std::size_t slot) const noexcept {
    return const_cast<hub_prefill*>(this)->a(head, slot);
  }
  float* w(std::size_t slot) noexcept { return slots_.w.data() + slot * hubs(); }
  work_done& work(const tile_block& t, std::size_t token) noexcept {
    return by_section_
        .work[(t.of.number * model_.layers() + t.layer - 1) * max_slots + t.slot + token];
  }

  const model& model_;
  const kernels::cpu_kernels& bodies_;
  const double retention_;
  const bool rotates_;
  const block_grid grid_;
  const prefill_weights dx_, dy_, e_, readout_;
  std::vector<hub_site*> sites_, owners_;  // owners: those that have neurons, ascending
  std::vector<section> sections_;
  std::vector<block> blocks_;
  std::uint64_t clock_ = 0;  // of the layer, at the first token given
  decay_tables tables_;
  slot_values slots_;
  neuron_values neurons_;
  section_values by_section_;
};

}  // namespace bdh
