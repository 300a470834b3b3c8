#include "kernels/cpu/cpu_site.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/sincos.hpp"

namespace bdh {
rotation_angles::rotation_angles(const rotation& r) : frequency_(r.frequency()) {
  for (table& t : tables_) {
    t.cosine = array<float>(frequency_.size());
    t.sine = array<float>(frequency_.size());
  }
}

const rotation_angles::table& rotation_angles::at(std::uint64_t clock) noexcept {
  for (const table& t : tables_)
    if (t.clock == clock) return t;
  table& t = tables_[oldest_];
  oldest_ = 1 - oldest_;
  t.clock = clock;
  for (std::size_t m = 0; m < frequency_.size(); ++m) {
    const cos_sin d = sincos_turns(static_cast<double>(clock) * frequency_[m]);
    t.cosine[m] = static_cast<float>(d.cosine);
    t.sine[m] = static_cast<float>(d.sine);
  }
  return t;
}

hub_sums::hub_sums(const model& m, const site_share& share, std::size_t own_blocks,
                   neuron_id blocks, const kernels::cpu_kernels& bodies)
    : at_hubs(std::size_t{m.heads()} * share.hubs.size()),
      own(std::max(own_blocks, std::size_t{1}), m.hubs(), bodies),
      arrived(blocks, share.hubs.size(), bodies) {
  for (head_id h = 0; h < m.heads(); ++h) heads.push_back(h);
}

cpu_site::cpu_site(const model& m, const std::vector<site_share>& shares, site_id self,
                   const kernels::cpu_kernels& bodies, double retention, std::size_t own_blocks,
                   std::shared_ptr<const spiking> spikes)
    : model_(m),
      bodies_(bodies),
      self_(self),
      shares_(shares),
      share_(shares[self]),
      grid_(m.heads(), m.neurons_per_head()),
      retention_(retention),
      rotates_(m.rotation().present()),
      x_(share_.neurons.size()),
      drive_(share_.neurons.size()),
      w_(m.hubs()),
      hub_input_(m.hubs()),
      sums_(m, share_, own_blocks, all_blocks(), bodies),
      active_x_(share_.neurons.size()),
      active_y_(share_.neurons.size()),
      y_drive_(share_.neurons.size()),
      logits_{array<float>(share_.readout.size()), array<float>(self == 0 ? m.readout_nodes() : 0)},
      angles_(m.rotation()) {
  counts_.active_x.resize(m.layers());
  counts_.active_y.resize(m.layers());
  if (spikes)
    spikes_ =
        std::make_unique<site_spikes>(m, std::move(spikes), share_.neurons, bodies, counts_.spikes);
}

void cpu_site::present(token_id token) noexcept {
  token_ = token;
  faults_ = {};
  std::fill(x_.begin(), x_.end(), 0.0f);
  std::fill(w_.begin(), w_.end(), 0.0f);
  active_x_.count = active_y_.count = 0;
  std::fill(counts_.active_x.begin(), counts_.active_x.end(), 0);
  std::fill(counts_.active_y.begin(), counts_.active_y.end(), 0);
  counts_.synaptic_events = counts_.hebbian_writes = 0;
}

// ---- sources -> hubs

void cpu_site::sense_to_hubs(outbox& sent) noexcept {
  if (!share_.sensory.contains(token_)) return;
  const projection& sensory = circuits().sensory;
  sums_.own.clear();
  sums_.own.begin({0, 1}, 1);
  const float one = 1.0f;
  push_block(&sensory, sensory.view(), 0, &token_, &one, 1, sums_.own.add(0));
  counts_.synaptic_events += row_edges(sensory, token_);
  send_sums(sums_.own, sent);
}

// One partial sum per block that has an active neuron; silent blocks are neither computed nor sent.
void cpu_site::y_to_hubs(layer_id layer, neuron_id piece, outbox& sent) noexcept {
  const projection& e = circuits().e;
  const activity& y = sent_y();
  if (piece == 0) {
    sums_.own.clear();
    sums_.own.begin(share_.blocks, grid_.blocks());
  }
  const auto [first, last] = active_in(piece, y);
  if (first != last)
    push_block(&e, e.view(), 0, y.id.data() + first, y.value.data() + first, last - first,
               sums_.own.add(share_.blocks.begin + piece), y.count - first);
  for (neuron_id j = first; j < last; ++j)
    counts_.synaptic_events +=
        row_edges(e, y.id[j]) * events_of(spike_source::y, layer, y.value[j]);
  if (piece + 1 != share_.blocks.size()) return;
  sums_.own.end();
  send_sums(sums_.own, sent);
}

void cpu_site::push_block(const projection* circuit, weight_view rows, neuron_id first_row,
                          const neuron_id* id, const float* value, neuron_id count, float* out,
                          neuron_id prefetch_end) noexcept {
  const neuron_id width = model_.hubs();
  rows.visit([&](const auto* weights) {
    if (circuit == nullptr || circuit->is_dense())
      bodies_.push_dense({.rows = weights,
                          .stride = width,
                          .width = width,
                          .first_source = first_row,
                          .count = count,
                          .source = id,
                          .activity = value,
                          .out = out,
                          .prefetch_end = prefetch_end});
    else
      bodies_.push_sparse({.indptr = circuit->indptr().data(),
                           .target = circuit->indices().data(),
                           .weights = weights,
                           .width = width,
                           .count = count,
                           .source = id,
                           .activity = value,
                           .out = out});
  });
}

// To every site the columns of its hubs.
void cpu_site::send_sums(const block_sums& own, outbox& sent) noexcept {
  for (site_id to = 0; to < shares_.size(); ++to) {
    const id_range hubs = shares_[to].hubs;
    if (hubs.size() != 0)
      sent[to].push_back({self_,
                          own.labels(),
                          own.rows() + hubs.begin,
                          model_.hubs(),
                          hubs.size(),
                          {.how = joining::sums,
                           .columns = model_.hubs(),
                           .per_tree = own.per_tree(),
                           .complete = own.complete()}});
  }
}

void cpu_site::add_at_hubs(head_id heads, neuron_id per_tree, const inbox& received,
                           outbox& sent) noexcept {
  const neuron_id width = share_.hubs.size();
  if (width == 0) return;
  for (head_id h = 0; h < heads; ++h) {
    sums_.arrived.clear();
    for (const message& m : received)
      for (std::size_t r = 0; r < m.rows.size(); ++r)
        if (m.rows[r] / per_tree == h) sums_.arrived.add(m.rows[r], m.row(r));
    sums_.arrived.write(h * per_tree, per_tree, sums_.at_hubs.data() + std::size_t{h} * width);
  }
  for (site_id to = 0; to < shares_.size(); ++to)
    sent[to].push_back({self_,
                        std::span(sums_.heads).first(heads),
                        sums_.at_hubs.data(),
                        width,
                        width,
                        {.how = joining::columns, .columns = model_.hubs()}});
}

// ---- hub values arrive; the pool's gain

void cpu_site::receive_hubs(const inbox& received, float* into) noexcept {
  for (const message& m : received)
    for (std::size_t r = 0; r < m.rows.size(); ++r)
      std::copy_n(m.row(r), m.width,
                  into + std::size_t{m.rows[r]} * model_.hubs() + shares_[m.from].hubs.begin);
}

void cpu_site::arrive_w(bool token, layer_id layer, const inbox& received) noexcept {
  const dynamics& rules = model_.rules();
  const neuron_id d = model_.hubs();
  receive_hubs(received, hub_input_.data());
  check(layer, "W at hub", hub_input_.data(), d, nullptr);
  bodies_.set_hub_w({.z = hub_input_.data(),
                     .w = w_.data(),
                     .n = d,
                     .epsilon = static_cast<float>(rules.epsilon()),
                     .centre = rules.centred(),
                     .scale = rules.scales_w(token),
                     .accumulate = rules.accumulates_w(token),
                     .gain_y = &gains_.y,
                     .gain_w = &gains_.w});
  check(layer, "W at hub", w_.data(), d, nullptr);
}

// ---- thresholds

void cpu_site::pull(const projection& circuit, const float* values, const neuron_id* targets,
                    neuron_id first, neuron_id last, float* out, neuron_id prefetch_end) noexcept {
  circuit.view().visit([&](const auto* weights) {
    if (circuit.is_dense())
      bodies_.pull_dense({.rows = weights,
                          .width = circuit.columns(),
                          .target = targets,
                          .activity = values,
                          .out = out,
                          .prefetch_end = prefetch_end},
                         first, last);
    else
      bodies_.pull_sparse({.indptr = circuit.indptr().data(),
                           .source = circuit.indices().data(),
                           .weights = weights,
                           .target = targets,
                           .activity = values,
                           .out = out},
                          first, last);
  });
}

void cpu_site::threshold_x(layer_id layer) noexcept {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled)
    for (const neuron_value& v : controlled->add_x)
      if (share_.neurons.contains(v.neuron)) drive_[v.neuron - share_.neurons.begin] += v.value;
  check(layer, "drive of X of neuron", drive_.data(), share_.neurons.size(), nullptr,
        share_.neurons.begin);
  bodies_.threshold_x({.drive = drive_.data(),
                       .x = x_.data(),
                       .n = share_.neurons.size(),
                       .accumulate = model_.rules().x() == x_rule::accumulate});
  if (controlled)
    for (const neuron_value& v : controlled->hold_x)
      if (share_.neurons.contains(v.neuron)) x_[v.neuron - share_.neurons.begin] = v.value;
  active_x_.count = 0;
  for (neuron_id i = 0; i < share_.neurons.size(); ++i)
    active_x_.add_unless_zero(share_.neurons.begin + i, x_[i]);
  counts_.active_x[layer - 1] = active_x_.count;
  check(layer, "X of neuron", active_x_.value.data(), active_x_.count, active_x_.id.data());
  if (spikes_of(spike_source::x)) spikes_->emit_x(layer, active_x_);
}

