// Circuits through hubs: neurons -> hubs -> neurons, synapses neuron -> hub in the rotating frame.
#include "kernels/cpu/hub_site.hpp"

#include <algorithm>
#include <utility>

namespace bdh {

hub_site::hub_site(const model& m, const std::vector<site_share>& shares, site_id self,
                   const kernels::cpu_kernels& bodies, double retention, bool rounds_synapses,
                   std::shared_ptr<const spiking> spikes)
    : cpu_site(m, shares, self, bodies, retention, shares[self].blocks.size(), std::move(spikes)),
      a_(std::size_t{m.heads()} * m.hubs()),
      rounds_(rounds_synapses),
      active_rows_(share_.neurons.size()),
      turned_(share_.neurons.size()),
      decay_(share_.neurons.size()),
      rounding_(rounds_ ? share_.neurons.size() : 0),
      pairs_(share_.neurons.size()) {
  for (layer_id l = 1; l <= m.layers(); ++l) {
    synapse_rows own;
    const std::size_t strengths = std::size_t{share_.neurons.size()} * m.hubs();
    own.stored = array<float>(rounds_ ? 0 : strengths);
    own.rounded = array<bfloat16>(rounds_ ? strengths : 0);
    own.last_used = array<std::uint64_t>(share_.neurons.size() / (rotates_ ? 2 : 1));
    layers_.push_back(std::move(own));
  }
  if (spikes_of(spike_source::w)) {
    sent_.w_driving = array<float>(m.hubs());
    sent_.w_written = array<float>(m.hubs());
  }
  if (spikes_ && spikes_->gated()) {
    sent_.w_mask = array<std::uint64_t>(std::size_t{m.hubs()} * spikes_->words(spike_source::w));
    sent_.found = array<float>(share_.neurons.size());
  }
  if (spikes_of(spike_source::a)) sent_.a = array<float>(a_.size());
}

std::span<const stage> hub_site::stages(action a) noexcept {
  static constexpr stage gather[] = {stage::to_hubs, stage::at_hubs, stage::arrive};
  static constexpr stage spread[] = {stage::from_hubs};
  static constexpr stage report[] = {stage::from_hubs, stage::arrive};
  static constexpr stage gather_then_local[] = {stage::to_hubs, stage::at_hubs, stage::arrive,
                                                stage::local};
  static constexpr stage return_error[] = {stage::from_hubs, stage::to_hubs, stage::at_hubs,
                                           stage::arrive};
  static constexpr stage local[] = {stage::local};
  switch (a) {
    case action::sense:
    case action::propagate_synapses:
    case action::update_w:
      return gather;
    case action::propagate_and_reweight:
      return gather_then_local;
    case action::return_readout:
      return return_error;
    case action::return_gy:
    case action::return_synapses:
      return gather;
    case action::propagate_gy:
    case action::propagate_gx:
      return spread;
    case action::read_out:
      return report;
    default:
      return local;
  }
}

void hub_site::present(token_id token) noexcept {
  cpu_site::present(token);
  if (spikes_) spikes_->present(layers_[0].clock);
  std::fill(a_.begin(), a_.end(), 0.0f);
  rows_layer_ = 0;
  non_finite_synapse_.reset();
  if (!learning_) return;
  learning_->known = false;
  learning_->token = token;
}

neuron_id hub_site::pieces(const step& s) const noexcept {
  const bool by_block = s.what == action::propagate_gx || s.what == action::propagate_gy ||
                        (s.what == action::update_w && s.at == stage::to_hubs);
  if (by_block) return share_.blocks.size();
  return s.what == action::read_out && s.at == stage::from_hubs ? pieces_of(share_.readout) : 1;
}

void hub_site::perform(const step& s, neuron_id piece, const inbox& received,
                       outbox& sent) noexcept {
  switch (s.what) {
    case action::sense:
      if (s.at == stage::to_hubs) return sense_to_hubs(sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      arrive_w(true, s.layer, received);
      keep_w(0);
      return emit_w(1);
    case action::propagate_synapses:
    case action::propagate_and_reweight:
      if (s.at == stage::local) return complete_reweight(s.layer);
      if (s.at == stage::to_hubs)
        return synapses_to_hubs(s.layer, s.what == action::propagate_and_reweight, sent);
      if (s.at == stage::at_hubs)
        return add_at_hubs(model_.heads(), grid_.blocks() / model_.heads(), received, sent);
      return arrive_a(s.layer, received);
    case action::reweight:
      return reweight_synapses(s.layer);
    case action::decay:
      ++layers_[s.layer - 1].clock;
      return;
    case action::propagate_gy:
      return drive_y(s.layer, piece);
    case action::threshold_y:
      return learning_ ? threshold_y_and_keep(s.layer) : threshold_y(s.layer);
    case action::update_w:
      if (s.at == stage::to_hubs) return y_to_hubs(s.layer, piece, sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      arrive_w(false, s.layer, received);
      keep_w(s.layer);
      return emit_w(s.layer + 1);
    case action::propagate_gx:
      return drive_x(s.layer, piece);
    case action::threshold_x:
      rows_layer_ = 0;
      return threshold_x(s.layer);
    case action::read_out:
      if (s.at == stage::from_hubs) return read_out_hubs(piece, sent);
      if (learning_) learning_->known = true;
      return arrive_logits(received);
    default:
      return perform_learning(s, received, sent);
  }
}

void hub_site::perform_learning(const step& s, const inbox& received, outbox& sent) noexcept {
  switch (s.what) {
    case action::return_readout:
      if (s.at == stage::from_hubs) return send_error(sent);
      if (s.at == stage::to_hubs) return error_to_hubs(received, sent);
      if (s.at == stage::at_hubs)
        return add_at_hubs(1, blocks_of_rows(model_.readout_nodes()), received, sent);
      return arrive_error(received);
    case action::return_gy:
      if (s.at == stage::to_hubs) return return_gy(s.layer, sent);
      if (s.at == stage::at_hubs)
        return add_at_hubs(model_.heads(), grid_.blocks() / model_.heads(), received, sent);
      return arrive_da(s.layer, received);
    case action::return_synapses:
      if (s.at == stage::to_hubs) return return_gx(s.layer, sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      return arrive_dw(received);
    default:
      return change_weights();
  }
}

void hub_site::arrive_a(layer_id layer, const inbox& received) noexcept {
  const dynamics& rules = model_.rules();
  const neuron_id d = model_.hubs();
  receive_hubs(received, a_.data());
  const auto look = [&] {
    for (head_id h = 0; h < model_.heads(); ++h)
      check(layer, "A at hub", a_.data() + std::size_t{h} * d, d, nullptr);
  };
  look();
  if (!rules.attention_gain() && !rules.centred()) return emit_a(layer);
  for (head_id h = 0; h < model_.heads(); ++h)
    bodies_.normalise({.z = a_.data() + std::size_t{h} * d,
                       .n = d,
                       .epsilon = static_cast<float>(rules.epsilon()),
                       .centre = rules.centred(),
                       .scale = rules.attention_gain(),
                       .gain = learning_ ? learning_->layers[layer].gain_a.data() + h : nullptr});
  keep_a(layer);
  look();
  emit_a(layer);
}

// Every site has all hubs, and finds the same spikes. The token's own node is an input: what it
// gives the hubs drives layer 1 as it is.
void hub_site::emit_w(layer_id layer) noexcept {
  if (!spikes_of(spike_source::w) || layer > model_.layers()) return;
  const id_range hubs{0, model_.hubs()};
  if (layer == 1)
    std::copy(w_.begin(), w_.end(), sent_.w_driving.begin());
  else
    spikes_->emit_sparse(spike_source::w, emission::w_drive, layer, 0, w_.data(), hubs,
                         sent_.w_driving.data(), nullptr, self_ == 0);
  spikes_->emit_sparse(spike_source::w, emission::w_write, layer, 0, w_.data(), hubs,
                       sent_.w_written.data(), spikes_->gated() ? sent_.w_mask.data() : nullptr,
                       self_ == 0);
  if (!spikes_->gated()) return;
  const float scale = spikes_->how().of(spike_source::w).scales[layer - 1];
  for (neuron_id k = 0; k < model_.hubs(); ++k) sent_.w_written[k] = w_[k] < 0 ? -scale : scale;
}

void hub_site::emit_a(layer_id layer) noexcept {
  if (!spikes_of(spike_source::a)) return;
  for (head_id h = 0; h < model_.heads(); ++h) {
    const std::size_t first = std::size_t{h} * model_.hubs();
    spikes_->emit_sparse(spike_source::a, emission::a, layer, h, a_.data() + first,
                         {0, model_.hubs()}, sent_.a.data() + first, nullptr, self_ == 0);
  }
}

void hub_site::drive_x(layer_id layer, neuron_id piece) noexcept {
  const id_range targets = grid_.neurons(share_.blocks.begin + piece);
  pull(circuits().dx, w_driving(), nullptr, targets.begin, targets.end,
       drive_.data() - share_.neurons.begin);
  count_drive_x(layer, targets);
}

void hub_site::count_drive_x(layer_id layer, id_range targets) noexcept {
  const projection& dx = circuits().dx;
  counts_.synaptic_events += spikes_of(spike_source::w) && layer > 1
                                 ? pulled_events(spike_source::w, layer, dx, w_driving(), nullptr,
                                                 targets.begin, targets.end)
                                 : edges_into(dx, targets);
  if (const layer_controls* c = controls_of(layer))
    for (const cut_term& cut : c->cut_gx)
      if (targets.contains(cut.target))
        drive_[cut.target - share_.neurons.begin] -= static_cast<float>(cut.value);
}

// All streams need all rows of Dx: each row is loaded once for several of them.
bool hub_site::perform_piece_batch(const step& s, neuron_id piece,
                                   std::span<cpu_site* const> streams) noexcept {
  const projection& dx = circuits().dx;
  if (s.what != action::propagate_gx || streams.size() == 1 || !dx.is_dense()) return false;
  const id_range targets = grid_.neurons(share_.blocks.begin + piece);
  constexpr std::size_t most = 16;
  for (std::size_t first = 0; first < streams.size(); first += most) {
    const auto some = streams.subspan(first, std::min(most, streams.size() - first));
    const float* w[most];
    float* drive[most];
    for (std::size_t k = 0; k < some.size(); ++k) {
      auto& stream = static_cast<hub_site&>(*some[k]);
      w[k] = stream.w_driving();
      drive[k] = stream.drive_.data() - share_.neurons.begin;
    }
    dx.view().visit([&](const auto* weights) {
      bodies_.pull_dense_batch({.rows = weights,
                                .width = dx.columns(),
                                .streams = static_cast<kernels::index>(some.size()),
                                .activity = w,
                                .out = drive},
                               targets.begin, targets.end);
    });
  }
  for (cpu_site* stream : streams) static_cast<hub_site*>(stream)->count_drive_x(s.layer, targets);
  return true;
}

void hub_site::drive_y(layer_id layer, neuron_id piece) noexcept {
  const projection& dy = circuits().dy;
  const auto [first, last] = active_in(piece, active_x_);
  const head_id h = grid_.head(share_.blocks.begin + piece);  // a head's neurons hear their own A
  pull(dy, a_sent(h), active_x_.id.data(), first, last, y_drive_.data(), active_x_.count);
  if (spikes_of(spike_source::a))
    counts_.synaptic_events +=
        pulled_events(spike_source::a, layer, dy, a_sent(h), active_x_.id.data(), first, last);
  else
    for (neuron_id j = first; j < last; ++j)
      counts_.synaptic_events += row_edges(dy, active_x_.id[j]);
}

void hub_site::read(variable v, std::span<float> out) const {
  cpu_site::read(v, out);
  if (v == variable::w) std::copy(w_.begin(), w_.end(), out.begin());
  if (v == variable::a) std::copy(a_.begin(), a_.end(), out.begin());
}

void hub_site::read_sent(variable v, std::span<float> out) const {
  cpu_site::read_sent(v, out);
  if (v == variable::w) std::copy_n(w_driving(), model_.hubs(), out.begin());
  if (v == variable::a) std::copy_n(a_sent(0), a_.size(), out.begin());
}

void hub_site::load_state(const token_values& last) noexcept {
  active_x_.count = active_y_.count = 0;
  for (neuron_id i = share_.neurons.begin; i < share_.neurons.end; ++i) {
    const float x = last.x[i], y = last.y[i];
    x_[i - share_.neurons.begin] = x;
    if (x != 0.0f) active_x_.add(i, x);
    if (y != 0.0f) active_y_.add(i, y);
  }
  std::copy_n(last.w, w_.size(), w_.begin());
  for (std::size_t h = 0; h < last.a.size(); ++h)
    std::copy_n(last.a[h], model_.hubs(), a_.begin() + h * model_.hubs());
  gains_.y = last.gain_y;
  gains_.w = last.gain_w;
  std::copy_n(last.logits, logits_.all.size(), logits_.all.begin());
  faults_.first.reset();
  rows_layer_ = 0;
  if (learning_) learning_->known = false;
}

std::size_t hub_site::state_bytes() const noexcept {
  std::size_t bytes = cpu_site::state_bytes() + a_.bytes() + active_rows_.id.bytes() +
                      active_rows_.value.bytes() + turned_.bytes() + decay_.bytes() +
                      pairs_.bytes();
  bytes += rounding_.bytes() + sent_.w_mask.bytes() + (learning_ ? learning_->bytes() : 0);
  for (const array<float>* a : {&sent_.w_driving, &sent_.w_written, &sent_.a, &sent_.found})
    bytes += a->bytes();
  for (const synapse_rows& own : layers_)
    bytes += own.stored.bytes() + own.rounded.bytes() + own.last_used.bytes();
  return bytes;
}

}  // namespace bdh
