// Prompts in blocks, tile by tile: X and what it finds in the synapses; Y and what it sends to the
// hubs. A section is done by one thread.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/sincos.hpp"
#include "kernels/cpu/hub_prefill.hpp"

namespace bdh {

using kernels::block_tokens;
using kernels::half_block;

// `dense`: the rows, where they are dense.
void hub_prefill::product(const prefill_weights& p, const float* dense, id_range rows,
                          std::size_t q, float* out, kernels::prefetch_range next) const noexcept {
  const float* const by_hub = slots_.by_hub.data() + q * block_tokens * hubs();
  if (p.edges().is_dense())
    bodies_.block_product({.rows = dense,
                           .by_hub = by_hub,
                           .count = rows.size(),
                           .width = hubs(),
                           .tokens = filled(q),
                           .out = out,
                           .next = next});
  else
    bodies_.block_product_sparse({.indptr = p.edges().indptr().data(),
                                  .source = p.edges().indices().data(),
                                  .weights = p.sparse(),
                                  .by_hub = by_hub,
                                  .first_row = rows.begin,
                                  .count = rows.size(),
                                  .tokens = filled(q),
                                  .out = out});
}

// ---- X, and what it finds in the synapses

void hub_prefill::compute_x(layer_id layer, section& s) noexcept {
  const std::size_t slots = blocks_.size() * block_tokens;
  std::fill_n(part(s, 0), slots * hubs(), 0.0f);
  std::fill_n(scores(s, 0), slots * block_tokens, 0.0f);
  array<float> scratch = dx_.scratch();
  alignas(64) tile x;
  for (neuron_id b = s.first; b < s.last; ++b) {
    const float* const dense = dx_.dense(grid_.neurons(b), scratch);
    for (std::size_t q = 0; q < blocks_.size(); ++q) {
      const tile_block t = tile_of(layer, s, b, q);
      product(dx_, dense, t.neurons, q, x,
              b + 1 == s.last ? kernels::prefetch_range{} : synapses_ahead(layer, b + 1, q));
      if (!bodies_.block_threshold({.x = x,
                                    .count = t.neurons.size(),
                                    .tokens = filled(q),
                                    .accumulate = model_.rules().x() == x_rule::accumulate,
                                    .packed = x_of(t),
                                    .stride = max_slots,
                                    .active = active(t)}))
        check_x(t, x);
      use_synapses(t, x);
    }
  }
}

// A tile's synapses are brought in while the tile before is computed, a share by each of its
// blocks.
kernels::prefetch_range hub_prefill::synapses_ahead(layer_id layer, neuron_id tile_number,
                                                    std::size_t q) const noexcept {
  hub_site& site = owner(tile_number);
  const id_range neurons = grid_.neurons(tile_number);
  const std::size_t bytes = std::size_t{neurons.size()} * hubs() * sizeof(float),
                    share = (bytes / blocks_.size() + 63) / 64 * 64;
  const auto* const rows = reinterpret_cast<const char*>(
      site.synapses(layer).stored.data() +
      std::size_t{neurons.begin - site.share().neurons.begin} * hubs());
  return {rows + std::min(q * share, bytes), rows + std::min((q + 1) * share, bytes)};
}

// Adds up, for every token, the neurons of the tile that it has a bit of.
void hub_prefill::count_tokens(const tile_block& t, const std::uint64_t* by_token,
                               std::uint32_t work_done::*of) noexcept {
  for (std::size_t k = 0; k < t.tokens; ++k)
    work(t, k).*of += static_cast<std::uint32_t>(kernels::count_bits(by_token[k]));
}

// X in the rotating frame, and the tokens in which a neuron's pair is active.
const float* hub_prefill::turn(const tile_block& t, const float* x, float* turned,
                               std::uint64_t* used) const noexcept {
  const std::size_t first = t.neurons.begin % model_.neurons_per_head();
  bodies_.block_turn({.x = x,
                      .count = t.neurons.size(),
                      .active = active(t),
                      .base = tables_.base.data() + t.block * pairs() * 2 + first,
                      .table = tables_.turns.data() + first * block_tokens,
                      .turned = turned,
                      .used = used});
  return turned;
}

// The rows of the tile, with their time stamps set to the last token that writes them.
hub_prefill::tile_synapses hub_prefill::age(const tile_block& t,
                                            const std::uint64_t* used) const noexcept {
  hub_site& site = owner(t.number);
  hub_site::synapse_rows& own = site.synapses(t.layer);
  const std::size_t first = t.neurons.begin - site.share().neurons.begin;
  const std::uint64_t clock = clock_ + blocks_[t.block].first;
  const neuron_id unit = rotates_ ? 2 : 1;
  tile_synapses rows;
  rows.stored = own.stored.data() + first * hubs();
  for (neuron_id j = 0; j < t.neurons.size(); ++j) {
    if (used[j] == 0) continue;
    std::uint64_t& last = own.last_used[(first + j) / unit];
    const std::uint64_t write = clock + static_cast<std::uint64_t>(std::bit_width(used[j]) - 1);
    if (retention_ != 1.0) {
      rows.decay[j] = static_cast<float>(power(retention_, clock - last));
      rows.decay_to_write[j] = static_cast<float>(power(retention_, write - last));
    }
    if (j % unit == unit - 1) last = write;
  }
  return rows;
}

// The block's tokens read what earlier blocks left; then, once, the rows take what the block
// writes.
void hub_prefill::use_synapses(const tile_block& t, const float* x) noexcept {
  alignas(64) tile turned, aged, written;
  masks pairs_used, by_token;
  kernels::transpose_bits(active(t), by_token);
  count_tokens(t, by_token, &work_done::x);
  const std::uint64_t* used = active(t);
  if (rotates_) {
    x = turn(t, x, turned, pairs_used);
    used = pairs_used;
    kernels::transpose_bits(used, by_token);
  }
  count_tokens(t, by_token, &work_done::used);

  const tile_synapses rows = age(t, used);
  const bool ages = retention_ != 1.0;
  if (ages)
    bodies_.block_age({.turned = x,
                       .used = used,
                       .decay = rows.decay,
                       .falling = tables_.falling.data(),
                       .rising = tables_.rising.data(),
                       .count = t.neurons.size(),
                       .aged = aged,
                       .written = written});
  bodies_.block_push({.rows = rows.stored,
                      .stride = hubs(),
                      .width = hubs(),
                      .coefficient = ages ? aged : x,
                      .by_target = 1,
                      .by_source = block_tokens,
                      .active = by_token,
                      .targets = static_cast<neuron_id>(t.tokens),
                      .decay = nullptr,
                      .out = part(t.of, t.slot),
                      .out_stride = hubs()});
  add_scores(t, x, by_token);
  bodies_.block_push({.rows = w(t.slot),
                      .stride = hubs(),
                      .width = hubs(),
                      .coefficient = ages ? written : x,
                      .by_target = block_tokens,
                      .by_source = 1,
                      .active = used,
                      .targets = t.neurons.size(),
                      .decay = ages ? rows.decay_to_write : nullptr,
                      .out = rows.stored,
                      .out_stride = hubs()});
  check_synapses(t, used, rows.stored);
}

// Scores of the block's tokens with each other; those with later tokens are not needed.
void hub_prefill::add_scores(const tile_block& t, const float* x,
                             const std::uint64_t* by_token) noexcept {
  const auto count = static_cast<neuron_id>(t.tokens), half = std::min(count, half_block);
  bodies_.block_push({.rows = x,
                      .stride = block_tokens,
                      .width = half_block,
                      .coefficient = x,
                      .by_target = 1,
                      .by_source = block_tokens,
                      .active = by_token,
                      .targets = half,
                      .decay = nullptr,
                      .out = scores(t.of, t.slot),
                      .out_stride = block_tokens});
  bodies_.block_push({.rows = x,
                      .stride = block_tokens,
                      .width = block_tokens,
                      .coefficient = x + half,
                      .by_target = 1,
                      .by_source = block_tokens,
                      .active = by_token + half,
                      .targets = count - half,
                      .decay = nullptr,
                      .out = scores(t.of, t.slot + half),
                      .out_stride = block_tokens});
}

// ---- Y, and what it sends to the hubs

void hub_prefill::compute_y(layer_id layer, section& s) noexcept {
  array<float> dy_scratch = dy_.scratch(), e_scratch = e_.scratch();
  std::fill_n(part(s, 0), blocks_.size() * block_tokens * hubs(), 0.0f);
  alignas(64) tile y;
  masks active_y;
  for (neuron_id b = s.first; b < s.last; ++b) {
    const float* const dy_rows = dy_.dense(grid_.neurons(b), dy_scratch);
    const float* const e_rows = e_.dense(grid_.neurons(b), e_scratch);
    for (std::size_t q = 0; q < blocks_.size(); ++q) {
      const tile_block t = tile_of(layer, s, b, q);
      fire(t, dy_rows, y, active_y);
      push_y(t, e_rows, y, active_y);
      count_edges(t, active_y);
      if (layer == model_.layers() && q + 1 == blocks_.size()) keep_last(t, y, active_y);
    }
  }
}

void hub_prefill::fire(const tile_block& t, const float* rows, float* y,
                       std::uint64_t* active_y) const noexcept {
  const projection& dy = dy_.edges();
  if (dy.is_dense())
    bodies_.block_fire({.rows = rows,
                        .width = hubs(),
                        .count = t.neurons.size(),
                        .a = a(t.of.head, t.slot),
                        .x = x_of(t),
                        .stride = max_slots,
                        .active_x = active(t),
                        .y = y,
                        .active_y = active_y,
                        .next = t.block == 0 ? e_.prefetch(t.neurons) : kernels::prefetch_range{}});
  else
    bodies_.block_fire_sparse({.indptr = dy.indptr().data(),
                               .source = dy.indices().data(),
                               .weights = dy_.sparse(),
                               .first_row = t.neurons.begin,
                               .width = hubs(),
                               .count = t.neurons.size(),
                               .a = a(t.of.head, t.slot),
                               .x = x_of(t),
                               .stride = max_slots,
                               .active_x = active(t),
                               .y = y,
                               .active_y = active_y});
}

void hub_prefill::push_y(const tile_block& t, const float* rows, const float* y,
                         const std::uint64_t* active_y) noexcept {
  const projection& e = e_.edges();
  const auto tokens = static_cast<neuron_id>(t.tokens);
  masks by_token;
  kernels::transpose_bits(active_y, by_token);
  if (e.is_dense())
    bodies_.block_push({.rows = rows,
                        .stride = hubs(),
                        .width = hubs(),
                        .coefficient = y,
                        .by_target = 1,
                        .by_source = block_tokens,
                        .active = by_token,
                        .targets = tokens,
                        .decay = nullptr,
                        .out = part(t.of, t.slot),
                        .out_stride = hubs()});
  else
    bodies_.block_push_sparse({.indptr = e.indptr().data(),
                               .target = e.indices().data(),
                               .weights = e_.sparse(),
                               .first = t.neurons.begin,
                               .coefficient = y,
                               .active = by_token,
                               .tokens = tokens,
                               .out = part(t.of, t.slot),
                               .out_stride = hubs()});
  count_tokens(t, by_token, &work_done::y);
}

void hub_prefill::count_edges(const tile_block& t, const std::uint64_t* active_y) noexcept {
  const std::uint64_t* const active_x = active(t);
  for (neuron_id j = 0; j < t.neurons.size(); ++j) {
    for (std::uint64_t left = active_x[j]; left != 0; left &= left - 1)
      work(t, static_cast<std::size_t>(std::countr_zero(left))).dy +=
          row_edges(dy_.edges(), t.neurons.begin + j);
    for (std::uint64_t left = active_y[j]; left != 0; left &= left - 1)
      work(t, static_cast<std::size_t>(std::countr_zero(left))).e +=
          row_edges(e_.edges(), t.neurons.begin + j);
  }
}

// X and Y of the last token.
void hub_prefill::keep_last(const tile_block& t, const float* y,
                            const std::uint64_t* active_y) noexcept {
  const std::uint64_t* const active_x = active(t);
  const float* const x = x_of(t);
  for (neuron_id j = 0; j < t.neurons.size(); ++j) {
    const bool has_x = active_x[j] >> (t.tokens - 1) & 1, has_y = active_y[j] >> (t.tokens - 1) & 1;
    const auto values = static_cast<std::size_t>(kernels::count_bits(active_x[j]));
    neurons_.last_x[t.neurons.begin + j] = has_x ? x[j * max_slots + values - 1] : 0.0f;
    neurons_.last_y[t.neurons.begin + j] = has_y ? y[j * block_tokens + t.tokens - 1] : 0.0f;
  }
}

// ---- faults

// The earliest token of the block, and in it the first neuron.
void hub_prefill::check_x(const tile_block& t, const float* x) const {
  std::optional<block_fault>& fault = t.of.fault;
  for (std::size_t k = 0; k < t.tokens && !fault; ++k)
    for (neuron_id j = 0; j < t.neurons.size(); ++j)
      if (const float z = x[j * block_tokens + k]; !std::isfinite(z)) {
        fault = {token_at(t.slot + k), {0, t.layer, "X of neuron", t.neurons.begin + j, z}};
        break;
      }
  if (!fault)  // minus infinity, which the threshold has cut off
    fault = {token_at(t.slot),
             {0, t.layer, "drive of X of a neuron, not below neuron", t.neurons.begin,
              -std::numeric_limits<float>::infinity()}};
}

void hub_prefill::check_synapses(const tile_block& t, const std::uint64_t* used,
                                 const float* stored) const {
  for (neuron_id j = 0; j < t.neurons.size(); ++j)
    if (used[j] != 0 && !t.of.fault &&
        !bodies_.all_finite({.values = stored + std::size_t{j} * hubs(), .n = hubs()}))
      t.of.fault = {token_at(t.slot + t.tokens - 1),
                    {0, t.layer, "a synapse of neuron", t.neurons.begin + j,
                     std::numeric_limits<float>::infinity()}};
}

}  // namespace bdh
