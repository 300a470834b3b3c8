// Circuits through hubs: neurons -> hubs -> neurons, synapses neuron -> hub in the rotating frame.
#include "kernels/cpu/hub_site.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/random.hpp"
#include "core/base/sincos.hpp"

namespace bdh {

hub_site::hub_site(const model& m, const std::vector<site_share>& shares, site_id self,
                   const kernels::cpu_kernels& bodies, double retention, bool rounds_synapses)
    : cpu_site(m, shares, self, bodies, retention),
      a_(std::size_t{m.heads()} * m.hubs()),
      rounds_(rounds_synapses),
      used_(share_.neurons.size()),
      turned_(share_.neurons.size()),
      kept_(share_.neurons.size()),
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
}

std::span<const stage> hub_site::stages(action a) noexcept {
  static constexpr stage gather[] = {stage::to_hubs, stage::at_hubs, stage::arrive};
  static constexpr stage spread[] = {stage::from_hubs};
  static constexpr stage report[] = {stage::from_hubs, stage::arrive};
  static constexpr stage gather_then_local[] = {stage::to_hubs, stage::at_hubs, stage::arrive,
                                                stage::local};
  static constexpr stage local[] = {stage::local};
  switch (a) {
    case action::sense:
    case action::propagate_synapses:
    case action::update_w:
      return gather;
    case action::propagate_and_reweight:
      return gather_then_local;
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
  std::fill(a_.begin(), a_.end(), 0.0f);
  used_layer_ = 0;
  non_finite_synapse_.reset();
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
      return arrive_w(true, s.layer, received);
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
      return drive_y(piece);
    case action::threshold_y:
      return threshold_y(s.layer);
    case action::update_w:
      if (s.at == stage::to_hubs) return y_to_hubs(piece, sent);
      if (s.at == stage::at_hubs) return add_at_hubs(1, grid_.blocks(), received, sent);
      return arrive_w(false, s.layer, received);
    case action::propagate_gx:
      return drive_x(s.layer, piece);
    case action::threshold_x:
      used_layer_ = 0;
      return threshold_x(s.layer);
    case action::read_out:
      if (s.at == stage::from_hubs) return read_out_hubs(piece, sent);
      return arrive_logits(received);
  }
}

// With `reweights`, rows are written as they are read: each is read from memory once a token.
void hub_site::synapses_to_hubs(layer_id layer, bool reweights, outbox& sent) noexcept {
  use_synapses(layer);
  const bool write = reweights && !frozen(layer);
  if (write) draw_roundings(layer);
  partial_blocks_.clear();
  layers_[layer - 1].visit([&](auto* rows) {
    for_blocks(used_.id.data(), used_.count, [&](neuron_id block, neuron_id first, neuron_id last) {
      const neuron_id count = last - first, known = used_.count - first;
      const float* const aged = used_.value.data() + first;
      float* const sum = partial_.data() + partial_blocks_.size() * model_.hubs();
      if (!write)
        bodies_.push_dense({rows, model_.hubs(), model_.hubs(), share_.neurons.begin, count,
                            used_.id.data() + first, aged, sum, known});
      else if (!bodies_.push_and_reweight({reweighting(rows, first), count, known, aged, sum}))
        find_non_finite(layer, first, last);
      partial_blocks_.push_back(block);
    });
  });
  send_rows(partial_blocks_, partial_.data(), sent);
  counts_.synaptic_events += std::uint64_t{used_.count} * model_.hubs();
  if (const layer_controls* c = controls_of(layer)) cut_synapses(c->cut_synapses);
}

