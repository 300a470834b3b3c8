// Learning at a site through hubs: what a token leaves, how its error comes back, and what changes.
// The equations are in docs/learning.md and kernels/learn.hpp.
#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "core/simulation/loss.hpp"
#include "core/simulation/sampling_law.hpp"
#include "kernels/cpu/hub_site.hpp"
#include "kernels/cpu/site_learning.hpp"

namespace bdh {
namespace {

using kernels::index;

// row(neuron, terms) for the neurons that are in the lists of some layers, ascending; before it
// term(place of the term, layer, place in its list) for each, layers ascending, and ahead(the next
// neuron). `at` (layers): room.
template <class List, class Term, class Ahead, class Row>
void for_rows(std::span<index> at, List list, Term term, Ahead ahead, Row row) {
  const auto layers = static_cast<layer_id>(at.size());
  constexpr neuron_id none = ~neuron_id{0};
  std::fill(at.begin(), at.end(), 0u);
  const auto head = [&](layer_id l) {
    const activity& active = list(l);
    return at[l - 1] == active.count ? none : active.id[at[l - 1]];
  };
  neuron_id i = none;
  for (layer_id l = 1; l <= layers; ++l) i = std::min(i, head(l));
  while (i != none) {
    index terms = 0;
    neuron_id next = none;
    for (layer_id l = 1; l <= layers; ++l) {
      if (head(l) == i) term(terms++, l, at[l - 1]++);
      next = std::min(next, head(l));
    }
    if (next != none) ahead(next);
    row(i, terms);
    i = next;
  }
}

}  // namespace

// ---- what a token leaves

void hub_site::learn_into(learned_weights* weights, id_range readout_blocks) {
  learning_ =
      weights ? std::make_unique<site_learning>(*weights, model_, share_, readout_blocks, bodies_)
              : nullptr;
}

const hub_circuits& hub_site::circuits() const noexcept {
  return learning_ ? learning_->weights.circuits() : model_.circuits();
}

void hub_site::keep_w(layer_id layer) noexcept {
  if (!learning_) return;
  site_learning::layer& kept = learning_->layers[layer];
  std::copy(w_.begin(), w_.end(), kept.v.begin());
  std::copy(hub_input_.begin(), hub_input_.end(), kept.s.begin());
  kept.gains = gains_;
}

void hub_site::keep_a(layer_id layer) noexcept {
  if (learning_) std::copy(a_.begin(), a_.end(), learning_->layers[layer].a.begin());
}

void hub_site::threshold_y_and_keep(layer_id layer) noexcept {
  site_learning& all = *learning_;
  std::copy_n(y_drive_.begin(), active_x_.count, all.drive.begin());
  threshold_y(layer);
  site_learning::layer& kept = all.layers[layer];
  kept.frozen = frozen(layer);
  kept.x.count = active_x_.count;
  std::copy_n(active_x_.id.begin(), active_x_.count, kept.x.id.begin());
  std::copy_n(active_x_.value.begin(), active_x_.count, kept.x.value.begin());
  kept.y.count = active_y_.count;
  neuron_id j = 0;
  for (neuron_id k = 0; k < active_y_.count; ++k) {
    const neuron_id i = active_y_.id[k];
    while (active_x_.id[j] != i) ++j;  // what opens the gate of Y is there
    kept.y.id[k] = i;
    kept.y.value[k] = active_y_.value[k];
    kept.x_of_y[k] = active_x_.value[j];
    kept.p[k] = all.drive[j];
  }
}

// ---- the error comes back

// e = softmax(logits) - [v = next], at the site that has the logits.
void hub_site::send_error(outbox& sent) noexcept {
  if (self_ != 0) return;
  site_learning& own = *learning_;
  const array<float>& logits = logits_.all;
  const auto count = static_cast<token_id>(logits.size());
  const float largest = *std::max_element(logits.begin(), logits.end());
  const double sum = likelihood_sum({logits.data(), count}, largest);
  for (token_id v = 0; v < count; ++v)
    own.error[v] =
        static_cast<float>(likelihood(logits[v], largest, 1) / sum - (v == own.next ? 1.0 : 0.0));
  for (site_id to = 0; to < shares_.size(); ++to)
    sent[to].push_back({self_,
                        std::span(sums_.heads).first(1),
                        own.error.data(),
                        count,
                        count,
                        {.how = joining::none}});
}

// Readout nodes -> hubs, blocks of 64.
void hub_site::error_to_hubs(const inbox& received, outbox& sent) noexcept {
  site_learning& own = *learning_;
  for (const message& m : received)
    if (self_ != 0) std::copy_n(m.values, m.width, own.error.begin());
  own.readout_sums.clear();
  own.readout_sums.begin(own.readout_blocks, blocks_of_rows(model_.readout_nodes()));
  const float* const rows = circuits().readout.weights().data();
  neuron_id ids[block_grid::block_size];
  for (neuron_id block = own.readout_blocks.begin; block < own.readout_blocks.end; ++block) {
    const neuron_id first = block * block_grid::block_size,
                    last = std::min(first + block_grid::block_size, model_.readout_nodes());
    for (neuron_id v = first; v < last; ++v) ids[v - first] = v;
    push_block(nullptr, {.wide = rows}, 0, ids, own.error.data() + first, last - first,
               own.readout_sums.add(block));
  }
  own.readout_sums.end();
  send_sums(own.readout_sums, sent);
}

void hub_site::arrive_error(const inbox& received) noexcept {
  site_learning& own = *learning_;
  receive_hubs(received, own.dw_readout.data());
  std::copy(own.dw_readout.begin(), own.dw_readout.end(), own.dw.begin());
}

// Hubs -> neurons over E, backwards: dY, then dP and dX of the neurons that have Y.
void hub_site::return_over_e(layer_id layer, const float* dw) noexcept {
  site_learning& own = *learning_;
  site_learning::layer& kept = own.layers[layer];
  const neuron_id d = model_.hubs();
  bodies_.return_gain(
      {.v = kept.v.data(), .dv = dw, .n = d, .gain = kept.gains.w, .du = own.du.data()});
  bodies_.return_gain({.v = kept.s.data(),
                       .dv = own.du.data(),
                       .n = d,
                       .gain = kept.gains.y,
                       .du = kept.dz.data()});
  pull(circuits().e, kept.dz.data(), kept.y.id.data(), 0, kept.y.count, own.dy.data(),
       kept.y.count);
  bodies_.return_gate({.dy = own.dy.data(),
                       .x = kept.x_of_y.data(),
                       .p = kept.p.data(),
                       .dp = kept.dp.data(),
                       .dx = own.drive.data(),
                       .n = kept.y.count});
  for (neuron_id j = 0; j < kept.x.count; ++j) kept.dx[kept.x.id[j] - share_.neurons.begin] = 0.0f;
  for (neuron_id k = 0; k < kept.y.count; ++k)
    kept.dx[kept.y.id[k] - share_.neurons.begin] = own.drive[k];
}

// Neurons -> hubs over Gy, backwards.
void hub_site::return_gy(layer_id layer, outbox& sent) noexcept {
  site_learning& own = *learning_;
  return_over_e(layer, own.dw.data());
  const site_learning::layer& kept = own.layers[layer];
  const float* const rows = circuits().dy.weights().data();
  sums_.own.clear();
  sums_.own.begin(share_.blocks, grid_.blocks() / model_.heads());
  for_blocks(kept.y.id.data(), kept.y.count, [&](neuron_id block, neuron_id first, neuron_id last) {
    push_block(nullptr, {.wide = rows}, 0, kept.y.id.data() + first, kept.dp.data() + first,
               last - first, sums_.own.add(block), kept.y.count - first);
  });
  sums_.own.end();
  send_sums(sums_.own, sent);
}

void hub_site::arrive_da(layer_id layer, const inbox& received) noexcept {
  site_learning& own = *learning_;
  const site_learning::layer& kept = own.layers[layer];
  const neuron_id d = model_.hubs();
  receive_hubs(received, own.arrived.data());
  for (head_id h = 0; h < model_.heads(); ++h) {
    float* const da = own.arrived.data() + std::size_t{h} * d;
    bodies_.return_gain({.v = kept.a.data() + std::size_t{h} * d,
                         .dv = da,
                         .n = d,
                         .gain = kept.gain_a[h],
                         .du = da});
    bodies_.pull_dense(kernels::pull_dense{.rows = own.layers[layer - 1].v.data(),
                                           .width = d,
                                           .target = nullptr,
                                           .activity = da,
                                           .out = own.own_write.data() + h},
                       0, 1);
  }
}

// Hubs -> neurons over the synapses, backwards: dX.
void hub_site::return_over_synapses(layer_id layer) noexcept {
  site_learning& own = *learning_;
  site_learning::layer& kept = own.layers[layer];
  synapse_rows& rows = layers_[layer - 1];
  const neuron_id per_unit = rotates_ ? 2 : 1, d = model_.hubs();
  neuron_id units = 0, count = 0;
  for (neuron_id j = 0; j < kept.x.count; ++j) {
    const neuron_id unit = kept.x.id[j] / per_unit * per_unit;
    if (units != 0 && own.units[units - 1] == unit) continue;
    own.units[units++] = unit;
    for (neuron_id k = 0; k < per_unit; ++k) own.rows[count++] = unit + k - share_.neurons.begin;
  }
  for_blocks(own.units.data(), units, [&](neuron_id block, neuron_id first, neuron_id last) {
    rows.visit([&]<class Strength>(const Strength* stored) {
      bodies_.pull_dense(
          kernels::pull_dense_of<Strength>{
              .rows = stored,
              .width = d,
              .target = own.rows.data(),
              .activity = own.arrived.data() + std::size_t{grid_.head(block)} * d,
              .out = own.row_sums.data(),
              .prefetch_end = count},
          first * per_unit, last * per_unit);
    });
  });
  // Row i of `x` is that of neuron i: the list's values, spread out.
  float* const x = own.dy.data();
  for (neuron_id k = 0; k < units; ++k)
    for (neuron_id m = 0; m < per_unit; ++m) x[own.units[k] + m - share_.neurons.begin] = 0.0f;
  for (neuron_id j = 0; j < kept.x.count; ++j)
    x[kept.x.id[j] - share_.neurons.begin] = kept.x.value[j];
  const std::uint64_t clock = rows.clock - 1;  // the decay of this token has been
  const rotation_angles::table* const angle = rotates_ ? &angles_.at(clock) : nullptr;
  bodies_.return_synapses({.unit = own.units.data(),
                           .sums = own.row_sums.data(),
                           .x = x,
                           .own_write = kept.frozen ? nullptr : own.own_write.data(),
                           .first_neuron = share_.neurons.begin,
                           .per_head = model_.neurons_per_head(),
                           .cosine = angle ? angle->cosine.data() : nullptr,
                           .sine = angle ? angle->sine.data() : nullptr,
                           .last = rows.last_used.data(),
                           .clock = clock,
                           .retention = retention_,
                           .dx = kept.dx.data()},
                          units);
}

// Neurons -> hubs over Gx, backwards.
void hub_site::return_gx(layer_id layer, outbox& sent) noexcept {
  return_over_synapses(layer);
  site_learning& own = *learning_;
  const site_learning::layer& kept = own.layers[layer];
  for (neuron_id j = 0; j < kept.x.count; ++j)
    own.drive[j] = kept.dx[kept.x.id[j] - share_.neurons.begin];
  const float* const rows = circuits().dx.weights().data();
  sums_.own.clear();
  sums_.own.begin(share_.blocks, grid_.blocks());
  for_blocks(kept.x.id.data(), kept.x.count, [&](neuron_id block, neuron_id first, neuron_id last) {
    push_block(nullptr, {.wide = rows}, 0, kept.x.id.data() + first, own.drive.data() + first,
               last - first, sums_.own.add(block), kept.x.count - first);
  });
  sums_.own.end();
  send_sums(sums_.own, sent);
}

void hub_site::arrive_dw(const inbox& received) noexcept {
  site_learning& own = *learning_;
  receive_hubs(received, own.arrived.data());
  std::copy(own.du.begin(), own.du.end(), own.dw.begin());
  bodies_.integrate({.z = own.arrived.data(), .w = own.dw.data(), .n = model_.hubs()});
}

// ---- the change

void hub_site::change_row(learned_circuit what, neuron_id row, neuron_id block,
                          const row_terms& terms) noexcept {
  learned_weights& all = learning_->weights;
  learned_weights::matrix& to = all.of(what);
  const std::size_t at = std::size_t{row} * model_.hubs();
  const float square =
      bodies_.change_row({.row = to.weights + at,
                          .origin = all.how().back > 0 ? to.origin + at : nullptr,
                          .width = model_.hubs(),
                          .terms = terms.count,
                          .vector = terms.vector,
                          .factor = terms.factor,
                          .gradient = learning_->gradient.data(),
                          .rate = static_cast<float>(all.how().rate),
                          .back = static_cast<float>(all.how().back),
                          .mean_square = all.how().plain ? nullptr : to.mean_squares.data() + row});
  if (!std::isfinite(square) && !learning_->bad) learning_->bad = {what, row};
  to.squares[block] += double{square};
  ++to.changed[block];
}

// Rows of the own neurons: Gx, Gy and E.
void hub_site::change_neurons() noexcept {
  site_learning& own = *learning_;
  const bool exact = own.weights.how().rule == learning_rule::exact;
  const float** const vector = own.vectors.data();
  float* const factor = own.factors.data();
  const auto change = [&](learned_circuit what, auto list, auto vector_of, auto factor_of) {
    if (!own.weights.of(what).changes) return;
    neuron_id block = share_.blocks.begin;
    for_rows(
        std::span(own.places), list,
        [&](index t, layer_id l, index at) {
          vector[t] = vector_of(l, list(l).id[at]);
          factor[t] = factor_of(own.layers[l], at);
        },
        [&](neuron_id next) {
          const learned_weights::matrix& to = own.weights.of(what);
          const std::size_t first = std::size_t{next} * model_.hubs();
          for (std::size_t k = first; k < first + model_.hubs(); k += 64 / sizeof(float)) {
            __builtin_prefetch(to.weights + k, 1);
            if (own.weights.how().back > 0) __builtin_prefetch(to.origin + k);
          }
        },
        [&](neuron_id i, index count) {
          while (!grid_.neurons(block).contains(i)) ++block;
          change_row(what, i, block, {vector, factor, count});
        });
  };
  const auto active_x = [&](layer_id l) -> const activity& { return own.layers[l].x; };
  const auto active_y = [&](layer_id l) -> const activity& { return own.layers[l].y; };
  const auto w_before = [&](layer_id l, neuron_id) { return own.layers[l - 1].v.data(); };
  const auto dx_at = [&](const activity& list, const site_learning::layer& kept, index at) {
    return kept.dx[list.id[at] - share_.neurons.begin];
  };
  if (exact)
    change(learned_circuit::gx, active_x, w_before,
           [&](const site_learning::layer& kept, index at) { return dx_at(kept.x, kept, at); });
  else
    change(learned_circuit::gx, active_y, w_before,
           [&](const site_learning::layer& kept, index at) { return dx_at(kept.y, kept, at); });
  change(
      learned_circuit::gy, active_y,
      [&](layer_id l, neuron_id i) {
        return own.layers[l].a.data() + std::size_t{i / model_.neurons_per_head()} * model_.hubs();
      },
      [](const site_learning::layer& kept, index at) { return kept.dp[at]; });
  change(
      learned_circuit::e, active_y, [&](layer_id l, neuron_id) { return own.layers[l].dz.data(); },
      [](const site_learning::layer& kept, index at) { return kept.y.value[at]; });
}

void hub_site::change_weights() noexcept {
  site_learning& own = *learning_;
  const layer_id layers = model_.layers();
  if (own.weights.how().rule == learning_rule::rows)
    for (layer_id l = layers; l >= 1; --l) return_over_e(l, own.dw_readout.data());
  if (own.weights.how().rule != learning_rule::readout) change_neurons();
  const float* vector = own.layers[layers].v.data();
  if (own.weights.of(learned_circuit::readout).changes)
    for (neuron_id block = own.readout_blocks.begin; block < own.readout_blocks.end; ++block) {
      const neuron_id first = block * block_grid::block_size;
      for (neuron_id v = first;
           v < std::min(first + block_grid::block_size, model_.readout_nodes()); ++v)
        change_row(learned_circuit::readout, v, block, {&vector, own.error.data() + v, 1});
    }
  if (!own.weights.of(learned_circuit::embedding).changes || !share_.sensory.contains(own.token))
    return;
  const site_learning::layer& entered = own.layers[0];
  bodies_.return_gain({.v = entered.v.data(),
                       .dv = own.dw.data(),
                       .n = model_.hubs(),
                       .gain = entered.gains.y,
                       .du = own.du.data()});
  const float one = 1;
  vector = own.du.data();
  change_row(learned_circuit::embedding, own.token, own.token / block_grid::block_size,
             {&vector, &one, 1});
}

}  // namespace bdh
