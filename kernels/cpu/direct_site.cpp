#include "kernels/cpu/direct_site.hpp"

#include <algorithm>
#include <utility>

namespace bdh {
direct_site::direct_site(const model& m, const std::vector<site_share>& shares, site_id self,
                         const kernels::cpu_kernels& bodies, double retention, const shared& with)
    : cpu_site(m, shares, self, bodies, retention,
               m.heads() * (std::size_t{shares[self].blocks.size()} +
                            shares[self].sensory.size() / block_grid::block_size + 1),
               with.spikes),
      c_(with.circuits.edges()),
      strengths_(with.strengths),
      weights_(with.weights),
      sources_(m.sources()),
      gx_excitatory_(c_.gx_excitatory, share_.neurons, with.alone),
      gx_inhibitory_(c_.gx_inhibitory, share_.neurons, with.alone),
      routes_(m, shares, self, !with.circuits.are_all()),
      source_w_(m),
      a_(std::size_t{m.heads()} * sources_),
      drives_(share_.neurons.size()),
      a_gain_(m.heads(), 1.0f),
      a_at_hubs_(std::size_t{m.heads()} * m.hubs()),
      clock_(m.layers()),
      units_(m) {
  gs_.emplace_back(c_.gs, share_.neurons, with.alone);
  if (!with.alone) gs_.emplace_back(c_.gs, own_sensory(), false);
  for (layer_id l = 0; l < m.layers(); ++l)
    last_used_.emplace_back(share_.neurons.size() / (rotates_ ? 2 : 1));
  if (spikes_) prepare_spikes();
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
  if (spikes_) spikes_->present(clock_[0]);
  std::fill(source_w_.own.begin(), source_w_.own.end(), 0.0f);
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
    case action::propagate_and_reweight:  // have no stages here
    case action::return_readout:
    case action::return_gy:
    case action::return_synapses:
    case action::learn:
      return;
    case action::reweight:
      return reweight(s.layer);
    case action::decay:
      ++clock_[s.layer - 1];
      return;
    case action::propagate_gy:
      if (s.at == stage::to_targets) return a_to_targets(s.layer, sent);
      return drive_y(s.layer, piece, received);
    case action::threshold_y:
      return threshold_y(s.layer);
    case action::update_w:
      if (s.at == stage::to_hubs) return y_to_hubs(s.layer, piece, sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      if (s.at == stage::arrive) arrive_w(false, s.layer, received);
      return update_w();
    case action::propagate_gx:
      if (s.at == stage::to_targets) return w_to_targets(s.layer, false, sent);
      return drive_x(s.layer, received);
    case action::threshold_x:
      return threshold_x(s.layer);
    case action::read_out:
      if (s.at == stage::from_hubs) return read_out_hubs(piece, sent);
      if (s.at == stage::to_targets) return w_to_targets(0, true, sent);
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
      source_w_.own[node] = kernels::w_of_token(model_.rules().scales_w(true), gains_.y);
    return;
  }
  const projection& s = model_.direct().sensory;
  for (edge_id e = s.indptr()[token_]; e < s.indptr()[token_ + 1]; ++e)
    if (share_.neurons.contains(s.indices()[e])) {
      source_w_.own[s.indices()[e]] = s.weight(e);
      ++counts_.synaptic_events;
    }
  if (controls_)
    for (neuron_id k : controls_->removed)
      if (share_.neurons.contains(k)) source_w_.own[k] = 0.0f;
}

void direct_site::update_w() noexcept {
  const dynamics& rules = model_.rules();
  const bool accumulate = rules.accumulates_w(false);
  float* const neurons = source_w_.own.data() + share_.neurons.begin;
  float* const sensory = source_w_.own.data() + own_sensory().begin;
  if (!accumulate) std::fill_n(sensory, own_sensory().size(), 0.0f);
  bodies_.set_source_w({.w = source_w_.own.data(),
                        .first = share_.neurons.begin,
                        .sources = share_.neurons.size(),
                        .neuron = active_y_.id.data(),
                        .y = active_y_.value.data(),
                        .active = active_y_.count,
                        .accumulate = accumulate,
                        .gain_y = rules.scales_w(false) ? gains_.y : 1.0f});
  if (!accumulate) return;
  bodies_.leak({.w = neurons, .n = share_.neurons.size(), .gain = gains_.w});
  bodies_.leak({.w = sensory, .n = own_sensory().size(), .gain = gains_.w});
}

void direct_site::send(site_id to, packet& p, std::uint32_t width, outbox& sent,
                       std::uint8_t kind) noexcept {
  if (!p.id.empty())
    sent[to].push_back(
        {self_, p.id, p.value.data(), width, width, {.how = joining::sources, .kind = kind}});
}

// Active sources to the sites where their edges end; for the readout, to every site with readout
// nodes.
void direct_site::w_to_targets(layer_id layer, bool readout, outbox& sent) noexcept {
  const bool spikes = !readout && w_spikes();
  if (spikes) emit_w(layer, emission::w_drive, sent_.w_driving, nullptr);
  const array<float>& w = spikes ? sent_.w_driving : source_w_.own;
  for (site_id to = 0; to < shares_.size(); ++to) {
    packet &neurons = routes_.to[to].w, &sensory = routes_.to[to].w_sensory;
    for (packet* p : {&neurons, &sensory}) {
      p->id.clear();
      p->value.clear();
    }
    if (readout && shares_[to].readout.size() == 0) continue;
    const auto add = [&](packet& p, id_range r, neuron_id offset) {
      for (neuron_id j = r.begin; j < r.end; ++j)
        if (w[j] != 0.0f && (readout || routes_.to[to].gx_reach[offset + j - r.begin])) {
          p.id.push_back(j);
          p.value.push_back(w[j]);
        }
    };
    add(neurons, share_.neurons, 0);
    add(sensory, own_sensory(), share_.neurons.size());
    send(to, neurons, 1, sent);
    send(to, sensory, 1, sent, 1);
  }
}

// Ascending: the neurons of all senders, then their sensory nodes.
void direct_site::receive_w(const inbox& received) noexcept {
  source_w_.received.count = 0;
  for (const bool sensory : {false, true})
    for (const message& m : received)
      if ((m.rows[0] >= model_.neurons()) == sensory)
        for (std::size_t r = 0; r < m.rows.size(); ++r)
          source_w_.received.add(m.rows[r], *m.row(r));
}

void direct_site::drive_x(layer_id layer, const inbox& received) noexcept {
  receive_w(received);
  const layer_controls* const controlled = controls_of(layer);
  const auto push = [&](const edges_to& edges, const projection& p, array<float>& copy,
                        const std::vector<edge_id>* muted, array<float>& out) {
    std::fill(out.begin(), out.end(), 0.0f);
    mute(p, copy, muted).visit([&](const auto* weights) {
      bodies_.push_edges({.begin = edges.begin(),
                          .end = edges.end(),
                          .target = p.indices().data(),
                          .weights = weights,
                          .count = source_w_.received.count,
                          .source = source_w_.received.id.data(),
                          .activity = source_w_.received.value.data(),
                          .out = out.data() - share_.neurons.begin});
    });
    unmute(p, copy, muted);
    for (neuron_id j = 0; j < source_w_.received.count; ++j)
      counts_.synaptic_events +=
          edges.degree(source_w_.received.id[j]) *
          events_of(w_of(source_w_.received.id[j]), layer, source_w_.received.value[j]);
  };
  push(gx_excitatory_, c_.gx_excitatory, weights_.gx_excitatory,
       controlled ? &controlled->mute_gx_excitatory : nullptr, drives_.x_excitatory);
  push(gx_inhibitory_, c_.gx_inhibitory, weights_.gx_inhibitory,
       controlled ? &controlled->mute_gx_inhibitory : nullptr, drives_.x_inhibitory);
  if (controlled && controlled->inhibition != 1.0f)
    bodies_.leak({.w = drives_.x_inhibitory.data(),
                  .n = share_.neurons.size(),
                  .gain = controlled->inhibition});
  bodies_.net_drive({.excitatory = drives_.x_excitatory.data(),
                     .inhibitory = drives_.x_inhibitory.data(),
                     .drive = drive_.data(),
                     .n = share_.neurons.size(),
                     .gain = 1.0f});
}

void direct_site::read_out(const inbox& received, outbox& sent) noexcept {
  if (share_.readout.size() == 0) return;
  receive_w(received);
  std::fill(source_w_.readout.begin(), source_w_.readout.end(), 0.0f);
  for (neuron_id j = 0; j < source_w_.received.count; ++j)
    source_w_.readout[source_w_.received.id[j]] = source_w_.received.value[j];
  const projection& readout = model_.direct().readout;
  pull(readout, source_w_.readout.data(), nullptr, share_.readout.begin, share_.readout.end,
       logits_.own.data() - share_.readout.begin);
  counts_.synaptic_events += edges_into(readout, share_.readout);
  send_logits(sent);
}

// ---- A -> Y

void direct_site::a_to_targets(layer_id layer, outbox& sent) noexcept {
  const std::uint32_t heads = model_.heads();
  if (a_spikes()) emit_a(layer);
  const array<float>& a = a_arriving();
  for (site_id to = 0; to < shares_.size(); ++to) {
    if (to == self_ || routes_.to[to].a_needed.empty()) continue;
    packet& p = routes_.to[to].a;
    p.value.clear();
    for (neuron_id j : routes_.to[to].a_needed)
      for (head_id h = 0; h < heads; ++h) p.value.push_back(a[std::size_t{h} * sources_ + j]);
    sent[to].push_back(
        {self_, routes_.to[to].a_needed, p.value.data(), heads, heads, {.how = joining::sources}});
  }
}

void direct_site::pull_edges(const projection& p, weight_view from, const float* a, neuron_id first,
                             neuron_id last, float* out) noexcept {
  from.visit([&](const auto* weights) {
    bodies_.pull_sparse({.indptr = p.indptr().data(),
                         .source = p.indices().data(),
                         .weights = weights,
                         .target = active_x_.id.data(),
                         .activity = a,
                         .out = out},
                        first, last);
  });
}

void direct_site::drive_y(layer_id layer, neuron_id piece, const inbox& received) noexcept {
  array<float>& all = a_arriving();
  if (piece == 0)
    for (const message& m : received)
      for (std::size_t r = 0; r < m.rows.size(); ++r)
        for (head_id h = 0; h < model_.heads(); ++h)
          all[std::size_t{h} * sources_ + m.rows[r]] = m.row(r)[h];
  if (piece == 0 && a_spikes()) count_a_spikes(layer);
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
  const float* const a = all.data() + std::size_t{h} * sources_;
  pull_edges(c_.gy_excitatory, excitatory, a, first, last, drives_.y_excitatory.data());
  pull_edges(c_.gy_inhibitory, inhibitory, a, first, last, drives_.y_inhibitory.data());
  if (controlled && controlled->inhibition != 1.0f)
    bodies_.leak({.w = drives_.y_inhibitory.data() + first,
                  .n = last - first,
                  .gain = controlled->inhibition});
  bodies_.net_drive({.excitatory = drives_.y_excitatory.data() + first,
                     .inhibitory = drives_.y_inhibitory.data() + first,
                     .drive = y_drive_.data() + first,
                     .n = last - first,
                     .gain = a_spikes() ? 1.0f : a_gain_[h]});
  unmute(c_.gy_excitatory, weights_.gy_excitatory, muted_e);
  unmute(c_.gy_inhibitory, weights_.gy_inhibitory, muted_i);
  count_a_events(h, first, last);
}

// ---- looking, saving

void direct_site::read(variable v, std::span<float> out) const {
  cpu_site::read(v, out);
  if (v != variable::w && v != variable::a) return;
  const array<float>& from = v == variable::a ? a_ : source_w_.own;
  for_own_sources(v == variable::a ? model_.heads() : 1, [&](head_id, auto first, auto last) {
    std::copy(from.begin() + first, from.begin() + last, out.begin() + first);
  });
}

void direct_site::clear_synapses() noexcept {
  for (auto& own : last_used_) std::fill(own.begin(), own.end(), 0);
  std::fill(clock_.begin(), clock_.end(), 0);
}

std::size_t direct_site::state_bytes() const noexcept {
  std::size_t bytes = cpu_site::state_bytes() + gx_excitatory_.bytes() + gx_inhibitory_.bytes() +
                      source_w_.bytes() + drives_.bytes() + units_.bytes() + a_.bytes() +
                      a_at_hubs_.bytes() + sent_.bytes();
  for (const edges_to& e : gs_) bytes += e.bytes();
  for (const auto& own : last_used_) bytes += own.bytes();
  return bytes;
}

}  // namespace bdh