void cpu_site::threshold_y(layer_id layer) noexcept {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled)
    for (const neuron_value& v : controlled->add_y) {
      const auto end = active_x_.id.begin() + active_x_.count;
      const auto at = std::lower_bound(active_x_.id.begin(), end, v.neuron);
      if (at != end && *at == v.neuron)
        y_drive_[static_cast<std::size_t>(at - active_x_.id.begin())] += v.value;
    }
  check(layer, "drive of Y of neuron", y_drive_.data(), active_x_.count, active_x_.id.data());
  bodies_.threshold_y({.drive = y_drive_.data(),
                       .x = active_x_.value.data(),
                       .y = y_drive_.data(),
                       .n = active_x_.count});
  active_y_.count = 0;
  for (neuron_id j = 0; j < active_x_.count; ++j)
    active_y_.add_unless_zero(active_x_.id[j], y_drive_[j]);
  if (controlled && !controlled->hold_y.empty()) hold_y(controlled->hold_y);
  counts_.active_y[layer - 1] = active_y_.count;
  check(layer, "Y of neuron", active_y_.value.data(), active_y_.count, active_y_.id.data());
  if (spikes_of(spike_source::y)) spikes_->emit_y(layer, active_y_);
}

// Y of some neurons has a given value, whether X opens their gate or not.
void cpu_site::hold_y(const std::vector<neuron_value>& held) noexcept {
  for (const neuron_value& v : held) {
    if (!share_.neurons.contains(v.neuron)) continue;
    const auto end = active_y_.id.begin() + active_y_.count;
    const auto at = static_cast<neuron_id>(std::lower_bound(active_y_.id.begin(), end, v.neuron) -
                                           active_y_.id.begin());
    const bool active = at < active_y_.count && active_y_.id[at] == v.neuron;
    if (active && v.value == 0.0f) {
      std::copy(active_y_.id.begin() + at + 1, end, active_y_.id.begin() + at);
      std::copy(active_y_.value.begin() + at + 1, active_y_.value.begin() + active_y_.count,
                active_y_.value.begin() + at);
      --active_y_.count;
    } else if (active) {
      active_y_.value[at] = v.value;
    } else if (v.value != 0.0f) {
      std::copy_backward(active_y_.id.begin() + at, end, end + 1);
      std::copy_backward(active_y_.value.begin() + at, active_y_.value.begin() + active_y_.count,
                         active_y_.value.begin() + active_y_.count + 1);
      active_y_.id[at] = v.neuron;
      active_y_.value[at] = v.value;
      ++active_y_.count;
    }
  }
}

