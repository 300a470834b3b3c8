#include "kernels/cpu/direct_site.hpp"

#include <algorithm>

namespace bdh {
namespace {

bool ends_in(const projection& by_source, neuron_id source, id_range targets) {
  const auto first =
      by_source.indices().begin() + static_cast<std::ptrdiff_t>(by_source.indptr()[source]);
  const auto last =
      by_source.indices().begin() + static_cast<std::ptrdiff_t>(by_source.indptr()[source + 1]);
  const auto found = std::lower_bound(first, last, targets.begin);
  return found != last && *found < targets.end;
}

id_range sensory_sources(const model& m, const site_share& s) {
  if (!m.sensory_are_sources()) return {m.sources(), m.sources()};
  return {m.neurons() + s.sensory.begin, m.neurons() + s.sensory.end};
}

}  // namespace

direct_site::edges_to::edges_to(const projection& by_source, id_range targets) {
  const auto indptr = by_source.indptr();
  begin_ = indptr.data();
  end_ = indptr.data() + 1;
  if (targets.begin == 0 && targets.end == by_source.columns()) return;
  own_begin_ = array<edge_id>(by_source.rows());
  own_end_ = array<edge_id>(by_source.rows());
  for (neuron_id i = 0; i < by_source.rows(); ++i) {
    const neuron_id* all = by_source.indices().data();
    own_begin_[i] = static_cast<edge_id>(
        std::lower_bound(all + indptr[i], all + indptr[i + 1], targets.begin) - all);
    own_end_[i] = static_cast<edge_id>(
        std::lower_bound(all + own_begin_[i], all + indptr[i + 1], targets.end) - all);
  }
  begin_ = own_begin_.data();
  end_ = own_end_.data();
}

direct_site::direct_site(const model& m, const std::vector<site_share>& shares, site_id self,
                         const kernels::cpu_kernels& bodies, double retention,
                         direct_strengths& strengths, direct_weights& weights)
    : cpu_site(m, shares, self, bodies, retention),
      c_(m.direct()),
      strengths_(strengths),
      weights_(weights),
      pool_(m.hubs() != 0),
      sources_(m.sources()),
      gx_excitatory_(c_.gx_excitatory, share_.neurons),
      gx_inhibitory_(c_.gx_inhibitory, share_.neurons),
      x_to_(shares.size()),
      a_to_(shares.size()),
      w_to_(shares.size()),
      w_sensory_to_(shares.size()),
      w_source_(sources_),
      used_w_(c_.readout.edges() != 0 ? sources_ : 0),
      a_(std::size_t{m.heads()} * sources_),
      xe_(share_.neurons.size()),
      xi_(share_.neurons.size()),
      ye_(share_.neurons.size()),
      yi_(share_.neurons.size()),
      a_gain_(m.heads(), 1.0f),
      heard_at_hubs_(std::size_t{m.heads()} * m.hubs()),
      heard_w_(sources_),
      clock_(m.layers()),
      unit_(m.row_units()),
      used_id_(m.neurons()),
      unit_x_(m.neurons()),
      used_x_(m.neurons()),
      cosine_(m.row_units()),
      sine_(m.row_units()),
      kept_(m.row_units()),
      age_(m.row_units()),
      used_age_(m.neurons()) {
  if (shares.size() == 1) {
    gs_.emplace_back(c_.gs, id_range{0, sources_});
  } else {
    gs_.emplace_back(c_.gs, share_.neurons);
    gs_.emplace_back(c_.gs, own_sensory());
  }
  for (layer_id l = 0; l < m.layers(); ++l)
    last_used_.emplace_back(share_.neurons.size() / (rotates_ ? 2 : 1));
  partial_ = array<float>(
      std::size_t{m.heads()} *
      (share_.blocks.size() + own_sensory().size() / block_grid::block_size + 1) * m.hubs());
  partial_blocks_.reserve(
      std::size_t{m.heads()} *
      (share_.blocks.size() + own_sensory().size() / block_grid::block_size + 1));

  for (site_id to = 0; to < shares.size(); ++to) {
    const id_range neurons = shares[to].neurons, sensory = sensory_sources(m, shares[to]);
    std::vector<bool> gs(share_.neurons.size()), gx(share_.neurons.size() + own_sensory().size());
    for (neuron_id i = 0; i < share_.neurons.size(); ++i) {
      const neuron_id id = share_.neurons.begin + i;
      gs[i] = ends_in(c_.gs, id, neurons) || ends_in(c_.gs, id, sensory);
      gx[i] = ends_in(c_.gx_excitatory, id, neurons) || ends_in(c_.gx_inhibitory, id, neurons);
    }
    for (neuron_id j = 0; j < own_sensory().size(); ++j) {
      const neuron_id id = own_sensory().begin + j;
      gx[share_.neurons.size() + j] =
          ends_in(c_.gx_excitatory, id, neurons) || ends_in(c_.gx_inhibitory, id, neurons);
    }
    gs_reach_.push_back(std::move(gs));
    gx_reach_.push_back(std::move(gx));
    std::vector<bool> needed(sources_);
    for (const projection* p : {&c_.gy_excitatory, &c_.gy_inhibitory})
      for (edge_id e = p->indptr()[neurons.begin]; e < p->indptr()[neurons.end]; ++e)
        needed[p->indices()[e]] = true;
    std::vector<std::uint32_t> own;
    for (id_range r : {share_.neurons, own_sensory()})
      for (neuron_id j = r.begin; j < r.end; ++j)
        if (needed[j]) own.push_back(j);
    x_to_[to].id.reserve(last_used_[0].size());
    x_to_[to].value.reserve(4 * last_used_[0].size());
    a_to_[to].value.reserve(own.size() * m.heads());
    for (auto [p, size] : {std::pair{&w_to_[to], share_.neurons.size()},
                           std::pair{&w_sensory_to_[to], own_sensory().size()}}) {
      p->id.reserve(size);
      p->value.reserve(size);
    }
    a_needed_.push_back(std::move(own));
  }
}

std::span<const stage> direct_site::stages(action a, const model& m) noexcept {
  static constexpr stage gather[] = {stage::to_hubs, stage::at_hubs, stage::arrive};
  static constexpr stage edges[] = {stage::to_targets, stage::at_targets};
  static constexpr stage edges_and_gain[] = {stage::to_targets, stage::at_targets, stage::to_hubs,
                                             stage::at_hubs, stage::arrive};
  static constexpr stage hubs_report[] = {stage::from_hubs, stage::arrive};
  static constexpr stage edges_report[] = {stage::to_targets, stage::at_targets, stage::arrive};
  static constexpr stage local[] = {stage::local};
  const bool pool = m.hubs() != 0;
  switch (a) {
    case action::sense:
    case action::update_w:
      return pool ? std::span<const stage>(gather) : local;
    case action::propagate_and_reweight:
      return {};
    case action::propagate_synapses:
      return m.rules().attention_gain() ? std::span<const stage>(edges_and_gain) : edges;
    case action::propagate_gy:
    case action::propagate_gx:
      return edges;
    case action::read_out:
      if (m.direct().readout.edges() != 0) return edges_report;
      return pool && m.readout_nodes() != 0 ? std::span<const stage>(hubs_report)
                                            : std::span<const stage>();
    default:
      return local;
  }
}

void direct_weights::prepare(const direct_circuits& c, const applied_controls& what) {
  const auto copy = [&](array<float>& to, const projection& from,
                        std::vector<edge_id> layer_controls::*muted) {
    if (!to.empty() || std::all_of(what.layers.begin(), what.layers.end(),
                                   [&](const layer_controls& l) { return (l.*muted).empty(); }))
      return;
    to = array<float>(from.edges());
    for (edge_id e = 0; e < from.edges(); ++e) to[e] = from.weight(e);
  };
  copy(gx_excitatory, c.gx_excitatory, &layer_controls::mute_gx_excitatory);
  copy(gx_inhibitory, c.gx_inhibitory, &layer_controls::mute_gx_inhibitory);
  copy(gy_excitatory, c.gy_excitatory, &layer_controls::mute_gy_excitatory);
  copy(gy_inhibitory, c.gy_inhibitory, &layer_controls::mute_gy_inhibitory);
}

weight_view direct_site::mute(const projection& circuit, array<float>& copy,
                              const std::vector<edge_id>* muted) noexcept {
  if (!muted || muted->empty()) return circuit.view();
  const bool by_source = circuit.rows_are() == major::source;
  for (edge_id e : *muted)
    if (share_.neurons.contains(by_source ? circuit.indices()[e] : circuit.row_of(e)))
      copy[e] = 0.0f;
  return {copy.data()};
}

void direct_site::unmute(const projection& circuit, array<float>& copy,
                         const std::vector<edge_id>* muted) noexcept {
  if (!muted) return;
  const bool by_source = circuit.rows_are() == major::source;
  for (edge_id e : *muted)
    if (share_.neurons.contains(by_source ? circuit.indices()[e] : circuit.row_of(e)))
      copy[e] = circuit.weight(e);
}

id_range direct_site::own_sensory() const noexcept { return sensory_sources(model_, share_); }

void direct_site::present(token_id token) noexcept {
  cpu_site::present(token);
  std::fill(w_source_.begin(), w_source_.end(), 0.0f);
  std::fill(a_.begin(), a_.end(), 0.0f);
}

neuron_id direct_site::pieces(const step& s) const noexcept {
  if ((s.what == action::update_w && s.at == stage::to_hubs) ||
      (s.what == action::propagate_gy && s.at == stage::at_targets))
    return share_.blocks.size();
  return s.what == action::read_out && s.at == stage::from_hubs ? pieces_of(share_.readout) : 1;
}

void direct_site::perform(const step& s, neuron_id piece, const inbox& received,
                          outbox& sent) noexcept {
  switch (s.what) {
    case action::sense:
      if (s.at == stage::to_hubs) return sense_to_hubs(sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, 1, received, sent);
      if (s.at == stage::arrive) arrive_w(true, 0, received);
      return sense();
    case action::propagate_synapses:
      if (s.at == stage::to_targets) return synapses_to_targets(s.layer, sent);
      if (s.at == stage::at_targets) return synapses_at_targets(s.layer, received);
      if (s.at == stage::to_hubs) return a_to_hubs(sent);
      if (s.at == stage::at_hubs) return add_at_hubs(model_.heads(), all_blocks(), received, sent);
      return arrive_gain(received);
    case action::propagate_and_reweight:  // has no stages here
      return;
    case action::reweight:
      return reweight(s.layer);
    case action::decay:
      ++clock_[s.layer - 1];
      return;
    case action::propagate_gy:
      if (s.at == stage::to_targets) return a_to_targets(sent);
      return drive_y(s.layer, piece, received);
    case action::threshold_y:
      return threshold_y(s.layer);
    case action::update_w:
      if (s.at == stage::to_hubs) return y_to_hubs(piece, sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      if (s.at == stage::arrive) arrive_w(false, s.layer, received);
      return update_w();
    case action::propagate_gx:
      if (s.at == stage::to_targets) return w_to_targets(false, sent);
      return drive_x(s.layer, received);
    case action::threshold_x:
      return threshold_x(s.layer);
    case action::read_out:
      if (s.at == stage::from_hubs) return read_out_hubs(piece, sent);
      if (s.at == stage::to_targets) return w_to_targets(true, sent);
      if (s.at == stage::at_targets) return read_out(received, sent);
      return arrive_logits(received);
  }
}

// ---- W

// W of the token: the sensory node itself, g(e) e, or what it excites.
void direct_site::sense() noexcept {
  if (model_.sensory_are_sources()) {
    const neuron_id node = model_.neurons() + token_;
    if (own_sensory().contains(node))
      w_source_[node] = model_.rules().token_gain() ? gain_y_ : 1.0f;
    return;
  }
  const projection& s = c_.sensory;
  for (edge_id e = s.indptr()[token_]; e < s.indptr()[token_ + 1]; ++e)
    if (share_.neurons.contains(s.indices()[e])) {
      w_source_[s.indices()[e]] = s.weight(e);
      ++counts_.synaptic_events;
    }
  if (controls_)
    for (neuron_id k : controls_->removed)
      if (share_.neurons.contains(k)) w_source_[k] = 0.0f;
}

void direct_site::update_w() noexcept {
  const w_rule rule = model_.rules().w();
  const neuron_id first = share_.neurons.begin;
  if (rule != w_rule::leaky_sum) {
    std::fill_n(w_source_.begin() + first, share_.neurons.size(), 0.0f);
    std::fill_n(w_source_.begin() + own_sensory().begin, own_sensory().size(), 0.0f);
  }
  const float g = rule == w_rule::y ? 1.0f : gain_y_;
  for (neuron_id j = 0; j < active_y_.count; ++j)
    w_source_[active_y_.id[j]] += g * active_y_.value[j];
  if (rule != w_rule::leaky_sum) return;
  bodies_.leak({w_source_.data() + first, share_.neurons.size(), gain_w_});
  bodies_.leak({w_source_.data() + own_sensory().begin, own_sensory().size(), gain_w_});
}

void direct_site::post(site_id to, parcel& p, std::uint32_t width, outbox& sent) noexcept {
  if (!p.id.empty()) sent[to].push_back({self_, p.id, p.value.data(), width, width});
}

// Active sources to the sites where their edges end; for the readout, to every site with readout
// nodes.
void direct_site::w_to_targets(bool readout, outbox& sent) noexcept {
  for (site_id to = 0; to < shares_.size(); ++to) {
    parcel &neurons = w_to_[to], &sensory = w_sensory_to_[to];
    for (parcel* p : {&neurons, &sensory}) {
      p->id.clear();
      p->value.clear();
    }
    if (readout && shares_[to].readout.size() == 0) continue;
    const auto add = [&](parcel& p, id_range r, neuron_id offset) {
      for (neuron_id j = r.begin; j < r.end; ++j)
        if (w_source_[j] != 0.0f && (readout || gx_reach_[to][offset + j - r.begin])) {
          p.id.push_back(j);
          p.value.push_back(w_source_[j]);
        }
    };
    add(neurons, share_.neurons, 0);
    add(sensory, own_sensory(), share_.neurons.size());
    post(to, neurons, 1, sent);
    post(to, sensory, 1, sent);
  }
}

// Ascending: the neurons of all senders, then their sensory nodes.
void direct_site::hear_w(const inbox& received) noexcept {
  heard_w_.count = 0;
  for (const bool sensory : {false, true})
    for (const message& m : received)
      if ((m.rows[0] >= model_.neurons()) == sensory)
        for (std::size_t r = 0; r < m.rows.size(); ++r) heard_w_.add(m.rows[r], *m.row(r));
}

void direct_site::drive_x(layer_id layer, const inbox& received) noexcept {
  hear_w(received);
  const layer_controls* const controlled = controls_of(layer);
  const auto push = [&](const edges_to& edges, const projection& p, array<float>& copy,
                        const std::vector<edge_id>* muted, array<float>& out) {
    std::fill(out.begin(), out.end(), 0.0f);
    mute(p, copy, muted).visit([&](const auto* weights) {
      bodies_.push_edges({edges.begin(), edges.end(), p.indices().data(), weights, heard_w_.count,
                          heard_w_.id.data(), heard_w_.value.data(),
                          out.data() - share_.neurons.begin});
    });
    unmute(p, copy, muted);
    for (neuron_id j = 0; j < heard_w_.count; ++j)
      counts_.synaptic_events += edges.degree(heard_w_.id[j]);
  };
  push(gx_excitatory_, c_.gx_excitatory, weights_.gx_excitatory,
       controlled ? &controlled->mute_gx_excitatory : nullptr, xe_);
  push(gx_inhibitory_, c_.gx_inhibitory, weights_.gx_inhibitory,
       controlled ? &controlled->mute_gx_inhibitory : nullptr, xi_);
  if (controlled && controlled->inhibition != 1.0f)
    bodies_.leak({xi_.data(), share_.neurons.size(), controlled->inhibition});
  bodies_.balance({xe_.data(), xi_.data(), drive_.data(), share_.neurons.size(), 1.0f});
}

void direct_site::read_out(const inbox& received, outbox& sent) noexcept {
  if (share_.readout.size() == 0) return;
  hear_w(received);
  std::fill(used_w_.begin(), used_w_.end(), 0.0f);
  for (neuron_id j = 0; j < heard_w_.count; ++j) used_w_[heard_w_.id[j]] = heard_w_.value[j];
  pull(c_.readout, used_w_.data(), nullptr, share_.readout.begin, share_.readout.end,
       own_logits_.data() - share_.readout.begin);
  counts_.synaptic_events += edges_into(c_.readout, share_.readout);
  send_logits(sent);
}

// ---- gain of A: |C B A_h|, through the pool

void direct_site::a_to_hubs(outbox& sent) noexcept {
  const neuron_id per_head = all_blocks(), n = model_.neurons();
  partial_blocks_.clear();
  neuron_id id[block_grid::block_size];
  float value[block_grid::block_size];
  for (head_id h = 0; h < model_.heads(); ++h) {
    const float* a = a_.data() + std::size_t{h} * sources_;
    const auto add = [&](const projection& circuit, id_range sources, neuron_id first,
                         neuron_id label) {
      neuron_id count = 0;
      for (neuron_id j = sources.begin; j < sources.end; ++j)
        if (a[j] != 0.0f) {
          id[count] = j - first;
          value[count++] = a[j];
        }
      if (count == 0) return;
      push_block(&circuit, circuit.view(), 0, id, value, count,
                 partial_.data() + partial_blocks_.size() * model_.hubs());
      partial_blocks_.push_back(h * per_head + label);
    };
    for (neuron_id b = share_.blocks.begin; b < share_.blocks.end; ++b)
      add(model_.circuits().e, grid_.neurons(b), 0, b);
    const id_range sensory = own_sensory();
    for (neuron_id j = sensory.begin; j < sensory.end; j += block_grid::block_size)
      add(model_.circuits().sensory, {j, std::min(j + block_grid::block_size, sensory.end)}, n,
          grid_.blocks() + (j - n) / block_grid::block_size);
  }
  send_rows(partial_blocks_, partial_.data(), sent);
}

void direct_site::arrive_gain(const inbox& received) noexcept {
  const neuron_id d = model_.hubs();
  receive_hubs(received, heard_at_hubs_.data());
  for (head_id h = 0; h < model_.heads(); ++h)
    bodies_.pool({heard_at_hubs_.data() + std::size_t{h} * d, d,
                  static_cast<float>(model_.rules().epsilon()), false, false, &a_gain_[h]});
}

// ---- A -> Y

void direct_site::a_to_targets(outbox& sent) noexcept {
  const std::uint32_t heads = model_.heads();
  for (site_id to = 0; to < shares_.size(); ++to) {
    if (to == self_ || a_needed_[to].empty()) continue;
    parcel& p = a_to_[to];
    p.value.clear();
    for (neuron_id j : a_needed_[to])
      for (head_id h = 0; h < heads; ++h) p.value.push_back(a_[std::size_t{h} * sources_ + j]);
    sent[to].push_back({self_, a_needed_[to], p.value.data(), heads, heads});
  }
}

void direct_site::pull_edges(const projection& p, weight_view from, const float* a, neuron_id first,
                             neuron_id last, float* out) noexcept {
  from.visit([&](const auto* weights) {
    bodies_.pull_sparse(
        {p.indptr().data(), p.indices().data(), weights, active_x_.id.data(), a, out}, first, last);
  });
}

void direct_site::drive_y(layer_id layer, neuron_id piece, const inbox& received) noexcept {
  if (piece == 0)
    for (const message& m : received)
      for (std::size_t r = 0; r < m.rows.size(); ++r)
        for (head_id h = 0; h < model_.heads(); ++h)
          a_[std::size_t{h} * sources_ + m.rows[r]] = m.row(r)[h];
  const auto [first, last] = active_in(piece, active_x_);
  if (first == last) return;
  const layer_controls* const controlled = controls_of(layer);
  const std::vector<edge_id>* const muted_e =
      controlled ? &controlled->mute_gy_excitatory : nullptr;
  const std::vector<edge_id>* const muted_i =
      controlled ? &controlled->mute_gy_inhibitory : nullptr;
  const weight_view excitatory = mute(c_.gy_excitatory, weights_.gy_excitatory, muted_e);
  const weight_view inhibitory = mute(c_.gy_inhibitory, weights_.gy_inhibitory, muted_i);
  const head_id h = grid_.head(share_.blocks.begin + piece);  // a head's neurons hear their own A
  const float* const a = a_.data() + std::size_t{h} * sources_;
  pull_edges(c_.gy_excitatory, excitatory, a, first, last, ye_.data());
  pull_edges(c_.gy_inhibitory, inhibitory, a, first, last, yi_.data());
  if (controlled && controlled->inhibition != 1.0f)
    bodies_.leak({yi_.data() + first, last - first, controlled->inhibition});
  bodies_.balance(
      {ye_.data() + first, yi_.data() + first, gate_.data() + first, last - first, a_gain_[h]});
  unmute(c_.gy_excitatory, weights_.gy_excitatory, muted_e);
  unmute(c_.gy_inhibitory, weights_.gy_inhibitory, muted_i);
  for (neuron_id j = first; j < last; ++j)
    counts_.synaptic_events +=
        row_edges(c_.gy_excitatory, active_x_.id[j]) + row_edges(c_.gy_inhibitory, active_x_.id[j]);
}

// ---- looking, saving

void direct_site::read(variable v, std::span<float> out) const {
  cpu_site::read(v, out);
  if (v != variable::w && v != variable::a) return;
  for (id_range r : {share_.neurons, own_sensory()})
    for (head_id h = 0; h < (v == variable::a ? model_.heads() : 1); ++h) {
      const std::size_t base = std::size_t{h} * sources_;
      const array<float>& from = v == variable::a ? a_ : w_source_;
      std::copy(from.begin() + base + r.begin, from.begin() + base + r.end,
                out.begin() + base + r.begin);
    }
}

void direct_site::clear_synapses() noexcept {
  for (auto& own : last_used_) std::fill(own.begin(), own.end(), 0);
  std::fill(clock_.begin(), clock_.end(), 0);
}

std::size_t direct_site::state_bytes() const noexcept {
  std::size_t bytes = cpu_site::state_bytes() + gx_excitatory_.bytes() + gx_inhibitory_.bytes();
  for (const edges_to& e : gs_) bytes += e.bytes();
  for (const array<float>* a : {&w_source_, &used_w_, &a_, &xe_, &xi_, &ye_, &yi_, &heard_at_hubs_,
                                &unit_x_, &used_x_, &cosine_, &sine_, &kept_, &heard_w_.value})
    bytes += a->bytes();
  for (const array<neuron_id>* a : {&unit_, &used_id_, &heard_w_.id}) bytes += a->bytes();
  for (const auto& own : last_used_) bytes += own.bytes();
  return bytes + age_.bytes() + used_age_.bytes();
}

}  // namespace bdh