// A cut synapse i -> j: what it would have brought to A(j), and j to every hub, is taken out of the
// partial sum of i's block.
void hub_site::cut_synapses(const std::vector<cut_term>& cuts) noexcept {
  for (const cut_term& cut : cuts) {
    if (!share_.neurons.contains(cut.source)) continue;
    const float x = x_[cut.source - share_.neurons.begin];
    if (x == 0.0f || cut.value == 0.0) continue;  // else its block is among the active ones
    std::size_t row = 0;
    while (!grid_.neurons(partial_blocks_[row]).contains(cut.source)) ++row;
    float* const sum = partial_.data() + row * model_.hubs();
    const float term = static_cast<float>(cut.value * static_cast<double>(x));
    const bool neuron = cut.target < model_.neurons();
    const projection& p = neuron ? model_.circuits().e : model_.circuits().sensory;
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

void hub_site::arrive_a(layer_id layer, const inbox& received) noexcept {
  const dynamics& rules = model_.rules();
  const neuron_id d = model_.hubs();
  receive_hubs(received, a_.data());
  const auto look = [&] {
    for (head_id h = 0; h < model_.heads(); ++h)
      check(layer, "A at hub", a_.data() + std::size_t{h} * d, d, nullptr);
  };
  look();
  if (!rules.attention_gain() && !rules.centred()) return;
  for (head_id h = 0; h < model_.heads(); ++h)
    bodies_.pool({a_.data() + std::size_t{h} * d, d, static_cast<float>(rules.epsilon()),
                  rules.centred(), rules.attention_gain(), nullptr});
  look();
}

void hub_site::drive_x(layer_id layer, neuron_id piece) noexcept {
  const id_range targets = grid_.neurons(share_.blocks.begin + piece);
  pull(model_.circuits().dx, w_.data(), nullptr, targets.begin, targets.end,
       drive_.data() - share_.neurons.begin);
  drove_x(layer, targets);
}

void hub_site::drove_x(layer_id layer, id_range targets) noexcept {
  counts_.synaptic_events += edges_into(model_.circuits().dx, targets);
  if (const layer_controls* c = controls_of(layer))
    for (const cut_term& cut : c->cut_gx)
      if (targets.contains(cut.target))
        drive_[cut.target - share_.neurons.begin] -= static_cast<float>(cut.value);
}

// All streams need all rows of Dx: each row is loaded once for several of them.
bool hub_site::perform_at_once(const step& s, neuron_id piece,
                               std::span<cpu_site* const> streams) noexcept {
  const projection& dx = model_.circuits().dx;
  if (s.what != action::propagate_gx || streams.size() == 1 || !dx.is_dense()) return false;
  const id_range targets = grid_.neurons(share_.blocks.begin + piece);
  constexpr std::size_t most = 16;
  for (std::size_t first = 0; first < streams.size(); first += most) {
    const auto some = streams.subspan(first, std::min(most, streams.size() - first));
    const float* w[most];
    float* drive[most];
    for (std::size_t k = 0; k < some.size(); ++k) {
      auto& stream = static_cast<hub_site&>(*some[k]);
      w[k] = stream.w_.data();
      drive[k] = stream.drive_.data() - share_.neurons.begin;
    }
    dx.view().visit([&](const auto* weights) {
      bodies_.pull_dense_batch(
          {weights, dx.columns(), static_cast<kernels::index>(some.size()), w, drive},
          targets.begin, targets.end);
    });
  }
  for (cpu_site* stream : streams) static_cast<hub_site*>(stream)->drove_x(s.layer, targets);
  return true;
}

void hub_site::drive_y(neuron_id piece) noexcept {
  const projection& dy = model_.circuits().dy;
  const auto [first, last] = active_in(piece, active_x_);
  const head_id h = grid_.head(share_.blocks.begin + piece);  // a head's neurons hear their own A
  pull(dy, a_.data() + std::size_t{h} * model_.hubs(), active_x_.id.data(), first, last,
       gate_.data(), active_x_.count);
  for (neuron_id j = first; j < last; ++j)
    counts_.synaptic_events += row_edges(dy, active_x_.id[j]);
}

// Turns and ages the active rows of a layer at its present clock; done once for the read and the
// write of a token.
void hub_site::use_synapses(layer_id layer) noexcept {
  const synapse_rows& own = layers_[layer - 1];
  if (used_layer_ == layer && used_clock_ == own.clock) return;
  used_layer_ = layer;
  used_clock_ = own.clock;
  const neuron_id first = share_.neurons.begin;
  if (!rotates_) {
    std::copy_n(active_x_.id.begin(), active_x_.count, used_.id.begin());
    used_.count = active_x_.count;
    bodies_.age_neurons({used_.id.data(), x_.data(), first, own.last_used.data(), own.clock,
                         retention_, turned_.data(), used_.value.data(), kept_.data()},
                        used_.count);
    return;
  }
  pair_count_ = used_.count = 0;
  for (neuron_id j = 0; j < active_x_.count; ++j) {
    const neuron_id even =
        active_x_.id[j] & ~neuron_id{1};  // heads have an even number of neurons: parity is global
    if (pair_count_ != 0 && pairs_[pair_count_ - 1] == even) continue;
    pairs_[pair_count_++] = even;
    used_.id[used_.count++] = even;
    used_.id[used_.count++] = even + 1;
  }
  const rotation_angles::table& angle = angles_.at(own.clock);
  bodies_.turn_pairs({pairs_.data(), x_.data(), first, model_.neurons_per_head(),
                      angle.cosine.data(), angle.sine.data(), own.last_used.data(), own.clock,
                      retention_, turned_.data(), used_.value.data(), kept_.data()},
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
  for (neuron_id j = 0; j < used_.count; ++j) {
    const neuron_id i = used_.id[j], pair = i / 2;
    if (j == 0 || used_.id[j - 1] / 2 != pair)
      bits = random_bits(seed_, purpose::synapse_rounding, std::uint64_t{layer} << 32 | pair,
                         layers_[layer - 1].clock);
    rounding_[j] = i % 2 == 0 ? kernels::random_rounding{bits[0], bits[1]}
                              : kernels::random_rounding{bits[2], bits[3]};
  }
}

template <class Strength>
kernels::reweight_of<Strength> hub_site::reweighting(Strength* rows,
                                                     neuron_id first) const noexcept {
  return {rows,
          model_.hubs(),
          share_.neurons.begin,
          used_.id.data() + first,
          turned_.data() + first,
          kept_.data() + first,
          w_.data(),
          rounds_ ? rounding_.data() + first : nullptr};
}

void hub_site::find_non_finite(layer_id layer, neuron_id first, neuron_id last) noexcept {
  layers_[layer - 1].visit([&](const auto* rows) {
    for (neuron_id j = first; j < last && !non_finite_synapse_; ++j)
      if (!bodies_.all_finite(
              {rows + std::size_t{used_.id[j] - share_.neurons.begin} * model_.hubs(),
               model_.hubs()}))
        non_finite_synapse_ = used_.id[j];
  });
}

void hub_site::reweight_synapses(layer_id layer) noexcept {
  if (frozen(layer)) return;
  use_synapses(layer);
  draw_roundings(layer);
  layers_[layer - 1].visit(
      [&](auto* rows) { bodies_.reweight(reweighting(rows, 0), used_.count); });
  find_non_finite(layer, 0, used_.count);
  complete_reweight(layer);
}

// The rows in use are written: their time stamps and counts.
void hub_site::complete_reweight(layer_id layer) noexcept {
  if (frozen(layer)) return;
  synapse_rows& own = layers_[layer - 1];
  if (non_finite_synapse_ && !fault_)
    fault_ = {step_, layer, "a synapse of neuron", *non_finite_synapse_,
              std::numeric_limits<float>::infinity()};
  const neuron_id unit = rotates_ ? 2 : 1;
  for (neuron_id j = 0; j < used_.count; j += unit)
    own.last_used[(used_.id[j] - share_.neurons.begin) / unit] = own.clock;
  counts_.hebbian_writes += std::uint64_t{used_.count} * model_.hubs();
  used_layer_ = 0;
}

void hub_site::read(variable v, std::span<float> out) const {
  cpu_site::read(v, out);
  if (v == variable::w) std::copy(w_.begin(), w_.end(), out.begin());
  if (v == variable::a) std::copy(a_.begin(), a_.end(), out.begin());
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

void hub_site::save(layer_id layer, layer_synapses& to) const {
  const synapse_rows& own = layers_[layer - 1];
  to.clock = own.clock;
  float* const stored = to.stored.data() + std::size_t{share_.neurons.begin} * model_.hubs();
  std::copy(own.stored.begin(), own.stored.end(), stored);
  std::transform(own.rounded.begin(), own.rounded.end(), stored, to_float);
  std::copy(own.last_used.begin(), own.last_used.end(),
            to.last_used.begin() + share_.neurons.begin / (rotates_ ? 2 : 1));
}

void hub_site::restore(layer_id layer, const layer_synapses& from) {
  synapse_rows& own = layers_[layer - 1];
  own.clock = from.clock;
  const float* const stored =
      from.stored.begin() + std::size_t{share_.neurons.begin} * model_.hubs();
  std::copy_n(stored, own.stored.size(), own.stored.begin());
  std::transform(stored, stored + own.rounded.size(), own.rounded.begin(), to_bfloat16);
  std::copy_n(from.last_used.begin() + share_.neurons.begin / (rotates_ ? 2 : 1),
              own.last_used.size(), own.last_used.begin());
}

void hub_site::clear_synapses() noexcept {
  for (synapse_rows& own : layers_) {
    std::fill(own.stored.begin(), own.stored.end(), 0.0f);
    std::fill(own.rounded.begin(), own.rounded.end(), bfloat16{});
    std::fill(own.last_used.begin(), own.last_used.end(), 0);
    own.clock = 0;
  }
}

void hub_site::take(const token_values& last) noexcept {
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
  gain_y_ = last.gain_y;
  gain_w_ = last.gain_w;
  std::copy_n(last.logits, logits_.size(), logits_.begin());
  fault_.reset();
  used_layer_ = 0;
}

std::size_t hub_site::state_bytes() const noexcept {
  std::size_t bytes = cpu_site::state_bytes() + a_.bytes() + used_.id.bytes() +
                      used_.value.bytes() + turned_.bytes() + kept_.bytes() + pairs_.bytes();
  bytes += rounding_.bytes();
  for (const synapse_rows& own : layers_)
    bytes += own.stored.bytes() + own.rounded.bytes() + own.last_used.bytes();
  return bytes;
}

}  // namespace bdh
