#include "kernels/cpu_site.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/turn.hpp"

namespace bdh {
namespace {

edge_id out_degree(const projection& p, neuron_id source) {  // of a projection stored by source
  return p.is_dense() ? p.columns() : p.indptr()[source + 1] - p.indptr()[source];
}

}  // namespace

rotation_angles::rotation_angles(const rotation& turning) : frequency_(turning.frequency()) {
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
    const direction d = turn(static_cast<double>(clock) * frequency_[m]);
    t.cosine[m] = static_cast<float>(d.cosine);
    t.sine[m] = static_cast<float>(d.sine);
  }
  return t;
}

cpu_site::cpu_site(const model& m, const std::vector<site_share>& shares, site_id self, const kernels::cpu_kernels& bodies,
                   double retention)
    : model_(m),
      bodies_(bodies),
      self_(self),
      shares_(shares),
      share_(shares[self]),
      grid_(m.heads(), m.neurons_per_head()),
      retention_(retention),
      rotates_(m.turning().present()),
      x_(share_.neurons.size()),
      drive_(share_.neurons.size()),
      w_(m.hubs()),
      a_(std::size_t{m.heads()} * m.hubs()),
      heard_(m.hubs()),
      at_hubs_(std::size_t{m.heads()} * share_.hubs.size()),
      partial_(std::size_t{std::max(share_.blocks.size(), neuron_id{1})} * m.hubs()),
      active_x_(share_.neurons.size()),
      active_y_(share_.neurons.size()),
      gate_(share_.neurons.size()),
      own_logits_(share_.readout.size()),
      logits_(self == 0 ? m.readout_nodes() : 0),
      angles_(m.turning()),
      used_(share_.neurons.size()),
      turned_(share_.neurons.size()),
      kept_(share_.neurons.size()),
      pairs_(share_.neurons.size()) {
  for (head_id h = 0; h < m.heads(); ++h) head_labels_.push_back(h);
  partial_blocks_.reserve(share_.blocks.size() + 1);
  parts_.reserve(grid_.blocks() + 1);
  counts_.active_x.resize(m.layers());
  counts_.active_y.resize(m.layers());
  for (layer_id l = 1; l <= m.layers(); ++l) {
    layer_synapses own;
    own.stored = array<float>(std::size_t{share_.neurons.size()} * m.hubs());
    own.last_used = array<std::uint64_t>(share_.neurons.size() / (rotates_ ? 2 : 1));
    layers_.push_back(std::move(own));
  }
}

void cpu_site::present(token_id token) noexcept {
  token_ = token;
  std::fill(x_.begin(), x_.end(), 0.0f);
  std::fill(w_.begin(), w_.end(), 0.0f);
  active_x_.count = active_y_.count = 0;
  used_layer_ = 0;
  std::fill(counts_.active_x.begin(), counts_.active_x.end(), 0);
  std::fill(counts_.active_y.begin(), counts_.active_y.end(), 0);
  counts_.synaptic_events = counts_.hebbian_writes = 0;
}

void cpu_site::perform(const step& s, const inbox& received, outbox& sent) noexcept {
  switch (s.what) {
    case action::sense:
      if (s.at == hop::to_hubs) return sense_to_hubs(sent);
      if (s.at == hop::at_hubs) return add_at_hubs(false, received, sent);
      return arrive_w(true, s.layer, received);
    case action::propagate_synapses:
      if (s.at == hop::to_hubs) return synapses_to_hubs(s.layer, sent);
      if (s.at == hop::at_hubs) return add_at_hubs(true, received, sent);
      return arrive_a(s.layer, received);
    case action::reweight:
      return reweight_synapses(s.layer);
    case action::decay:
      ++layers_[s.layer - 1].clock;
      return;
    case action::propagate_gy:
      return drive_y(s.layer);
    case action::threshold_y:
      return threshold_y(s.layer);
    case action::update_w:
      if (s.at == hop::to_hubs) return y_to_hubs(sent);
      if (s.at == hop::at_hubs) return add_at_hubs(false, received, sent);
      return arrive_w(false, s.layer, received);
    case action::propagate_gx:
      return drive_x(s.layer);
    case action::threshold_x:
      return threshold_x(s.layer);
    case action::read_out:
      if (s.at == hop::from_hubs) return read_out(sent);
      return arrive_logits(received);
  }
}

