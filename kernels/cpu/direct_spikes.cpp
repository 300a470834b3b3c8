// What the sources of a direct_site emit: W over Gx and anew into the synapses, A over Gy; and the
// AND gates of its synapses.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/direct_site.hpp"

namespace bdh {

void direct_site::prepare_spikes() {
  if (w_spikes()) sent_.w_driving = array<float>(sources_);
  if (w_spikes()) sent_.w_written = array<float>(sources_);
  if (a_spikes()) {
    sent_.a = array<float>(a_.size());
    sent_.a_spikes = array<neuron_id>(a_.size());
  }
  if (!spikes_->gated()) return;
  const std::size_t words = spikes_->words(spike_source::x);
  sent_.w_mask = array<std::uint64_t>(sources_ * words);
  sent_.x_mask = array<std::uint64_t>(model_.neurons() * words);
  sent_.found = array<float>(model_.neurons());
  sent_.spiking = array<bool>(sources_);
  for (neuron_id j = 0; j < sources_; ++j) sent_.spiking[j] = spikes_of(w_of(j));
}

void direct_site::emit_w(layer_id layer, emission e, array<float>& to,
                         std::uint64_t* mask) noexcept {
  for (const id_range r : {share_.neurons, own_sensory()}) {
    if (r.size() == 0) continue;
    const float* const w = source_w_.own.data() + r.begin;
    const spike_source s = w_of(r.begin);
    if (spikes_of(s) && can_emit(model_, s, layer))
      spikes_->emit_sparse(
          s, e, layer, 0, w, r, to.data() + r.begin,
          mask ? mask + std::size_t{r.begin} * spikes_->words(spike_source::x) : nullptr);
    else
      std::copy_n(w, r.size(), to.data() + r.begin);
  }
}

// A source that does not spike has a mask of ones and its graded W.
void direct_site::gate_w(layer_id layer) noexcept {
  emit_w(layer, emission::w_write, sent_.w_written, sent_.w_mask.data());
  const std::size_t words = spikes_->words(spike_source::x);
  for (const id_range r : {share_.neurons, own_sensory()}) {
    if (r.size() == 0) continue;
    const spike_source s = w_of(r.begin);
    float* const post = sent_.w_written.data() + r.begin;
    const bool emits = spikes_of(s) && can_emit(model_, s, layer);
    if (emits) std::fill_n(post, r.size(), spikes_->how().of(s).scales[layer - 1]);
    if (!emits)
      std::fill_n(sent_.w_mask.data() + r.begin * words, r.size() * words,
                  spikes_of(s) ? 0 : ~std::uint64_t{0});
  }
}

void direct_site::reweight_coincident(layer_id layer, const edges_to& edges) noexcept {
  bodies_.reweight_coincident_edges(
      {.begin = edges.begin(),
       .end = edges.end(),
       .target = c_.gs.indices().data(),
       .rate = c_.gs.weights().data(),
       .retention = c_.retention.empty() ? nullptr : c_.retention.data(),
       .strength = strengths_.layers[layer - 1].data(),
       .words = spikes_->words(spike_source::x),
       .amount = spikes_->amounts(layer),
       .post = sent_.w_written.data(),
       .post_mask = sent_.w_mask.data(),
       .unit = units_.first.data(),
       .mask = sent_.x_mask.data(),
       .cosine = rotates_ ? units_.cosine.data() : nullptr,
       .sine = units_.sine.data(),
       .decay = units_.decay.data(),
       .age = units_.age.data(),
       .found = sent_.found.data(),
       .spiking = sent_.spiking.data()},
      units_.count);
  spikes_->count_coincidences({sent_.found.data(), units_.count});
}

// What is emitted has had its gain.
void direct_site::emit_a(layer_id layer) noexcept {
  for (head_id h = 0; h < model_.heads(); ++h)
    for (const id_range r : {share_.neurons, own_sensory()}) {
      if (r.size() == 0) continue;
      const std::size_t first = std::size_t{h} * sources_ + r.begin;
      std::transform(a_.begin() + first, a_.begin() + first + r.size(), sent_.a.begin() + first,
                     [gain = a_gain_[h]](float a) { return gain * a; });
      const spike_source s = a_of(r.begin);
      if (spikes_->how().of(s).scales[layer - 1] != 0)
        spikes_->emit_sparse(s, emission::a, layer, h, sent_.a.data() + first, r,
                             sent_.a.data() + first, nullptr);
    }
}

void direct_site::read_sent(variable v, std::span<float> out) const {
  if (v == variable::a && !a_spikes()) return read_emitted(v, out);
  cpu_site::read_sent(v, out);
  const bool w = v == variable::w && w_spikes();
  if (!w && v != variable::a) return;
  const array<float>& from = w ? sent_.w_driving : sent_.a;
  for_own_sources(w ? 1 : model_.heads(), [&](head_id, auto first, auto last) {
    std::copy(from.begin() + first, from.begin() + last, out.begin() + first);
  });
}

void direct_site::read_emitted(variable v, std::span<float> out) const {
  read(v, out);
  if (v != variable::a) return;
  for_own_sources(model_.heads(), [&](head_id h, auto first, auto last) {
    for (std::size_t k = first; k < last; ++k) out[k] = a_gain_[h] * a_[k];
  });
}

// ---- X, to the sites where its synapses are

namespace {

constexpr std::uint32_t word_bits = 32;

// Bins of a mask behind `at` bits of `to`, which are 0 there; and back.
void append_bits(const std::uint64_t* mask, std::uint32_t bins, std::uint32_t at,
                 std::uint32_t* to) noexcept {
  for (std::uint32_t b = 0; b < bins; b += word_bits) {
    const std::uint32_t count = std::min(bins - b, word_bits), word = (at + b) / word_bits,
                        shift = (at + b) % word_bits;
    const std::uint64_t some = (mask[b / 64] >> (b % 64) & ((std::uint64_t{1} << count) - 1))
                               << shift;
    to[word] |= static_cast<std::uint32_t>(some);
    if (shift + count > word_bits) to[word + 1] |= static_cast<std::uint32_t>(some >> word_bits);
  }
}
void take_bits(const std::uint32_t* from, std::uint32_t at, std::uint32_t bins,
               std::uint64_t* mask) noexcept {
  std::fill_n(mask, (bins + 63) / 64, 0);
  for (std::uint32_t b = 0; b < bins; b += word_bits) {
    const std::uint32_t count = std::min(bins - b, word_bits), word = (at + b) / word_bits,
                        shift = (at + b) % word_bits;
    std::uint64_t some = from[word] >> shift;
    if (shift + count > word_bits)
      some |= static_cast<std::uint64_t>(from[word + 1]) << (word_bits - shift);
    mask[b / 64] |= (some & ((std::uint64_t{1} << count) - 1)) << (b % 64);
  }
}

}  // namespace

// Spikes travel as bins, a bit each, where these write synapses, else as two counts in a word.
std::uint32_t direct_site::x_words() const noexcept {
  if (!spikes_of(spike_source::x)) return 2;
  if (!spikes_->gated()) return 1;
  const std::uint32_t members = rotates_ ? 2 : 1;
  return (members * spikes_->how().of(spike_source::x).bins + word_bits - 1) / word_bits;
}

// `first`: of the unit, among the own neurons.
void direct_site::append_x(layer_id layer, neuron_id first, packet& to) const noexcept {
  const float* const x = x_values() + first;
  if (!spikes_of(spike_source::x)) {
    to.value.push_back(x[0]);
    to.value.push_back(rotates_ ? x[1] : 0.0f);
    return;
  }
  std::uint32_t words[2 * kernels::most_bins / word_bits] = {};
  const std::uint32_t bins = spikes_->how().of(spike_source::x).bins;
  for (neuron_id m = 0; m < (rotates_ ? 2 : 1); ++m)
    if (spikes_->gated())
      append_bits(spikes_->x_masks() + std::size_t{first + m} * spikes_->words(spike_source::x),
                  bins, m * bins, words);
    else
      words[0] |= static_cast<std::uint32_t>(spikes_->spikes_of(spike_source::x, layer, x[m]))
                  << (16 * m);
  const std::size_t at = to.value.size();
  to.value.resize(at + x_words());
  std::memcpy(to.value.data() + at, words, x_words() * sizeof(float));
}

void direct_site::receive_x(layer_id layer, neuron_id unit, const float* from) noexcept {
  const neuron_id members = rotates_ ? 2 : 1;
  float* const x = units_.x.data() + members * unit;
  if (!spikes_of(spike_source::x)) return std::copy_n(from, members, x), void();
  std::uint32_t words[2 * kernels::most_bins / word_bits] = {};
  std::memcpy(words, from, x_words() * sizeof(float));
  const spiking::population& p = spikes_->how().of(spike_source::x);
  for (neuron_id m = 0; m < members; ++m) {
    std::uint32_t count = words[0] >> (16 * m) & 0xFFFF;
    if (spikes_->gated()) {
      const std::uint32_t of_mask = spikes_->words(spike_source::x);
      std::uint64_t* const mask = sent_.x_mask.data() + (std::size_t{unit} * members + m) * of_mask;
      take_bits(words, m * p.bins, p.bins, mask);
      count = kernels::coincidences(mask, mask, of_mask);
    }
    x[m] = kernels::spike_amount(p.scales[layer - 1], p.bins, count);
  }
}

// ---- counting: a spike travels over every edge of its sender

void direct_site::count_x_events(layer_id layer) noexcept {
  const neuron_id members = rotates_ ? 2 : 1;
  for (const edges_to& edges : gs_)
    for (neuron_id p = 0; p < units_.count; ++p)
      for (neuron_id k = 0; k < members; ++k)
        counts_.synaptic_events +=
            edges.degree(units_.first[p] + k) *
            spikes_->spikes_of(spike_source::x, layer, units_.x[members * p + k]);
}

// Of all sources, once a layer.
void direct_site::count_a_spikes(layer_id layer) noexcept {
  for (head_id h = 0; h < model_.heads(); ++h)
    for (neuron_id j = 0; j < sources_; ++j) {
      const std::size_t at = std::size_t{h} * sources_ + j;
      sent_.a_spikes[at] = static_cast<neuron_id>(spikes_->spikes_of(a_of(j), layer, sent_.a[at]));
    }
}

void direct_site::count_a_events(head_id head, neuron_id first, neuron_id last) noexcept {
  for (const projection* p : {&c_.gy_excitatory, &c_.gy_inhibitory})
    for (neuron_id j = first; j < last; ++j) {
      const neuron_id row = active_x_.id[j];
      if (!a_spikes()) {
        counts_.synaptic_events += row_edges(*p, row);
        continue;
      }
      const neuron_id* const spikes = sent_.a_spikes.data() + std::size_t{head} * sources_;
      for (edge_id e = p->indptr()[row]; e < p->indptr()[row + 1]; ++e)
        counts_.synaptic_events += spikes[p->indices()[e]];
    }
}

}  // namespace bdh