// ---- readout

void cpu_site::read_out_hubs(neuron_id piece, outbox& sent) noexcept {
  const projection& readout = circuits().readout;
  const id_range rows = rows_of_piece(share_.readout, piece);
  pull(readout, w_.data(), nullptr, rows.begin, rows.end,
       logits_.own.data() - share_.readout.begin);
  counts_.synaptic_events += edges_into(readout, rows);
  if (rows.end == share_.readout.end) send_logits(sent);
}

void cpu_site::send_logits(outbox& sent) noexcept {
  sent[0].push_back({self_,
                     std::span(sums_.heads).first(1),
                     logits_.own.data(),
                     share_.readout.size(),
                     share_.readout.size(),
                     {.how = joining::columns, .columns = model_.readout_nodes()}});
}

void cpu_site::arrive_logits(const inbox& received) noexcept {
  for (const message& m : received)
    std::copy_n(m.values, m.width, logits_.all.data() + shares_[m.from].readout.begin);
  check(0, "logit", logits_.all.data(), static_cast<neuron_id>(logits_.all.size()), nullptr);
}

// ---- watching

void cpu_site::check(layer_id layer, const char* what, const float* values, neuron_id count,
                     const neuron_id* ids, neuron_id first) noexcept {
  if (faults_.first || bodies_.all_finite({.values = values, .n = count})) return;
  for (neuron_id i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      return record_fault(layer, what, ids ? ids[i] : first + i, values[i]);
}

std::optional<fault> cpu_site::first_fault() const {
  const std::optional<found_fault>& f = faults_.first;
  if (!f) return std::nullopt;
  return fault{f->step, f->layer, f->what, f->who, f->value};
}

void cpu_site::read(variable v, std::span<float> out) const {
  const neuron_id first = share_.neurons.begin;
  if (v == variable::x) std::copy(x_.begin(), x_.end(), out.begin() + first);
  if (v == variable::y) {
    std::fill_n(out.begin() + first, share_.neurons.size(), 0.0f);
    for (neuron_id j = 0; j < active_y_.count; ++j) out[active_y_.id[j]] = active_y_.value[j];
  }
}

void cpu_site::read_sent(variable v, std::span<float> out) const {
  const bool x = v == variable::x;
  if (!(x || v == variable::y) || !spikes_of(x ? spike_source::x : spike_source::y))
    return read(v, out);
  const activity& sent = x ? sent_x() : sent_y();
  std::fill_n(out.begin() + share_.neurons.begin, share_.neurons.size(), 0.0f);
  for (neuron_id j = 0; j < sent.count; ++j) out[sent.id[j]] = sent.value[j];
}

std::uint64_t cpu_site::pulled_events(spike_source s, layer_id layer, const projection& p,
                                      const float* sent, const neuron_id* rows, neuron_id first,
                                      neuron_id last) const noexcept {
  std::uint64_t events = 0;
  if (p.is_dense()) return spikes_->spikes_of(s, layer, {sent, p.columns()}) * (last - first);
  for (neuron_id r = first; r < last; ++r) {
    const neuron_id row = rows ? rows[r] : r;
    for (edge_id e = p.indptr()[row]; e < p.indptr()[row + 1]; ++e)
      events += spikes_->spikes_of(s, layer, sent[p.indices()[e]]);
  }
  return events;
}

bool cpu_site::active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const {
  if (v != variable::x && v != variable::y) return false;
  const activity& list = v == variable::x ? active_x_ : active_y_;
  ids.insert(ids.end(), list.id.begin(), list.id.begin() + list.count);
  values.insert(values.end(), list.value.begin(), list.value.begin() + list.count);
  return true;
}

std::size_t cpu_site::state_bytes() const noexcept {
  std::size_t bytes = sums_.own.bytes() + sums_.arrived.bytes() + (spikes_ ? spikes_->bytes() : 0);
  for (const array<float>* a :
       {&x_, &drive_, &w_, &hub_input_, &sums_.at_hubs, &y_drive_, &logits_.own, &logits_.all})
    bytes += a->bytes();
  for (const activity* a : {&active_x_, &active_y_}) bytes += a->id.bytes() + a->value.bytes();
  return bytes;
}

}  // namespace bdh