// ---- neurons and sensory nodes -> hubs

void cpu_site::sense_to_hubs(outbox& sent) noexcept {
  if (!share_.sensory.contains(token_)) return;
  const projection& sensory = model_.circuits().sensory;
  partial_blocks_.assign(1, 0);
  const float one = 1.0f;
  if (sensory.is_dense())
    bodies_.push_dense({sensory.weights().data(), sensory.columns(), 0, 1, &token_, &one, partial_.data()});
  else
    bodies_.push_sparse({sensory.indptr().data(), sensory.indices().data(), sensory.weights().data(), sensory.columns(), 1, &token_, &one,
                         partial_.data()});
  counts_.synaptic_events += out_degree(sensory, token_);
  send_rows(partial_blocks_, partial_.data(), sent);
}

void cpu_site::synapses_to_hubs(layer_id layer, outbox& sent) noexcept {
  use_synapses(layer);
  push_blocks(nullptr, layers_[layer - 1].stored.data(), share_.neurons.begin, used_.id.data(), used_.value.data(), used_.count, sent);
  counts_.synaptic_events += std::uint64_t{used_.count} * model_.hubs();
}

void cpu_site::y_to_hubs(outbox& sent) noexcept {
  const projection& e = model_.circuits().e;
  push_blocks(&e, e.weights().data(), 0, active_y_.id.data(), active_y_.value.data(), active_y_.count, sent);
  for (neuron_id j = 0; j < active_y_.count; ++j) counts_.synaptic_events += out_degree(e, active_y_.id[j]);
}

// One partial sum per block that has an active neuron; silent blocks are neither computed nor sent.
void cpu_site::push_blocks(const projection* circuit, const float* rows, neuron_id first_row, const neuron_id* id, const float* value,
                           neuron_id count, outbox& sent) noexcept {
  const neuron_id width = model_.hubs();
  partial_blocks_.clear();
  neuron_id j = 0;
  for (neuron_id block = share_.blocks.begin; block < share_.blocks.end && j < count; ++block) {
    const neuron_id end = grid_.neurons(block).end, first = j;
    while (j < count && id[j] < end) ++j;
    if (j == first) continue;
    float* out = partial_.data() + partial_blocks_.size() * width;
    if (circuit == nullptr || circuit->is_dense())
      bodies_.push_dense({rows, width, first_row, j - first, id + first, value + first, out});
    else
      bodies_.push_sparse({circuit->indptr().data(), circuit->indices().data(), rows, width, j - first, id + first, value + first, out});
    partial_blocks_.push_back(block);
  }
  send_rows(partial_blocks_, partial_.data(), sent);
}

// To every site the columns of its hubs.
void cpu_site::send_rows(std::span<const std::uint32_t> labels, const float* values, outbox& sent) noexcept {
  if (labels.empty()) return;
  for (site_id to = 0; to < shares_.size(); ++to) {
    const id_range hubs = shares_[to].hubs;
    if (hubs.size() != 0) sent[to].push_back({self_, labels, values + hubs.begin, model_.hubs(), hubs.size()});
  }
}

