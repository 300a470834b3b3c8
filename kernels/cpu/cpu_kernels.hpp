// The kernel bodies as compiled for one instruction set: the same bodies, the same bits, different
// registers.
#pragma once

#include <cstdint>

#include "core/base/instruction_set.hpp"
#include "kernels/cpu/prefill_bodies.hpp"
#include "kernels/decay.hpp"
#include "kernels/learn.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/source_update.hpp"
#include "kernels/spikes.hpp"
#include "kernels/threshold.hpp"

namespace bdh::kernels {

// A body over weights or strengths, for both ways of storing them.
template <class Result, template <class> class Body, class... Rows>
struct by_storage {
  Result (*wide)(const Body<float>&, Rows...) noexcept;
  Result (*narrow)(const Body<bfloat16>&, Rows...) noexcept;

  Result operator()(const Body<float>& body, Rows... rows) const noexcept {
    return wide(body, rows...);
  }
  Result operator()(const Body<bfloat16>& body, Rows... rows) const noexcept {
    return narrow(body, rows...);
  }
};
template <template <class> class Body, class... Rows>
using of_weights = by_storage<void, Body, Rows...>;

// Each runs one body over a whole site; (body, first, last): for rows first .. last-1.
struct cpu_kernels {
  instruction_set set;
  of_weights<push_dense_of> push_dense;
  of_weights<push_sparse_of> push_sparse;
  of_weights<push_edges_of> push_edges;
  void (*push_aging_edges)(const kernels::push_aging_edges&) noexcept;
  void (*add_halves)(const kernels::add_halves&) noexcept;
  void (*reduce_sections)(const kernels::reduce_sections&) noexcept;
  of_weights<pull_dense_of, index, index> pull_dense;  // rows
  of_weights<pull_dense_batch_of, index, index> pull_dense_batch;
  of_weights<pull_sparse_of, index, index> pull_sparse;  // rows
  by_storage<void, reweight_of, index> reweight;         // count
  by_storage<bool, push_and_reweight_of> push_and_reweight;
  void (*reweight_edges)(const kernels::reweight_edges&, index count) noexcept;
  void (*emit_spikes)(const kernels::emit_spikes&, index count) noexcept;
  by_storage<void, reweight_coincident_of, index> reweight_coincident;  // units
  void (*reweight_coincident_edges)(const kernels::reweight_coincident_edges&,
                                    index units) noexcept;
  void (*turn_pairs)(const kernels::turn_pairs&, index count) noexcept;
  void (*age_neurons)(const kernels::age_neurons&, index count) noexcept;
  void (*threshold_x)(const kernels::threshold_x&) noexcept;
  void (*threshold_y)(const kernels::threshold_y&) noexcept;
  void (*normalise)(const kernels::normalise&) noexcept;
  void (*net_drive)(const kernels::net_drive&) noexcept;
  void (*leak)(const kernels::leak&) noexcept;
  by_storage<bool, all_finite_of> all_finite;
  void (*set_hub_w)(const kernels::set_hub_w&) noexcept;
  void (*set_source_w)(const kernels::set_source_w&) noexcept;
  void (*integrate)(const kernels::integrate&) noexcept;
  void (*return_gain)(const kernels::return_gain&) noexcept;
  void (*return_gate)(const kernels::return_gate&) noexcept;
  void (*return_synapses)(const kernels::return_synapses&, index units) noexcept;
  float (*change_row)(const kernels::change_row&) noexcept;
  void (*block_product)(const kernels::block_product&) noexcept;
  void (*block_product_sparse)(const kernels::block_product_sparse&) noexcept;
  bool (*block_threshold)(const kernels::block_threshold&) noexcept;
  void (*block_turn)(const kernels::block_turn&) noexcept;
  void (*block_age)(const kernels::block_age&) noexcept;
  void (*block_push)(const kernels::block_push&) noexcept;
  void (*block_push_sparse)(const kernels::block_push_sparse&) noexcept;
  void (*block_fire)(const kernels::block_fire&) noexcept;
  void (*block_fire_sparse)(const kernels::block_fire_sparse&) noexcept;
};

// Those of usable(set); throws as it does.
const cpu_kernels& cpu_kernels_for(instruction_set set);

const cpu_kernels& plain_kernels() noexcept;
const cpu_kernels& avx2_kernels() noexcept;
const cpu_kernels& avx512_kernels() noexcept;

}  // namespace bdh::kernels
