// Synapses neuron -> hub, in the rotating frame: read and written by a token, looked at, saved.
#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include "core/base/random.hpp"
#include "core/base/sincos.hpp"
#include "kernels/cpu/hub_site.hpp"

namespace bdh {

// With `reweights`, rows are written as they are read: each is read from memory once a token.
void hub_site::synapses_to_hubs(layer_id layer, bool reweights, outbox& sent) noexcept {
  use_synapses(layer);
  const bool write = reweights && !frozen(layer);
  if (write) draw_roundings(layer);
  const layer_controls* const controlled = controls_of(layer);
  sums_.own.clear();
  sums_.own.begin(share_.blocks, grid_.blocks() / model_.heads());
  layers_[layer - 1].visit([&](auto* rows) {
    for_blocks(active_rows_.id.data(), active_rows_.count,
               [&](neuron_id block, neuron_id first, neuron_id last) {
                 const neuron_id count = last - first, prefetch_end = active_rows_.count - first;
                 const float* const aged = active_rows_.value.data() + first;
                 float* const sum = sums_.own.add(block);
                 if (!write)
                   bodies_.push_dense({.rows = rows,
                                       .stride = model_.hubs(),
                                       .width = model_.hubs(),
                                       .first_source = share_.neurons.begin,
                                       .count = count,
                                       .source = active_rows_.id.data() + first,
                                       .activity = aged,
                                       .out = sum,
                                       .prefetch_end = prefetch_end});
                 else if (!bodies_.push_and_reweight({.write = reweighting(rows, first),
                                                      .count = count,
                                                      .prefetch_end = prefetch_end,
                                                      .activity = aged,
                                                      .out = sum}))
                   find_non_finite(layer, first, last);
                 if (controlled) cut_synapses(controlled->cut_synapses, block, sum);
               });
  });
  sums_.own.end();
  send_sums(sums_.own, sent);
  if (spikes_of(spike_source::x))
    for (neuron_id j = 0; j < sent_x().count; ++j)
      counts_.synaptic_events +=
          spikes_->spikes_of(spike_source::x, layer, sent_x().value[j]) * model_.hubs();
  else
    counts_.synaptic_events += std::uint64_t{active_rows_.count} * model_.hubs();
}

// A cut synapse i -> j: what it would have brought to A(j), and j to every hub, is taken out of the
// partial sum of i's block.
void hub_site::cut_synapses(const std::vector<cut_term>& cuts, neuron_id block,
                            float* sum) noexcept {
  const id_range sources = grid_.neurons(block);
  for (const cut_term& cut : cuts) {
    if (!sources.contains(cut.source)) continue;
    const float x = x_values()[cut.source - share_.neurons.begin];
    if (x == 0.0f || cut.value == 0.0) continue;
    const float term = static_cast<float>(cut.value * static_cast<double>(x));
    const bool neuron = cut.target < model_.neurons();
    const projection& p = neuron ? circuits().e : circuits().sensory;
    const std::size_t of = neuron ? cut.target : cut.target - model_.neurons();
    if (p.is_dense()) {
      for (neuron_id k = 0; k < model_.hubs(); ++k)
        sum[k] -= p.weight(of * model_.hubs() + k) * term;
    } else {
      for (edge_id e = p.indptr()[of]; e < p.indptr()[of + 1]; ++e)
        sum[p.indices()[e]] -= p.weight(e) * term;
    }
  }
}

// Turns and ages the active rows of a layer at its present clock; done once for the read and the
// write of a token.
void hub_site::use_synapses(layer_id layer) noexcept {
  const synapse_rows& own = layers_[layer - 1];
  if (rows_layer_ == layer && rows_clock_ == own.clock) return;
  rows_layer_ = layer;
  rows_clock_ = own.clock;
  const neuron_id first = share_.neurons.begin;
  const activity& sent = sent_x();
  if (!rotates_) {
    std::copy_n(sent.id.begin(), sent.count, active_rows_.id.begin());
    active_rows_.count = sent.count;
    bodies_.age_neurons({.neuron = active_rows_.id.data(),
                         .x = x_values(),
                         .first_neuron = first,
                         .last = own.last_used.data(),
                         .clock = own.clock,
                         .retention = retention_,
                         .turned = turned_.data(),
                         .aged = active_rows_.value.data(),
                         .decay = decay_.data()},
                        active_rows_.count);
    return;
  }
  pair_count_ = active_rows_.count = 0;
  for (neuron_id j = 0; j < sent.count; ++j) {
    const neuron_id even =
        sent.id[j] & ~neuron_id{1};  // heads have an even number of neurons: parity is global
    if (pair_count_ != 0 && pairs_[pair_count_ - 1] == even) continue;
    pairs_[pair_count_++] = even;
    active_rows_.id[active_rows_.count++] = even;
    active_rows_.id[active_rows_.count++] = even + 1;
  }
  const rotation_angles::table& angle = angles_.at(own.clock);
  bodies_.turn_pairs({.pair = pairs_.data(),
                      .x = x_values(),
                      .first_neuron = first,
                      .per_head = model_.neurons_per_head(),
                      .cosine = angle.cosine.data(),
                      .sine = angle.sine.data(),
                      .last = own.last_used.data(),
                      .clock = own.clock,
                      .retention = retention_,
                      .turned = turned_.data(),
                      .aged = active_rows_.value.data(),
                      .decay = decay_.data()},
                     pair_count_);
}

bool hub_site::frozen(layer_id layer) const noexcept {
  const layer_controls* c = controls_of(layer);
  return c && c->frozen;
}

// What rounds the rows in use: half of the random bits of their pair of neurons, at this clock.
void hub_site::draw_roundings(layer_id layer) noexcept {
  if (!rounds_) return;
  std::array<std::uint32_t, 4> bits{};
  for (neuron_id j = 0; j < active_rows_.count; ++j) {
    const neuron_id i = active_rows_.id[j], pair = i / 2;
    if (j == 0 || active_rows_.id[j - 1] / 2 != pair)
      bits = random_bits(seed_, purpose::synapse_rounding, std::uint64_t{layer} << 32 | pair,
                         layers_[layer - 1].clock);
    rounding_[j] = i % 2 == 0 ? kernels::random_rounding{.multiplier = bits[0], .addend = bits[1]}
                              : kernels::random_rounding{.multiplier = bits[2], .addend = bits[3]};
  }
}

template <class Strength>
kernels::reweight_of<Strength> hub_site::reweighting(Strength* rows,
                                                     neuron_id first) const noexcept {
  return {.rows = rows,
          .width = model_.hubs(),
          .first_source = share_.neurons.begin,
          .source = active_rows_.id.data() + first,
          .activity = turned_.data() + first,
          .decay = decay_.data() + first,
          .w = w_written(),
          .rounding = rounds_ ? rounding_.data() + first : nullptr};
}

void hub_site::find_non_finite(layer_id layer, neuron_id first, neuron_id last) noexcept {
  layers_[layer - 1].visit([&](const auto* rows) {
    for (neuron_id j = first; j < last && !non_finite_synapse_; ++j)
      if (!bodies_.all_finite(
              {.values =
                   rows + std::size_t{active_rows_.id[j] - share_.neurons.begin} * model_.hubs(),
               .n = model_.hubs()}))
        non_finite_synapse_ = active_rows_.id[j];
  });
}

void hub_site::reweight_synapses(layer_id layer) noexcept {
  if (frozen(layer)) return;
  use_synapses(layer);
  draw_roundings(layer);
  if (spikes_ && spikes_->gated())
    reweight_coincident(layer);
  else
    layers_[layer - 1].visit(
        [&](auto* rows) { bodies_.reweight(reweighting(rows, 0), active_rows_.count); });
  find_non_finite(layer, 0, active_rows_.count);
  complete_reweight(layer);
}

// What spikes of the same bin write.
void hub_site::reweight_coincident(layer_id layer) noexcept {
  const neuron_id units = rotates_ ? pair_count_ : active_rows_.count;
  const rotation_angles::table* const angle =
      rotates_ ? &angles_.at(layers_[layer - 1].clock) : nullptr;
  layers_[layer - 1].visit([&](auto* rows) {
    using strength = std::remove_reference_t<decltype(*rows)>;
    bodies_.reweight_coincident(
        kernels::reweight_coincident_of<strength>{
            .rows = rows,
            .width = model_.hubs(),
            .first_source = share_.neurons.begin,
            .words = spikes_->words(spike_source::x),
            .unit = rotates_ ? pairs_.data() : active_rows_.id.data(),
            .mask = spikes_->x_masks(),
            .amount = spikes_->amounts(layer),
            .post = sent_.w_written.data(),
            .post_mask = sent_.w_mask.data(),
            .cosine = angle ? angle->cosine.data() : nullptr,
            .sine = angle ? angle->sine.data() : nullptr,
            .per_head = model_.neurons_per_head(),
            .decay = decay_.data(),
            .rounding = rounds_ ? rounding_.data() : nullptr,
            .found = sent_.found.data()},
        units);
  });
  spikes_->count_coincidences({sent_.found.data(), units});
}

// The rows in use are written: their time stamps and counts.
void hub_site::complete_reweight(layer_id layer) noexcept {
  if (frozen(layer)) return;
  synapse_rows& own = layers_[layer - 1];
  if (non_finite_synapse_)
    record_fault(layer, "a synapse of neuron", *non_finite_synapse_,
                 std::numeric_limits<float>::infinity());
  const neuron_id unit = rotates_ ? 2 : 1;
  for (neuron_id j = 0; j < active_rows_.count; j += unit)
    own.last_used[(active_rows_.id[j] - share_.neurons.begin) / unit] = own.clock;
  counts_.hebbian_writes += std::uint64_t{active_rows_.count} * model_.hubs();
  rows_layer_ = 0;
}

// The laboratory frame: what the next token will read. Row i of stored R^clock, aged to the clock.
void hub_site::read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const {
  const synapse_rows& own = layers_[layer - 1];
  const neuron_id i = neuron - share_.neurons.begin, d = model_.hubs();
  const auto strength = [&](neuron_id r, neuron_id k) {
    return own.strength(std::size_t{r} * d + k);
  };
  const double age = power(retention_, own.clock - own.last_used[rotates_ ? i / 2 : i]);
  if (!rotates_) {
    for (neuron_id k = 0; k < d; ++k) out[k] = static_cast<float>(age * strength(i, k));
    return;
  }
  const cos_sin angle =
      sincos_turns(static_cast<double>(own.clock) *
                   model_.rotation().frequency()[neuron % model_.neurons_per_head() / 2]);
  for (neuron_id k = 0; k < d; ++k) {
    const float even = strength(i & ~neuron_id{1}, k), odd = strength(i | 1, k);
    out[k] = static_cast<float>(age * (i % 2 == 0 ? even * angle.cosine + odd * angle.sine
                                                  : odd * angle.cosine - even * angle.sine));
  }
}

float hub_site::read_synapse(layer_id layer, neuron_id neuron, edge_id at) const {
  const synapse_rows& own = layers_[layer - 1];
  const neuron_id i = neuron - share_.neurons.begin, d = model_.hubs();
  const double age = power(retention_, own.clock - own.last_used[rotates_ ? i / 2 : i]);
  const double mine = own.strength(std::size_t{i} * d + at);
  if (!rotates_) return static_cast<float>(age * mine);
  const cos_sin angle =
      sincos_turns(static_cast<double>(own.clock) *
                   model_.rotation().frequency()[neuron % model_.neurons_per_head() / 2]);
  const double partner = own.strength(std::size_t{i ^ 1} * d + at);
  return kernels::in_laboratory(mine, partner,
                                i % 2 == 0 ? angle : cos_sin{angle.cosine, -angle.sine}, age);
}

// The pair's rows are aged to now, and turned to the laboratory and back at this one target.
void hub_site::write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) {
  synapse_rows& own = layers_[layer - 1];
  const neuron_id i = neuron - share_.neurons.begin, d = model_.hubs(), unit = rotates_ ? 2 : 1,
                  first = i / unit * unit;
  std::uint64_t& last = own.last_used[i / unit];
  const double age = power(retention_, own.clock - last);
  if (age != 1.0)
    for (std::size_t e = std::size_t{first} * d; e < std::size_t{first + unit} * d; ++e)
      own.set(e, static_cast<float>(own.strength(e) * age));
  last = own.clock;
  const std::size_t here = std::size_t{i} * d + at, there = std::size_t{i ^ 1} * d + at;
  if (!rotates_) {
    own.set(here, value);
    return;
  }
  const cos_sin angle =
      sincos_turns(static_cast<double>(own.clock) *
                   model_.rotation().frequency()[neuron % model_.neurons_per_head() / 2]);
  float mine = own.strength(here), partner = own.strength(there);
  kernels::set_in_pair(mine, partner, i % 2 == 0 ? angle : cos_sin{angle.cosine, -angle.sine},
                       value);
  own.set(here, mine);
  own.set(there, partner);
}