void cpu_site::add_at_hubs(bool by_head, const inbox& received, outbox& sent) noexcept {
  const neuron_id width = share_.hubs.size();
  if (width == 0) return;
  const head_id heads = by_head ? model_.heads() : 1;
  std::size_t m = 0, r = 0;  // senders ascend and own ascending blocks, so rows arrive in ascending order of blocks
  for (head_id h = 0; h < heads; ++h) {
    parts_.clear();
    for (; m < received.size(); ++m, r = 0) {
      while (r < received[m].rows.size() && (!by_head || grid_.head(received[m].rows[r]) == h)) parts_.push_back(received[m].row(r++));
      if (r < received[m].rows.size()) break;
    }
    bodies_.collect({parts_.data(), width, static_cast<neuron_id>(parts_.size()), at_hubs_.data() + std::size_t{h} * width});
  }
  for (site_id to = 0; to < shares_.size(); ++to)
    sent[to].push_back({self_, std::span(head_labels_).first(heads), at_hubs_.data(), width, width});
}

// ---- hub values arrive; the pool's gain

void cpu_site::receive(const inbox& received, float* into) noexcept {
  for (const message& m : received)
    for (std::size_t r = 0; r < m.rows.size(); ++r)
      std::copy_n(m.row(r), m.width, into + std::size_t{m.rows[r]} * model_.hubs() + shares_[m.from].hubs.begin);
}

void cpu_site::arrive_w(bool token, layer_id layer, const inbox& received) noexcept {
  const dynamics& rules = model_.rules();
  const float epsilon = static_cast<float>(rules.epsilon());
  const neuron_id d = model_.hubs();
  receive(received, heard_.data());
  const bool gain = token ? rules.token_gain() : rules.w() != w_rule::y;
  if (gain || rules.centred()) bodies_.pool({heard_.data(), d, epsilon, rules.centred(), gain});
  if (token || rules.w() != w_rule::leaky_sum) {
    std::copy(heard_.begin(), heard_.end(), w_.begin());
  } else {
    bodies_.integrate({heard_.data(), w_.data(), d});
    bodies_.pool({w_.data(), d, epsilon, rules.centred(), true});
  }
  check(layer, "W at hub", w_.data(), d, nullptr);
}

void cpu_site::arrive_a(layer_id layer, const inbox& received) noexcept {
  const dynamics& rules = model_.rules();
  const neuron_id d = model_.hubs();
  receive(received, a_.data());
  check(layer, "A at hub", a_.data(), static_cast<neuron_id>(a_.size()), nullptr);
  if (!rules.attention_gain() && !rules.centred()) return;
  for (head_id h = 0; h < model_.heads(); ++h)
    bodies_.pool({a_.data() + std::size_t{h} * d, d, static_cast<float>(rules.epsilon()), rules.centred(), rules.attention_gain()});
}

// ---- hubs -> neurons

void cpu_site::pull(const projection& circuit, const float* values, const neuron_id* targets, neuron_id first, neuron_id last,
                    float* out) noexcept {
  if (circuit.is_dense())
    bodies_.pull_dense({circuit.weights().data(), circuit.columns(), targets, values, out}, first, last);
  else
    bodies_.pull_sparse({circuit.indptr().data(), circuit.indices().data(), circuit.weights().data(), targets, values, out}, first, last);
}

void cpu_site::drive_x(layer_id) noexcept {
  const projection& dx = model_.circuits().dx;
  pull(dx, w_.data(), nullptr, share_.neurons.begin, share_.neurons.end, drive_.data() - share_.neurons.begin);
  counts_.synaptic_events += dx.is_dense() ? std::uint64_t{share_.neurons.size()} * model_.hubs()
                                           : dx.indptr()[share_.neurons.end] - dx.indptr()[share_.neurons.begin];
}

void cpu_site::threshold_x(layer_id layer) noexcept {
  bodies_.threshold_x({drive_.data(), x_.data(), share_.neurons.size(), model_.rules().x() == x_rule::accumulate});
  active_x_.count = 0;
  for (neuron_id i = 0; i < share_.neurons.size(); ++i)
    if (x_[i] != 0.0f) active_x_.add(share_.neurons.begin + i, x_[i]);
  counts_.active_x[layer - 1] = active_x_.count;
  used_layer_ = 0;
  check(layer, "X of neuron", active_x_.value.data(), active_x_.count, active_x_.id.data());
}

