// Prompts in blocks, token by token: the order of a layer's passes, A and W, the readout, and the
// state that the sites are left with.
#include "kernels/cpu/prefill.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/sincos.hpp"
#include "kernels/cpu/hub_prefill.hpp"

namespace bdh {

using kernels::block_tokens;

namespace {

constexpr std::uint64_t first_bits(std::size_t count) {
  return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

}  // namespace

hub_prefill::decay_tables::decay_tables(const model& m, double retention)
    : turns(m.rotation().frequency().size() * 2 * block_tokens),
      base(max_blocks * m.rotation().frequency().size() * 2),
      falling(block_tokens),
      rising(2 * block_tokens) {
  for (neuron_id t = 0; t < block_tokens; ++t) {
    falling[t] = static_cast<float>(power(retention, t));
    rising[t] = static_cast<float>(power(retention, block_tokens - 1 - t));
  }
  for (std::size_t p = 0; p < m.rotation().frequency().size(); ++p)
    for (neuron_id t = 0; t < block_tokens; ++t) {
      const cos_sin d = sincos_turns(static_cast<double>(t) * m.rotation().frequency()[p]);
      turns[p * 2 * block_tokens + t] = static_cast<float>(d.cosine);
      turns[(p * 2 + 1) * block_tokens + t] = static_cast<float>(d.sine);
    }
}

hub_prefill::slot_values::slot_values(const model& m)
    : w(max_slots * m.hubs()),
      by_hub(max_slots * m.hubs()),
      hub_input(max_slots * m.hubs()),
      a(m.heads() * max_slots * m.hubs()),
      gain_y(max_slots),
      gain_w(max_slots),
      logits(max_slots * m.readout_nodes()),
      sensed(max_slots),
      faults(max_slots) {}

hub_prefill::neuron_values::neuron_values(const model& m, const block_grid& grid)
    : x(m.neurons() * max_slots),
      active(grid.blocks() * max_slots),
      last_x(m.neurons()),
      last_y(m.neurons()) {}

hub_prefill::section_values::section_values(const model& m, std::size_t sections)
    : part(sections * max_slots * m.hubs()),
      scores(sections * max_slots * block_tokens),
      work(sections * m.layers() * max_slots) {}

hub_prefill::hub_prefill(const model& m, const kernels::cpu_kernels& bodies, double retention,
                         std::span<const std::unique_ptr<cpu_site>> sites)
    : model_(m),
      bodies_(bodies),
      retention_(retention),
      rotates_(m.rotation().present()),
      grid_(m.heads(), m.neurons_per_head()),
      dx_(m.circuits().dx),
      dy_(m.circuits().dy),
      e_(m.circuits().e),
      readout_(m.circuits().readout),
      sections_(sections_of(m, grid_)),
      tables_(m, retention),
      slots_(m),
      neurons_(m, grid_),
      by_section_(m, sections_.size()) {
  for (const auto& s : sites) {
    sites_.push_back(static_cast<hub_site*>(s.get()));
    if (s->share().neurons.size() != 0) owners_.push_back(sites_.back());
  }
}

std::vector<hub_prefill::section> hub_prefill::sections_of(const model& m, const block_grid& grid) {
  std::vector<section> all;
  const neuron_id tiles = grid.blocks() / m.heads();
  for (head_id h = 0; h < m.heads(); ++h)
    for (neuron_id first = 0; first < tiles; first += section_tiles)
      all.push_back({.number = all.size(),
                     .head = h,
                     .first = h * tiles + first,
                     .last = h * tiles + std::min(first + section_tiles, tiles),
                     .fault = std::nullopt});
  return all;
}

hub_site& hub_prefill::owner(neuron_id tile_number) const noexcept {
  return **std::partition_point(owners_.begin(), owners_.end(), [&](const hub_site* s) {
    return s->share().blocks.end <= tile_number;
  });
}

std::optional<block_fault> hub_prefill::read(std::span<const token_id> tokens,
                                             std::uint64_t position, executor& threads) {
  split(tokens.size(), position);
  for (section& s : sections_) s.fault.reset();
  std::fill(slots_.faults.begin(), slots_.faults.end(), std::nullopt);
  std::fill(by_section_.work.begin(), by_section_.work.end(), work_done{});
  std::fill(slots_.by_hub.begin(), slots_.by_hub.end(), 0.0f);  // slots without a token
  std::fill(neurons_.active.begin(), neurons_.active.end(), 0);
  const auto for_sections = [&](auto work) {
    threads.for_each(sections_.size(), [&](std::size_t s) { work(sections_[s]); });
  };
  const auto for_tokens = [&](auto work) {
    threads.for_each(tokens.size(), [&](std::size_t t) { work(slot_of(t)); });
  };

  threads.for_each(tokens.size(), [&](std::size_t t) { sense(slot_of(t), tokens[t]); });
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    if (const std::uint64_t clock = sites_.front()->synapses(l).clock; l == 1 || clock != clock_)
      rotate_to(clock);
    for_sections([&](section& s) { compute_x(l, s); });
    for_tokens([&](std::size_t slot) { reduce_a(l, slot); });
    for_sections([&](section& s) { compute_y(l, s); });
    for_tokens([&](std::size_t slot) { reduce_w(l, slot); });
    if (auto fault = first_fault()) return fault;
  }
  const neuron_id nodes = model_.readout_nodes();
  threads.for_each((nodes + block_tokens - 1) / block_tokens, [&](std::size_t c) {
    const auto first = static_cast<neuron_id>(c * block_tokens);
    read_out({first, std::min(first + block_tokens, nodes)});
  });
  for_tokens([&](std::size_t slot) {
    check(slots_.faults[slot], slot, 0, "logit", slots_.logits.data() + slot * nodes, nodes);
  });
  store_state();
  return first_fault();
}

// The blocks of the stream that the tokens fall into.
void hub_prefill::split(std::size_t tokens, std::uint64_t position) {
  blocks_.clear();
  for (std::size_t t = 0; t < tokens; t += blocks_.back().tokens)
    blocks_.push_back(
        {std::min<std::size_t>(tokens - t, block_tokens - (position + t) % block_tokens), t});
}

void hub_prefill::rotate_to(std::uint64_t clock) noexcept {
  clock_ = clock;
  for (std::size_t q = 0; q < blocks_.size(); ++q)
    for (std::size_t p = 0; p < pairs(); ++p) {
      const cos_sin d = sincos_turns(static_cast<double>(clock + blocks_[q].first) *
                                     model_.rotation().frequency()[p]);
      tables_.base[(q * pairs() + p) * 2] = static_cast<float>(d.cosine);
      tables_.base[(q * pairs() + p) * 2 + 1] = static_cast<float>(d.sine);
    }
}

// ---- A and W of a token

void hub_prefill::reduce_a(layer_id layer, std::size_t slot) noexcept {
  const dynamics& rules = model_.rules();
  for (head_id h = 0; h < model_.heads(); ++h) {
    reduce_head(h, slot);
    check(slots_.faults[slot], slot, layer, "A at hub", a(h, slot), hubs());
    if (rules.attention_gain() || rules.centred())
      bodies_.normalise({.z = a(h, slot),
                         .n = hubs(),
                         .epsilon = static_cast<float>(rules.epsilon()),
                         .centre = rules.centred(),
                         .scale = rules.attention_gain(),
                         .gain = nullptr});
  }
}

// What the synapses brought, then what the earlier tokens of the block wrote.
void hub_prefill::reduce_head(head_id h, std::size_t slot) noexcept {
  const std::size_t in_block = slot % block_tokens;
  std::vector<const float*> parts, score_parts;
  for (const section& s : sections_) {
    if (s.head != h) continue;
    parts.push_back(part(s, slot));
    score_parts.push_back(scores(s, slot));
  }
  const auto count = static_cast<neuron_id>(parts.size());
  float score[block_tokens];
  bodies_.reduce_sections(
      {.parts = parts.data(), .width = hubs(), .count = count, .out = a(h, slot)});
  bodies_.reduce_sections(
      {.parts = score_parts.data(), .width = block_tokens, .count = count, .out = score});
  for (std::size_t earlier = 0; earlier < in_block; ++earlier)
    score[earlier] *= tables_.falling[in_block - earlier];
  const std::uint64_t earlier = first_bits(in_block);
  bodies_.block_push({.rows = w(slot - in_block),
                      .stride = hubs(),
                      .width = hubs(),
                      .coefficient = score,
                      .by_target = 0,
                      .by_source = 1,
                      .active = &earlier,
                      .targets = 1,
                      .decay = nullptr,
                      .out = a(h, slot),
                      .out_stride = hubs()});
}

void hub_prefill::sense(std::size_t slot, token_id token) noexcept {
  const projection& sensory = model_.circuits().sensory;
  float* const input = slots_.hub_input.data() + slot * hubs();
  slots_.sensed[slot] = row_edges(sensory, token);
  std::fill_n(w(slot), hubs(), 0.0f);
  if (sensory.is_dense()) {
    for (neuron_id k = 0; k < hubs(); ++k) input[k] = sensory.weight(edge_id{token} * hubs() + k);
  } else {
    std::fill_n(input, hubs(), 0.0f);
    for (edge_id e = sensory.indptr()[token]; e < sensory.indptr()[token + 1]; ++e)
      input[sensory.indices()[e]] = sensory.weight(e);
  }
  set_w(0, slot, true);
}

void hub_prefill::reduce_w(layer_id layer, std::size_t slot) noexcept {
  std::vector<const float*> parts;
  for (const section& s : sections_) parts.push_back(part(s, slot));
  bodies_.reduce_sections({.parts = parts.data(),
                           .width = hubs(),
                           .count = static_cast<neuron_id>(parts.size()),
                           .out = slots_.hub_input.data() + slot * hubs()});
  set_w(layer, slot, false);
}

// What the hubs have received of a token becomes W.
void hub_prefill::set_w(layer_id layer, std::size_t slot, bool token) noexcept {
  const dynamics& rules = model_.rules();
  float* const input = slots_.hub_input.data() + slot * hubs();
  check(slots_.faults[slot], slot, layer, "W at hub", input, hubs());
  bodies_.set_hub_w({.z = input,
                     .w = w(slot),
                     .n = hubs(),
                     .epsilon = static_cast<float>(rules.epsilon()),
                     .centre = rules.centred(),
                     .scale = rules.scales_w(token),
                     .accumulate = rules.accumulates_w(token),
                     .gain_y = &slots_.gain_y[slot],
                     .gain_w = &slots_.gain_w[slot]});
  check(slots_.faults[slot], slot, layer, "W at hub", w(slot), hubs());
  const std::size_t in_block = slot % block_tokens;
  float* const by_hub = slots_.by_hub.data() + (slot - in_block) * hubs() + in_block;
  for (neuron_id m = 0; m < hubs(); ++m) by_hub[std::size_t{m} * block_tokens] = w(slot)[m];
}

void hub_prefill::read_out(id_range nodes) noexcept {
  array<float> scratch = readout_.scratch();
  const float* const dense = readout_.dense(nodes, scratch);
  alignas(64) tile out;
  for (std::size_t q = 0; q < blocks_.size(); ++q) {
    product(readout_, dense, nodes, q, out);
    for (std::size_t t = 0; t < blocks_[q].tokens; ++t)
      for (neuron_id v = 0; v < nodes.size(); ++v)
        slots_.logits[(q * block_tokens + t) * model_.readout_nodes() + nodes.begin + v] =
            out[v * block_tokens + t];
  }
}

// ---- the end of a call

// The sites are as after the last token.
void hub_prefill::store_state() {
  std::uint64_t tokens = 0;
  for (const block& b : blocks_) tokens += b.tokens;
  const std::size_t last = (blocks_.size() - 1) * block_tokens + blocks_.back().tokens - 1;
  std::vector<const float*> a_of_heads;
  for (head_id h = 0; h < model_.heads(); ++h) a_of_heads.push_back(a(h, last));
  for (hub_site* s : sites_) {
    for (layer_id l = 1; l <= model_.layers(); ++l) s->synapses(l).clock += tokens;
    s->load_state({.x = neurons_.last_x.data(),
                   .y = neurons_.last_y.data(),
                   .w = w(last),
                   .a = a_of_heads,
                   .gain_y = slots_.gain_y[last],
                   .gain_w = slots_.gain_w[last],
                   .logits = slots_.logits.data() + last * model_.readout_nodes()});
  }
}

std::span<const float> hub_prefill::logits(std::size_t token) const noexcept {
  const std::size_t nodes = model_.readout_nodes();
  return {slots_.logits.data() + slot_of(token) * nodes, nodes};
}

block_counts hub_prefill::counts(std::size_t token) const {
  const std::size_t slot = slot_of(token);
  const edge_id dx = model_.circuits().dx.edges(), readout = model_.circuits().readout.edges();
  block_counts all{.active_x = std::vector<neuron_id>(model_.layers()),
                   .active_y = std::vector<neuron_id>(model_.layers()),
                   .synaptic_events = slots_.sensed[slot] + readout,
                   .hebbian_writes = 0};
  for (std::size_t l = 0; l < model_.layers(); ++l) {
    all.synaptic_events += dx;
    for (std::size_t s = 0; s < sections_.size(); ++s) {
      const work_done& d = by_section_.work[(s * model_.layers() + l) * max_slots + slot];
      all.active_x[l] += d.x;
      all.active_y[l] += d.y;
      all.synaptic_events += std::uint64_t{d.used} * hubs() + d.dy + d.e;
      all.hebbian_writes += std::uint64_t{d.used} * hubs();
    }
  }
  return all;
}

void hub_prefill::check(std::optional<block_fault>& fault, std::size_t slot, layer_id layer,
                        const char* what, const float* values, neuron_id count) const {
  if (fault || bodies_.all_finite({.values = values, .n = count})) return;
  const auto bad = static_cast<std::size_t>(
      std::find_if(values, values + count, [](float v) { return !std::isfinite(v); }) - values);
  fault = {token_at(slot), {0, layer, what, static_cast<std::uint32_t>(bad), values[bad]}};
}

std::optional<block_fault> hub_prefill::first_fault() const {
  std::optional<block_fault> first;
  const auto consider = [&](const std::optional<block_fault>& f) {
    if (f && (!first || f->token < first->token)) first = f;
  };
  for (const auto& f : slots_.faults) consider(f);
  for (const section& s : sections_) consider(s.fault);
  return first;
}

std::size_t hub_prefill::bytes() const noexcept {
  std::size_t bytes = neurons_.active.bytes() + by_section_.work.size() * sizeof(work_done);
  for (const array<float>* part :
       {&tables_.turns, &tables_.base, &tables_.falling, &tables_.rising, &slots_.w, &slots_.by_hub,
        &slots_.hub_input, &slots_.a, &neurons_.x, &by_section_.part, &by_section_.scores,
        &slots_.gain_y, &slots_.gain_w, &slots_.logits, &neurons_.last_x, &neurons_.last_y})
    bytes += part->bytes();
  return bytes;
}

std::unique_ptr<prefill_reader> make_hub_prefill(const model& m, const kernels::cpu_kernels& bodies,
                                                 double retention,
                                                 std::span<const std::unique_ptr<cpu_site>> sites) {
  return std::make_unique<hub_prefill>(m, bodies, retention, sites);
}

}  // namespace bdh