void hub_site::save(layer_id layer, const kept_part& to) const {
  const synapse_rows& own = layers_[layer - 1];
  if (to.what == variable::clock) to.counts[0] = own.clock;
  if (to.what == variable::last_used)
    for_common(share_.neurons.begin / (rotates_ ? 2 : 1), own.last_used.size(), to,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 std::copy_n(own.last_used.begin() + at, count, to.counts.begin() + in_part);
               });
  if (to.what == variable::synapses)
    for_common(std::uint64_t{share_.neurons.begin} * model_.hubs(),
               std::uint64_t{share_.neurons.size()} * model_.hubs(), to,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 for (std::uint64_t k = 0; k < count; ++k)
                   to.reals[in_part + k] = own.strength(at + k);
               });
}

void hub_site::restore(layer_id layer, const kept_part& from) {
  synapse_rows& own = layers_[layer - 1];
  if (from.what == variable::clock) own.clock = from.counts[0];
  if (from.what == variable::last_used)
    for_common(share_.neurons.begin / (rotates_ ? 2 : 1), own.last_used.size(), from,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 std::copy_n(from.counts.begin() + in_part, count, own.last_used.begin() + at);
               });
  if (from.what == variable::synapses)
    for_common(std::uint64_t{share_.neurons.begin} * model_.hubs(),
               std::uint64_t{share_.neurons.size()} * model_.hubs(), from,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 for (std::uint64_t k = 0; k < count; ++k) own.set(at + k, from.reals[in_part + k]);
               });
}

void hub_site::clear_strengths(layer_id layer) noexcept {
  synapse_rows& own = layers_[layer - 1];
  std::fill(own.stored.begin(), own.stored.end(), 0.0f);
  std::fill(own.rounded.begin(), own.rounded.end(), bfloat16{});
}

void hub_site::clear_synapses() noexcept {
  for (layer_id l = 1; l <= layers_.size(); ++l) {
    clear_strengths(l);
    std::fill(layers_[l - 1].last_used.begin(), layers_[l - 1].last_used.end(), 0);
    layers_[l - 1].clock = 0;
  }
}

}  // namespace bdh