void cpu_site::drive_y(layer_id) noexcept {
  const projection& dy = model_.circuits().dy;
  neuron_id j = 0;
  while (j < active_x_.count) {  // a head's neurons hear their own A
    const head_id h = active_x_.id[j] / model_.neurons_per_head();
    const neuron_id first = j, end = (h + 1) * model_.neurons_per_head();
    while (j < active_x_.count && active_x_.id[j] < end) ++j;
    pull(dy, a_.data() + std::size_t{h} * model_.hubs(), active_x_.id.data(), first, j, gate_.data());
  }
  if (dy.is_dense())
    counts_.synaptic_events += std::uint64_t{active_x_.count} * model_.hubs();
  else
    for (j = 0; j < active_x_.count; ++j) counts_.synaptic_events += dy.indptr()[active_x_.id[j] + 1] - dy.indptr()[active_x_.id[j]];
}

void cpu_site::threshold_y(layer_id layer) noexcept {
  bodies_.threshold_y({gate_.data(), active_x_.value.data(), gate_.data(), active_x_.count});
  active_y_.count = 0;
  for (neuron_id j = 0; j < active_x_.count; ++j)
    if (gate_[j] != 0.0f) active_y_.add(active_x_.id[j], gate_[j]);
  counts_.active_y[layer - 1] = active_y_.count;
  check(layer, "Y of neuron", active_y_.value.data(), active_y_.count, active_y_.id.data());
}

// ---- synapses

// Turns and ages the active rows of a layer at its present clock; done once for the read and the write of a token.
void cpu_site::use_synapses(layer_id layer) noexcept {
  const layer_synapses& own = layers_[layer - 1];
  if (used_layer_ == layer && used_clock_ == own.clock) return;
  used_layer_ = layer;
  used_clock_ = own.clock;
  const neuron_id first = share_.neurons.begin;
  if (!rotates_) {
    std::copy_n(active_x_.id.begin(), active_x_.count, used_.id.begin());
    used_.count = active_x_.count;
    bodies_.age_neurons(
        {used_.id.data(), x_.data(), first, own.last_used.data(), own.clock, retention_, turned_.data(), used_.value.data(), kept_.data()},
        used_.count);
    return;
  }
  pair_count_ = used_.count = 0;
  for (neuron_id j = 0; j < active_x_.count; ++j) {
    const neuron_id even = active_x_.id[j] & ~neuron_id{1};  // heads have an even number of neurons: parity is global
    if (pair_count_ != 0 && pairs_[pair_count_ - 1] == even) continue;
    pairs_[pair_count_++] = even;
    used_.id[used_.count++] = even;
    used_.id[used_.count++] = even + 1;
  }
  const rotation_angles::table& angle = angles_.at(own.clock);
  bodies_.turn_pairs({pairs_.data(), x_.data(), first, model_.neurons_per_head(), angle.cosine.data(), angle.sine.data(),
                      own.last_used.data(), own.clock, retention_, turned_.data(), used_.value.data(), kept_.data()},
                     pair_count_);
}

void cpu_site::reweight_synapses(layer_id layer) noexcept {
  use_synapses(layer);
  layer_synapses& own = layers_[layer - 1];
  bodies_.reweight({own.stored.data(), model_.hubs(), share_.neurons.begin, used_.id.data(), turned_.data(), kept_.data(), w_.data()},
                   used_.count);
  const neuron_id unit = rotates_ ? 2 : 1;
  for (neuron_id j = 0; j < used_.count; j += unit) own.last_used[(used_.id[j] - share_.neurons.begin) / unit] = own.clock;
  counts_.hebbian_writes += std::uint64_t{used_.count} * model_.hubs();
  used_layer_ = 0;
}

// ---- readout

