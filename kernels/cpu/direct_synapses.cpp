// The synapses of a direct_site: read in round 0, written in round 1, and looked at.
#include <algorithm>
#include <limits>

#include "core/base/sincos.hpp"
#include "kernels/cpu/direct_site.hpp"

namespace bdh {

// ---- synapses: X(i), sigma(i->j) -> A(j)

void direct_site::synapses_to_targets(layer_id layer, outbox& sent) noexcept {
  const std::uint64_t clock = clock_[layer - 1];
  const neuron_id first = share_.neurons.begin, unit = rotates_ ? 2 : 1;
  const activity& x = sent_x();
  for (site_id to = 0; to < shares_.size(); ++to) {
    packet& p = routes_.to[to].x;
    p.id.clear();
    p.value.clear();
    for (neuron_id j = 0; j < x.count; ++j) {
      const neuron_id head = x.id[j] / unit * unit;
      if (!p.id.empty() && p.id.back() == head) continue;
      if (!routes_.to[to].gs_reach[head - first])
        continue;  // a pair's two neurons reach the same sites
      const std::uint64_t age = clock - last_used_[layer - 1][(head - first) / unit];
      p.id.push_back(head);
      append_x(layer, head - first, p);
      // An age travels as two floats, exact up to 2^48 tokens.
      p.value.push_back(static_cast<float>(age % (1 << 24)));
      p.value.push_back(static_cast<float>(age >> 24));
    }
    send(to, p, x_words() + 2, sent);
  }
}

void direct_site::receive_units(layer_id layer, const inbox& received) noexcept {
  units_.count = 0;
  units_.clock = clock_[layer - 1];
  for (const message& m : received)
    for (std::size_t r = 0; r < m.rows.size(); ++r) {
      const float *x = m.row(r), *age = x + x_words();
      units_.first[units_.count] = m.rows[r];
      receive_x(layer, units_.count, x);
      units_.age[units_.count++] =
          static_cast<std::uint64_t>(age[0]) + (static_cast<std::uint64_t>(age[1]) << 24);
    }
}

// Angle and decay of every unit heard, at the layer's present clock.
void direct_site::turn_units(layer_id layer) noexcept {
  const std::uint64_t clock = clock_[layer - 1];
  for (neuron_id p = 0; p < units_.count; ++p) {
    units_.age[p] += clock - units_.clock;
    units_.decay[p] = static_cast<float>(power(retention_, units_.age[p]));
  }
  units_.clock = clock;
  if (!rotates_) return;
  const rotation_angles::table& angle = angles_.at(clock);
  for (neuron_id p = 0; p < units_.count; ++p) {
    const neuron_id m = units_.first[p] % model_.neurons_per_head() / 2;
    units_.cosine[p] = angle.cosine[m];
    units_.sine[p] = angle.sine[m];
  }
}

void direct_site::synapses_at_targets(layer_id layer, const inbox& received) noexcept {
  receive_units(layer, received);
  turn_units(layer);
  const bool own_retention = !c_.retention.empty();
  neuron_id count = 0;
  const auto use = [&](neuron_id id, float x, neuron_id p) {
    units_.neuron[count] = id;
    units_.turned[count] = own_retention ? x : x * units_.decay[p];
    units_.neuron_age[count++] = units_.age[p];
  };
  for (neuron_id p = 0; p < units_.count; ++p) {
    if (!rotates_) {
      use(units_.first[p], units_.x[p], p);
      continue;
    }
    const float even = units_.x[2 * p], odd = units_.x[2 * p + 1], c = units_.cosine[p],
                s = units_.sine[p];
    use(units_.first[p], even * c - odd * s, p);
    use(units_.first[p] + 1, odd * c + even * s, p);
  }
  mute_synapses(layer);
  const id_range sensory = own_sensory();
  neuron_id j = 0;
  for (head_id h = 0; h < model_.heads(); ++h) {
    float* a = a_.data() + std::size_t{h} * sources_;
    std::fill_n(a + share_.neurons.begin, share_.neurons.size(), 0.0f);
    std::fill_n(a + sensory.begin, sensory.size(), 0.0f);
    const neuron_id first = j, end = (h + 1) * model_.neurons_per_head();
    while (j < count && units_.neuron[j] < end) ++j;
    for (const edges_to& edges : gs_) {
      const kernels::push_edges push{.begin = edges.begin(),
                                     .end = edges.end(),
                                     .target = c_.gs.indices().data(),
                                     .weights = strengths_.layers[layer - 1].data(),
                                     .count = j - first,
                                     .source = units_.neuron.data() + first,
                                     .activity = units_.turned.data() + first,
                                     .out = a};
      if (own_retention)
        bodies_.push_aging_edges({.edges = push,
                                  .retention = c_.retention.data(),
                                  .age = units_.neuron_age.data() + first});
      else
        bodies_.push_edges(push);
      for (neuron_id k = first; k < j && !spikes_of(spike_source::x); ++k)
        counts_.synaptic_events += edges.degree(units_.neuron[k]);
    }
    if (controls_)
      for (neuron_id k : controls_->removed)
        if (share_.neurons.contains(k)) a[k] = 0.0f;
    check(layer, "A of source", a + share_.neurons.begin, share_.neurons.size(), nullptr,
          share_.neurons.begin);
  }
  unmute_synapses(layer);
  if (spikes_of(spike_source::x)) count_x_events(layer);
}

// Cut synapses transmit nothing: while a layer is read, what X(i) would find in i -> j is zero in
// the laboratory frame, and what its partner finds is as ever.
void direct_site::mute_synapses(layer_id layer) noexcept {
  const layer_controls* const controlled = controls_of(layer);
  if (!controlled) return;
  float* const stored = strengths_.layers[layer - 1].data();
  for (const edge_id e : controlled->mute_synapses) {
    if (!owns_source(c_.gs.indices()[e])) continue;
    const neuron_id i = c_.gs.row_of(e);
    muted_.emplace_back(e, stored[e]);
    if (!rotates_) {
      stored[e] = 0.0f;
      continue;
    }
    const edge_id partner =
        c_.gs.indptr()[i ^ 1] + (e - c_.gs.indptr()[i]);  // a pair's rows have the same targets
    muted_.emplace_back(partner, stored[partner]);
    const neuron_id m = i % model_.neurons_per_head() / 2;
    const rotation_angles::table& angle = angles_.at(clock_[layer - 1]);
    kernels::set_in_pair(stored[e], stored[partner],
                         {angle.cosine[m], i % 2 == 0 ? angle.sine[m] : -angle.sine[m]}, 0.0);
  }
}

void direct_site::unmute_synapses(layer_id layer) noexcept {
  for (; !muted_.empty(); muted_.pop_back())
    strengths_.layers[layer - 1][muted_.back().first] = muted_.back().second;
}

void direct_site::reweight(layer_id layer) noexcept {
  if (const layer_controls* c = controls_of(layer); c && c->frozen) return;
  turn_units(layer);
  const bool gated = spikes_ && spikes_->gated();
  if (gated)
    gate_w(layer);
  else if (w_spikes())
    emit_w(layer, emission::w_write, sent_.w_written, nullptr);
  for (const edges_to& edges : gs_) {
    if (gated)
      reweight_coincident(layer, edges);
    else
      bodies_.reweight_edges({.begin = edges.begin(),
                              .end = edges.end(),
                              .target = c_.gs.indices().data(),
                              .rate = c_.gs.weights().data(),
                              .retention = c_.retention.empty() ? nullptr : c_.retention.data(),
                              .strength = strengths_.layers[layer - 1].data(),
                              .w = w_written(),
                              .unit = units_.first.data(),
                              .x = units_.x.data(),
                              .cosine = rotates_ ? units_.cosine.data() : nullptr,
                              .sine = units_.sine.data(),
                              .decay = units_.decay.data(),
                              .age = units_.age.data()},
                             units_.count);
    for (neuron_id p = 0; p < units_.count && !faults_.first; ++p)
      for (neuron_id i = units_.first[p]; i < units_.first[p] + (rotates_ ? 2 : 1); ++i)
        if (!bodies_.all_finite({.values = strengths_.layers[layer - 1].data() + edges.begin()[i],
                                 .n = static_cast<neuron_id>(edges.degree(i))}))
          record_fault(layer, "a synapse of neuron", i, std::numeric_limits<float>::infinity());
    for (neuron_id p = 0; p < units_.count; ++p)
      counts_.hebbian_writes += edges.degree(units_.first[p]) * (rotates_ ? 2 : 1);
  }
  std::fill_n(units_.age.begin(), units_.count, 0);
  const neuron_id unit = rotates_ ? 2 : 1;
  const activity& x = sent_x();
  for (neuron_id j = 0; j < x.count; ++j)
    last_used_[layer - 1][(x.id[j] - share_.neurons.begin) / unit] = clock_[layer - 1];
}

// ---- gain of A: |C B A_h|, through the pool

void direct_site::a_to_hubs(outbox& sent) noexcept {
  const neuron_id per_head = all_blocks(), n = model_.neurons();
  sums_.own.clear();
  neuron_id id[block_grid::block_size];
  float value[block_grid::block_size];
  const id_range sensory = own_sensory();
  const neuron_id sensory_block = grid_.blocks() + (sensory.begin - n) / block_grid::block_size,
                  sensory_blocks =
                      (sensory.size() + block_grid::block_size - 1) / block_grid::block_size;
  for (head_id h = 0; h < model_.heads(); ++h) {
    const float* a = a_.data() + std::size_t{h} * sources_;
    const neuron_id tree = h * per_head;
    const auto add = [&](const projection& circuit, id_range sources, neuron_id first,
                         neuron_id block) {
      neuron_id count = 0;
      for (neuron_id j = sources.begin; j < sources.end; ++j)
        if (a[j] != 0.0f) {
          id[count] = j - first;
          value[count++] = a[j];
        }
      if (count == 0) return;
      push_block(&circuit, circuit.view(), 0, id, value, count, sums_.own.add(tree + block));
    };
    sums_.own.begin({tree + share_.blocks.begin, tree + share_.blocks.end}, per_head);
    for (neuron_id b = share_.blocks.begin; b < share_.blocks.end; ++b)
      add(model_.circuits().e, grid_.neurons(b), 0, b);
    sums_.own.end();
    sums_.own.begin({tree + sensory_block, tree + sensory_block + sensory_blocks}, per_head);
    for (neuron_id b = 0; b < sensory_blocks; ++b) {
      const neuron_id first = sensory.begin + b * block_grid::block_size;
      add(model_.circuits().sensory, {first, std::min(first + block_grid::block_size, sensory.end)},
          n, sensory_block + b);
    }
    sums_.own.end();
  }
  send_sums(sums_.own, sent);
}

void direct_site::arrive_gain(const inbox& received) noexcept {
  const neuron_id d = model_.hubs();
  receive_hubs(received, a_at_hubs_.data());
  for (head_id h = 0; h < model_.heads(); ++h)
    bodies_.normalise({.z = a_at_hubs_.data() + std::size_t{h} * d,
                       .n = d,
                       .epsilon = static_cast<float>(model_.rules().epsilon()),
                       .centre = false,
                       .scale = false,
                       .gain = &a_gain_[h]});
}

// ---- looking, saving

// The laboratory frame: what the next token will read. Row i of stored R^clock, aged to the clock.
void direct_site::read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const {
  const std::uint64_t
      clock = clock_[layer - 1],
      age = clock - last_used_[layer - 1][(neuron - share_.neurons.begin) / (rotates_ ? 2 : 1)];
  const float* stored = strengths_.layers[layer - 1].data();
  const auto row = [&](neuron_id i) { return c_.gs.indptr()[i]; };
  cos_sin angle{1, 0};
  if (rotates_)
    angle = sincos_turns(static_cast<double>(clock) *
                         model_.rotation().frequency()[neuron % model_.neurons_per_head() / 2]);
  const double uniform = power(retention_, age);
  for (std::size_t k = 0; k < out.size(); ++k) {
    const double u = c_.retention.empty() ? uniform : power(c_.retention[row(neuron) + k], age);
    const double mine = stored[row(neuron) + k],
                 partner = rotates_ ? stored[row(neuron ^ 1) + k] : 0.0f;
    out[k] = static_cast<float>(
        u * (mine * angle.cosine + (neuron % 2 == 0 ? partner : -partner) * angle.sine));
  }
}

float direct_site::read_synapse(layer_id layer, neuron_id neuron, edge_id at) const {
  const edge_id e = c_.gs.indptr()[neuron] + at;
  stored_synapse is = stored(layer, neuron, e);
  is.last_used = last_used_[layer - 1][(neuron - share_.neurons.begin) / (rotates_ ? 2 : 1)];
  return laboratory_strength(model_, neuron, is, clock_[layer - 1],
                             c_.retention.empty() ? retention_ : c_.retention[e]);
}

// A pair's rows have the same targets.
stored_synapse direct_site::stored(layer_id layer, neuron_id neuron, edge_id own) const noexcept {
  const array<float>& all = strengths_.layers[layer - 1];
  const edge_id at = own - c_.gs.indptr()[neuron];
  return {.strength = all[own], .partner = rotates_ ? all[c_.gs.indptr()[neuron ^ 1] + at] : 0.0f};
}

// As in hub_site: the rows of the unit are aged to now, and this one strength is set.
void direct_site::write_synapse(layer_id layer, neuron_id neuron, edge_id at, float value) {
  const neuron_id unit = rotates_ ? 2 : 1, first = neuron / unit * unit;
  std::uint64_t& last = last_used(layer, neuron);
  strengths_.age(layer, {first, first + unit}, clock_[layer - 1] - last, retention_, c_);
  last = clock_[layer - 1];
  set_strength(layer, neuron, c_.gs.indptr()[neuron] + at, value);
}

void direct_site::set_strength(layer_id layer, neuron_id neuron, edge_id own,
                               float value) noexcept {
  array<float>& all = strengths_.layers[layer - 1];
  if (!rotates_) {
    all[own] = value;
    return;
  }
  const cos_sin angle =
      sincos_turns(static_cast<double>(clock_[layer - 1]) *
                   model_.rotation().frequency()[neuron % model_.neurons_per_head() / 2]);
  kernels::set_in_pair(all[own], all[c_.gs.indptr()[neuron ^ 1] + own - c_.gs.indptr()[neuron]],
                       neuron % 2 == 0 ? angle : cos_sin{angle.cosine, -angle.sine}, value);
}

void direct_site::save(layer_id layer, const kept_part& to) const {
  const array<std::uint64_t>& own = last_used_[layer - 1];
  if (to.what == variable::clock) to.counts[0] = clock_[layer - 1];
  if (to.what == variable::last_used)
    for_common(share_.neurons.begin / (rotates_ ? 2 : 1), own.size(), to,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 std::copy_n(own.begin() + at, count, to.counts.begin() + in_part);
               });
}

void direct_site::restore(layer_id layer, const kept_part& from) {
  array<std::uint64_t>& own = last_used_[layer - 1];
  if (from.what == variable::clock) clock_[layer - 1] = from.counts[0];
  if (from.what == variable::last_used)
    for_common(share_.neurons.begin / (rotates_ ? 2 : 1), own.size(), from,
               [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                 std::copy_n(from.counts.begin() + in_part, count, own.begin() + at);
               });
}

}  // namespace bdh