void cpu_site::read_out(outbox& sent) noexcept {
  const projection& readout = model_.circuits().readout;
  if (share_.readout.size() == 0) return;
  pull(readout, w_.data(), nullptr, share_.readout.begin, share_.readout.end, own_logits_.data() - share_.readout.begin);
  counts_.synaptic_events += readout.is_dense() ? std::uint64_t{share_.readout.size()} * model_.hubs()
                                                : readout.indptr()[share_.readout.end] - readout.indptr()[share_.readout.begin];
  sent[0].push_back({self_, std::span(head_labels_).first(1), own_logits_.data(), share_.readout.size(), share_.readout.size()});
}

void cpu_site::arrive_logits(const inbox& received) noexcept {
  for (const message& m : received) std::copy_n(m.values, m.width, logits_.data() + shares_[m.from].readout.begin);
}

// ---- watching

void cpu_site::check(layer_id layer, const char* what, const float* values, neuron_id count, const neuron_id* ids) noexcept {
  float sum = 0.0f;
  for (neuron_id i = 0; i < count; ++i) sum += values[i] * 0.0f;  // 0, or NaN as soon as one value is not finite
  if (sum == 0.0f || fault_) return;
  for (neuron_id i = 0; i < count; ++i)
    if (!std::isfinite(values[i])) return blame(layer, what, ids ? ids[i] : i % model_.hubs(), values[i]);
}

void cpu_site::blame(layer_id layer, const char* what, neuron_id who, float value) noexcept { fault_ = {fault{layer, what, value}, who}; }

void cpu_site::read(variable v, std::span<float> out) const {
  const neuron_id first = share_.neurons.begin;
  if (v == variable::x) std::copy(x_.begin(), x_.end(), out.begin() + first);
  if (v == variable::y) {
    std::fill_n(out.begin() + first, share_.neurons.size(), 0.0f);
    for (neuron_id j = 0; j < active_y_.count; ++j) out[active_y_.id[j]] = active_y_.value[j];
  }
  if (v == variable::w) std::copy(w_.begin(), w_.end(), out.begin());
  if (v == variable::a) std::copy(a_.begin(), a_.end(), out.begin());
}

// The laboratory frame: what the next token will read. Row i of stored R^clock, aged to the clock.
void cpu_site::read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) {
  const layer_synapses& own = layers_[layer - 1];
  const neuron_id i = neuron - share_.neurons.begin, d = model_.hubs();
  const auto row = [&](neuron_id r) { return own.stored.data() + std::size_t{r} * d; };
  const double age = power(retention_, own.clock - own.last_used[rotates_ ? i / 2 : i]);
  if (!rotates_) {
    for (neuron_id k = 0; k < d; ++k) out[k] = static_cast<float>(age * row(i)[k]);
    return;
  }
  const direction angle = turn(static_cast<double>(own.clock) * model_.turning().frequency()[neuron % model_.neurons_per_head() / 2]);
  const float *even = row(i & ~neuron_id{1}), *odd = row(i | 1);
  for (neuron_id k = 0; k < d; ++k)
    out[k] = static_cast<float>(age *
                                (i % 2 == 0 ? even[k] * angle.cosine + odd[k] * angle.sine : odd[k] * angle.cosine - even[k] * angle.sine));
}

void cpu_site::forget() noexcept {
  for (layer_synapses& own : layers_) {
    std::fill(own.stored.begin(), own.stored.end(), 0.0f);
    std::fill(own.last_used.begin(), own.last_used.end(), 0);
    own.clock = 0;
  }
}

std::size_t cpu_site::state_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const layer_synapses& own : layers_) bytes += own.stored.bytes() + own.last_used.bytes();
  for (const array<float>* a : {&x_, &drive_, &w_, &a_, &heard_, &at_hubs_, &partial_, &gate_, &own_logits_, &logits_, &turned_, &kept_})
    bytes += a->bytes();
  return bytes;
}

}  // namespace bdh
