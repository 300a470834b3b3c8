#include "kernels/cpu/prefill.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "core/base/sincos.hpp"

namespace bdh {
namespace {

using kernels::block_tokens;
using kernels::half_block;
using tile = float[block_tokens * block_tokens];  // neurons x tokens of a block
using masks = std::uint64_t[block_tokens];

constexpr neuron_id section_tiles = 32;
constexpr std::size_t most_blocks = block_span / block_length;  // side by side
constexpr std::size_t most_places =
    most_blocks * block_tokens;  // of tokens: block q has places 64 q, 64 q + 1, ...

constexpr std::uint64_t first_bits(std::size_t count) {
  return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// The weights of a projection as the bodies of blocks read them, float32: rounded ones are widened,
// tile by tile where rows are dense.
class weights_of {
 public:
  explicit weights_of(const projection& p)
      : edges_(p), widened_(p.is_bfloat16() && !p.is_dense() ? p.edges() : 0) {
    for (edge_id e = 0; e < widened_.size(); ++e) widened_[e] = p.weight(e);
  }
  const projection& edges() const noexcept { return edges_; }
  const float* sparse() const noexcept {
    return widened_.empty() ? edges_.view().wide : widened_.data();
  }
  // `scratch`: a tile of rows, or nothing where none is needed.
  array<float> scratch() const {
    return array<float>(edges_.is_dense() && edges_.is_bfloat16()
                            ? std::size_t{block_tokens} * edges_.columns()
                            : 0);
  }
  const float* dense(id_range rows, array<float>& scratch) const noexcept {
    const std::size_t first = std::size_t{rows.begin} * edges_.columns(),
                      count = std::size_t{rows.size()} * edges_.columns();
    if (!edges_.is_bfloat16()) return edges_.view().wide + first;
    for (std::size_t k = 0; k < count; ++k) scratch[k] = to_float(edges_.view().narrow[first + k]);
    return scratch.data();
  }
  kernels::soon soon(id_range rows) const noexcept {
    if (!edges_.is_dense() || edges_.is_bfloat16()) return {};
    const float* const first = edges_.view().wide + std::size_t{rows.begin} * edges_.columns();
    return {reinterpret_cast<const char*>(first),
            reinterpret_cast<const char*>(first + std::size_t{rows.size()} * edges_.columns())};
  }

 private:
  const projection& edges_;
  array<float> widened_;
};

class reader final : public prefill_reader {
 public:
  reader(const model& m, const kernels::cpu_kernels& bodies, double retention,
         std::span<const std::unique_ptr<cpu_site>> sites);

  std::optional<block_fault> read(std::span<const token_id> tokens, std::uint64_t position,
                                  executor& threads) override;
  std::span<const float> logits(std::size_t token) const noexcept override {
    return {logits_.data() + place(token) * model_.readout_nodes(), model_.readout_nodes()};
  }
  block_counts counts(std::size_t token) const override;
  std::size_t bytes() const noexcept override;

 private:
  struct block {
    std::size_t tokens, first;  // first: of the tokens given
  };
  struct section {
    head_id head;
    neuron_id first, last;  // tiles [first, last)
    std::optional<block_fault> fault;
  };
  // Of one token in one layer and section.
  struct work_done {
    std::uint32_t x, y, used;  // neurons with X, with Y, with synapses in use
    std::uint64_t dy, e;       // edges
  };

  void cut(std::size_t tokens, std::uint64_t position);
  void turn_to(std::uint64_t clock) noexcept;
  // Only the first block may lack its beginning, only the last one its end.
  std::size_t place(std::size_t token) const noexcept {
    return token < blocks_.front().tokens ? token : token - blocks_.front().tokens + block_tokens;
  }
  std::size_t token_at(std::size_t place) const noexcept {
    return place < block_tokens ? place : place - block_tokens + blocks_.front().tokens;
  }

  void sense(std::size_t at, token_id token) noexcept;
  void believe(layer_id layer, section& s, std::size_t number) noexcept;
  void use_synapses(layer_id layer, section& s, std::size_t number, neuron_id tile_number,
                    std::size_t q, const float* x) noexcept;
  void hear_a(layer_id layer, std::size_t at) noexcept;
  void conclude(layer_id layer, const section& s, std::size_t number) noexcept;
  void hear_w(layer_id layer, std::size_t at) noexcept;
  void set_w(layer_id layer, std::size_t at, bool token) noexcept;
  void read_out(id_range nodes) noexcept;
  void product(const weights_of& p, const float* dense, id_range rows, std::size_t q, float* out,
               kernels::soon next = {}) const noexcept;
  void leave();

  void check(std::optional<block_fault>& fault, std::size_t at, layer_id layer, const char* what,
             const float* values, neuron_id count) const;
  void check_x(section& s, layer_id layer, id_range rows, std::size_t q, const float* x) const;
  std::optional<block_fault> first_fault() const;

  kernels::soon stored_soon(layer_id layer, neuron_id tile_number, std::size_t q) const noexcept;
  neuron_id hubs() const noexcept { return model_.hubs(); }
  neuron_id filled(std::size_t q) const noexcept {
    return blocks_[q].tokens <= half_block ? half_block : block_tokens;
  }
  std::size_t pairs() const noexcept { return model_.rotation().frequency().size(); }
  hub_site& owner(neuron_id tile_number) const noexcept;
  std::uint64_t* active(neuron_id tile_number, std::size_t q) noexcept {
    return active_.data() + (std::size_t{tile_number} * most_blocks + q) * block_tokens;
  }
  float* x_of(neuron_id neuron, std::size_t q) noexcept {
    return x_.data() + neuron * most_places + q * block_tokens;
  }
  float* part(std::size_t number, std::size_t at) noexcept {
    return part_.data() + (number * most_places + at) * hubs();
  }
  float* scores(std::size_t number, std::size_t at) noexcept {
    return scores_.data() + (number * most_places + at) * block_tokens;
  }
  float* a(head_id head, std::size_t at) noexcept {
    return a_.data() + (head * most_places + at) * hubs();
  }
  float* w(std::size_t at) noexcept { return w_.data() + at * hubs(); }
  work_done& done(std::size_t number, layer_id layer, std::size_t at) noexcept {
    return done_[(number * model_.layers() + layer - 1) * most_places + at];
  }

  const model& model_;
  const kernels::cpu_kernels& bodies_;
  const double retention_;
  const bool rotates_;
  const block_grid grid_;
  const weights_of dx_, dy_, e_, readout_;
  std::vector<hub_site*> sites_, owners_;  // owners: those that have neurons, ascending
  std::vector<section> sections_;
  std::vector<block> blocks_;
  std::uint64_t clock_ = 0;  // of the layer, at the first token given

  array<float> turns_;  // by pair of a head: (64) cosines and (64) sines of 0 ... 63 tokens
  array<float> base_;   // blocks x pairs of a head x (cosine, sine), at the block's first token
  array<float> falling_, rising_;  // u^t; u^(63 - t), then zeros
  array<float> w_, by_hub_;        // places x hubs; the same as blocks x hubs x 64
  array<float> heard_;             // places x hubs
  array<float> a_;                 // heads x places x hubs
  array<float> x_;  // neurons x places: of each block X that is not zero, by ascending token
  array<std::uint64_t> active_;   // tiles x blocks x 64: tokens that have X, by neuron
  array<float> part_;             // sections x places x hubs: of A, then of W
  array<float> scores_;           // sections x places x 64
  array<float> gain_y_, gain_w_;  // places
  array<float> logits_;           // places x readout nodes
  array<float> last_x_, last_y_;  // neurons: of the last token
  std::vector<work_done> done_;   // sections x layers x places
  std::vector<edge_id> sensed_;   // places: edges of the sensory node
  std::vector<std::optional<block_fault>> faults_;  // places
};

reader::reader(const model& m, const kernels::cpu_kernels& bodies, double retention,
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
      turns_(pairs() * 2 * block_tokens),
      base_(most_blocks * pairs() * 2),
      falling_(block_tokens),
      rising_(2 * block_tokens),
      w_(most_places * m.hubs()),
      by_hub_(most_places * m.hubs()),
      heard_(most_places * m.hubs()),
      a_(m.heads() * most_places * m.hubs()),
      x_(m.neurons() * most_places),
      active_(grid_.blocks() * most_places),
      gain_y_(most_places),
      gain_w_(most_places),
      logits_(most_places * m.readout_nodes()),
      last_x_(m.neurons()),
      last_y_(m.neurons()),
      sensed_(most_places),
      faults_(most_places) {
  for (const auto& s : sites) {
    sites_.push_back(static_cast<hub_site*>(s.get()));
    if (s->share().neurons.size() != 0) owners_.push_back(sites_.back());
  }
  const neuron_id tiles = grid_.blocks() / m.heads();
  for (head_id h = 0; h < m.heads(); ++h)
    for (neuron_id first = 0; first < tiles; first += section_tiles)
      sections_.push_back(
          {h, h * tiles + first, h * tiles + std::min(first + section_tiles, tiles), std::nullopt});
  part_ = array<float>(sections_.size() * most_places * m.hubs());
  scores_ = array<float>(sections_.size() * most_places * block_tokens);
  done_.resize(sections_.size() * m.layers() * most_places);
  for (neuron_id t = 0; t < block_tokens; ++t) {
    falling_[t] = static_cast<float>(power(retention, t));
    rising_[t] = static_cast<float>(power(retention, block_tokens - 1 - t));
  }
  for (std::size_t p = 0; p < pairs(); ++p)
    for (neuron_id t = 0; t < block_tokens; ++t) {
      const cos_sin d = sincos_turns(static_cast<double>(t) * m.rotation().frequency()[p]);
      turns_[p * 2 * block_tokens + t] = static_cast<float>(d.cosine);
      turns_[(p * 2 + 1) * block_tokens + t] = static_cast<float>(d.sine);
    }
}

hub_site& reader::owner(neuron_id tile_number) const noexcept {
  return **std::partition_point(owners_.begin(), owners_.end(), [&](const hub_site* s) {
    return s->share().blocks.end <= tile_number;
  });
}

std::optional<block_fault> reader::read(std::span<const token_id> tokens, std::uint64_t position,
                                        executor& threads) {
  cut(tokens.size(), position);
  for (section& s : sections_) s.fault.reset();
  std::fill(faults_.begin(), faults_.end(), std::nullopt);
  std::fill(done_.begin(), done_.end(), work_done{});
  std::fill(by_hub_.begin(), by_hub_.end(), 0.0f);  // places without a token
  std::fill(active_.begin(), active_.end(), 0);
  const auto for_sections = [&](auto work) {
    threads.for_each(sections_.size(), [&](std::size_t s) { work(sections_[s], s); });
  };
  const auto for_tokens = [&](auto work) {
    threads.for_each(tokens.size(), [&](std::size_t t) { work(place(t)); });
  };

  threads.for_each(tokens.size(), [&](std::size_t t) { sense(place(t), tokens[t]); });
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    if (const std::uint64_t clock = sites_.front()->synapses(l).clock; l == 1 || clock != clock_)
      turn_to(clock);
    for_sections([&](section& s, std::size_t number) { believe(l, s, number); });
    for_tokens([&](std::size_t at) { hear_a(l, at); });
    for_sections([&](const section& s, std::size_t number) { conclude(l, s, number); });
    for_tokens([&](std::size_t at) { hear_w(l, at); });
    if (auto fault = first_fault()) return fault;
  }
  const neuron_id nodes = model_.readout_nodes();
  threads.for_each((nodes + block_tokens - 1) / block_tokens, [&](std::size_t c) {
    const auto first = static_cast<neuron_id>(c * block_tokens);
    read_out({first, std::min(first + block_tokens, nodes)});
  });
  for_tokens([&](std::size_t at) {
    check(faults_[at], at, 0, "logit", logits_.data() + at * nodes, nodes);
  });
  leave();
  return first_fault();
}

// The blocks of the stream that the tokens fall into.
void reader::cut(std::size_t tokens, std::uint64_t position) {
  blocks_.clear();
  for (std::size_t t = 0; t < tokens; t += blocks_.back().tokens)
    blocks_.push_back(
        {std::min<std::size_t>(tokens - t, block_tokens - (position + t) % block_tokens), t});
}

void reader::turn_to(std::uint64_t clock) noexcept {
  clock_ = clock;
  for (std::size_t q = 0; q < blocks_.size(); ++q)
    for (std::size_t p = 0; p < pairs(); ++p) {
      const cos_sin d = sincos_turns(static_cast<double>(clock + blocks_[q].first) *
                                     model_.rotation().frequency()[p]);
      base_[(q * pairs() + p) * 2] = static_cast<float>(d.cosine);
      base_[(q * pairs() + p) * 2 + 1] = static_cast<float>(d.sine);
    }
}

// ---- X, and what it finds in the synapses

// `dense`: the rows, where they are dense.
void reader::product(const weights_of& p, const float* dense, id_range rows, std::size_t q,
                     float* out, kernels::soon next) const noexcept {
  const float* const by_hub = by_hub_.data() + q * block_tokens * hubs();
  if (p.edges().is_dense())
    bodies_.block_product({dense, by_hub, rows.size(), hubs(), filled(q), out, next});
  else
    bodies_.block_product_sparse({p.edges().indptr().data(), p.edges().indices().data(), p.sparse(),
                                  by_hub, rows.begin, rows.size(), filled(q), out});
}

void reader::believe(layer_id layer, section& s, std::size_t number) noexcept {
  const std::size_t places = blocks_.size() * block_tokens;
  std::fill_n(part(number, 0), places * hubs(), 0.0f);
  std::fill_n(scores(number, 0), places * block_tokens, 0.0f);
  array<float> scratch = dx_.scratch();
  alignas(64) tile x;
  for (neuron_id b = s.first; b < s.last; ++b) {
    const id_range rows = grid_.neurons(b);
    const float* const dense = dx_.edges().is_dense() ? dx_.dense(rows, scratch) : nullptr;
    for (std::size_t q = 0; q < blocks_.size(); ++q) {
      const kernels::soon next = b + 1 == s.last ? kernels::soon{} : stored_soon(layer, b + 1, q);

      product(dx_, dense, rows, q, x, next);
      if (!bodies_.block_threshold({x, rows.size(), filled(q),
                                    model_.rules().x() == x_rule::accumulate, x_of(rows.begin, q),
                                    most_places, active(b, q)}))
        check_x(s, layer, rows, q, x);
      use_synapses(layer, s, number, b, q, x);
    }
  }
}

// A tile's synapses are brought in while the tile before is computed, a share by each of its
// blocks.
kernels::soon reader::stored_soon(layer_id layer, neuron_id tile_number,
                                  std::size_t q) const noexcept {
  hub_site& site = owner(tile_number);
  const id_range neurons = grid_.neurons(tile_number);
  const std::size_t bytes = std::size_t{neurons.size()} * hubs() * sizeof(float),
                    share = (bytes / blocks_.size() + 63) / 64 * 64;
  const auto* const rows = reinterpret_cast<const char*>(
      site.synapses(layer).stored.data() +
      std::size_t{neurons.begin - site.share().neurons.begin} * hubs());
  return {rows + std::min(q * share, bytes), rows + std::min((q + 1) * share, bytes)};
}

// The block's tokens read what earlier blocks left; then, once, the rows take what the block
// writes.
void reader::use_synapses(layer_id layer, section& s, std::size_t number, neuron_id tile_number,
                          std::size_t q, const float* x) noexcept {
  const id_range neurons = grid_.neurons(tile_number);
  const std::size_t tokens = blocks_[q].tokens;
  const std::uint64_t clock = clock_ + blocks_[q].first;
  const std::size_t at = q * block_tokens;
  const auto count = static_cast<neuron_id>(tokens);
  alignas(64) tile turned, aged, written;
  masks pairs_used, by_token;

  const std::uint64_t* const active_x = active(tile_number, q);
  kernels::transpose_bits(active_x, by_token);
  for (std::size_t t = 0; t < tokens; ++t)
    done(number, layer, at + t).x += static_cast<std::uint32_t>(kernels::count_bits(by_token[t]));

  const std::uint64_t* used = active_x;
  if (rotates_) {
    const std::size_t first = neurons.begin % model_.neurons_per_head();
    bodies_.block_turn({x, neurons.size(), active_x, base_.data() + q * pairs() * 2 + first,
                        turns_.data() + first * block_tokens, turned, pairs_used});
    x = turned;
    used = pairs_used;
    kernels::transpose_bits(used, by_token);
  }
  for (std::size_t t = 0; t < tokens; ++t)
    done(number, layer, at + t).used +=
        static_cast<std::uint32_t>(kernels::count_bits(by_token[t]));

  hub_site& site = owner(tile_number);
  hub_site::synapse_rows& own = site.synapses(layer);
  const std::size_t first = neurons.begin - site.share().neurons.begin;
  float* const stored = own.stored.data() + first * hubs();
  const neuron_id unit = rotates_ ? 2 : 1;
  const bool ages = retention_ != 1.0;
  float kept[block_tokens], kept_to_write[block_tokens];
  for (neuron_id j = 0; j < neurons.size(); ++j) {
    if (used[j] == 0) continue;
    std::uint64_t& last = own.last_used[(first + j) / unit];
    const std::uint64_t write = clock + static_cast<std::uint64_t>(std::bit_width(used[j]) - 1);
    if (ages) {
      kept[j] = static_cast<float>(power(retention_, clock - last));
      kept_to_write[j] = static_cast<float>(power(retention_, write - last));
    }
    if (j % unit == unit - 1) last = write;
  }

  if (ages)
    bodies_.block_age(
        {x, used, kept, falling_.data(), rising_.data(), neurons.size(), aged, written});
  bodies_.block_push({stored, hubs(), hubs(), ages ? aged : x, 1, block_tokens, by_token, count,
                      nullptr, part(number, at), hubs()});
  const neuron_id half = std::min(count, half_block);  // scores with later tokens are not needed
  bodies_.block_push({x, block_tokens, half_block, x, 1, block_tokens, by_token, half, nullptr,
                      scores(number, at), block_tokens});
  bodies_.block_push({x, block_tokens, block_tokens, x + half, 1, block_tokens, by_token + half,
                      count - half, nullptr, scores(number, at + half), block_tokens});
  bodies_.block_push({w(at), hubs(), hubs(), ages ? written : x, block_tokens, 1, used,
                      neurons.size(), ages ? kept_to_write : nullptr, stored, hubs()});
  for (neuron_id j = 0; j < neurons.size(); ++j)
    if (used[j] != 0 && !s.fault && !bodies_.all_finite({stored + std::size_t{j} * hubs(), hubs()}))
      s.fault = {token_at(at + tokens - 1),
                 {0, layer, "a synapse of neuron", neurons.begin + j,
                  std::numeric_limits<float>::infinity()}};
}

// A: what the synapses brought, then what the earlier tokens of the block wrote.
void reader::hear_a(layer_id layer, std::size_t at) noexcept {
  const dynamics& rules = model_.rules();
  const std::size_t in_block = at % block_tokens;
  std::vector<const float*> parts, score_parts;
  float score[block_tokens];
  for (head_id h = 0; h < model_.heads(); ++h) {
    parts.clear();
    score_parts.clear();
    for (std::size_t s = 0; s < sections_.size(); ++s) {
      if (sections_[s].head != h) continue;
      parts.push_back(part(s, at));
      score_parts.push_back(scores(s, at));
    }
    const auto count = static_cast<neuron_id>(parts.size());
    bodies_.reduce_blocks({parts.data(), hubs(), count, a(h, at)});
    bodies_.reduce_blocks({score_parts.data(), block_tokens, count, score});
    for (std::size_t earlier = 0; earlier < in_block; ++earlier)
      score[earlier] *= falling_[in_block - earlier];
    const std::uint64_t earlier = first_bits(in_block);
    bodies_.block_push(
        {w(at - in_block), hubs(), hubs(), score, 0, 1, &earlier, 1, nullptr, a(h, at), hubs()});
    check(faults_[at], at, layer, "A at hub", a(h, at), hubs());
    if (rules.attention_gain() || rules.centred())
      bodies_.pool({a(h, at), hubs(), static_cast<float>(rules.epsilon()), rules.centred(),
                    rules.attention_gain(), nullptr});
  }
}

// ---- Y, and W

void reader::conclude(layer_id layer, const section& s, std::size_t number) noexcept {
  const projection &dy = dy_.edges(), &e = e_.edges();
  array<float> dy_scratch = dy_.scratch(), e_scratch = e_.scratch();
  std::fill_n(part(number, 0), blocks_.size() * block_tokens * hubs(), 0.0f);
  alignas(64) tile y;
  masks active_y, by_token;
  for (neuron_id b = s.first; b < s.last; ++b) {
    const id_range neurons = grid_.neurons(b);
    const float* const dy_rows = dy.is_dense() ? dy_.dense(neurons, dy_scratch) : nullptr;
    const float* const e_rows = e.is_dense() ? e_.dense(neurons, e_scratch) : nullptr;
    for (std::size_t q = 0; q < blocks_.size(); ++q) {
      const std::size_t at = q * block_tokens;
      const auto tokens = static_cast<neuron_id>(blocks_[q].tokens);
      const std::uint64_t* const active_x = active(b, q);
      const float* const x = x_of(neurons.begin, q);
      if (dy.is_dense())
        bodies_.block_fire({dy_rows, hubs(), neurons.size(), a(s.head, at), x, most_places,
                            active_x, y, active_y, q == 0 ? e_.soon(neurons) : kernels::soon{}});
      else
        bodies_.block_fire_sparse({dy.indptr().data(), dy.indices().data(), dy_.sparse(),
                                   neurons.begin, hubs(), neurons.size(), a(s.head, at), x,
                                   most_places, active_x, y, active_y});
      kernels::transpose_bits(active_y, by_token);
      if (e.is_dense())
        bodies_.block_push({e_rows, hubs(), hubs(), y, 1, block_tokens, by_token, tokens, nullptr,
                            part(number, at), hubs()});
      else
        bodies_.block_push_sparse({e.indptr().data(), e.indices().data(), e_.sparse(),
                                   neurons.begin, y, by_token, tokens, part(number, at), hubs()});
      for (neuron_id t = 0; t < tokens; ++t)
        done(number, layer, at + t).y +=
            static_cast<std::uint32_t>(kernels::count_bits(by_token[t]));
      for (neuron_id j = 0; j < neurons.size(); ++j) {
        for (std::uint64_t left = active_x[j]; left != 0; left &= left - 1)
          done(number, layer, at + static_cast<std::size_t>(std::countr_zero(left))).dy +=
              row_edges(dy, neurons.begin + j);
        for (std::uint64_t left = active_y[j]; left != 0; left &= left - 1)
          done(number, layer, at + static_cast<std::size_t>(std::countr_zero(left))).e +=
              row_edges(e, neurons.begin + j);
        if (layer == model_.layers() && q + 1 == blocks_.size()) {
          const bool has_x = active_x[j] >> (tokens - 1) & 1,
                     has_y = active_y[j] >> (tokens - 1) & 1;
          last_x_[neurons.begin + j] =
              has_x ? x[j * most_places +
                        static_cast<std::size_t>(kernels::count_bits(active_x[j])) - 1]
                    : 0.0f;
          last_y_[neurons.begin + j] = has_y ? y[j * block_tokens + tokens - 1] : 0.0f;
        }
      }
    }
  }
}

void reader::sense(std::size_t at, token_id token) noexcept {
  const projection& sensory = model_.circuits().sensory;
  float* const heard = heard_.data() + at * hubs();
  sensed_[at] = row_edges(sensory, token);
  std::fill_n(w(at), hubs(), 0.0f);
  if (sensory.is_dense()) {
    for (neuron_id k = 0; k < hubs(); ++k) heard[k] = sensory.weight(edge_id{token} * hubs() + k);
  } else {
    std::fill_n(heard, hubs(), 0.0f);
    for (edge_id e = sensory.indptr()[token]; e < sensory.indptr()[token + 1]; ++e)
      heard[sensory.indices()[e]] = sensory.weight(e);
  }
  set_w(0, at, true);
}

void reader::hear_w(layer_id layer, std::size_t at) noexcept {
  std::vector<const float*> parts;
  for (std::size_t s = 0; s < sections_.size(); ++s) parts.push_back(part(s, at));
  bodies_.reduce_blocks(
      {parts.data(), hubs(), static_cast<neuron_id>(parts.size()), heard_.data() + at * hubs()});
  set_w(layer, at, false);
}

// What the hubs have heard of a token becomes W.
void reader::set_w(layer_id layer, std::size_t at, bool token) noexcept {
  const dynamics& rules = model_.rules();
  const auto epsilon = static_cast<float>(rules.epsilon());
  float* const heard = heard_.data() + at * hubs();
  check(faults_[at], at, layer, "W at hub", heard, hubs());
  const bool gain = token ? rules.token_gain() : rules.w() != w_rule::y;
  if (gain || rules.centred())
    bodies_.pool({heard, hubs(), epsilon, rules.centred(), gain, &gain_y_[at]});
  if (token || rules.w() != w_rule::leaky_sum) {
    std::copy_n(heard, hubs(), w(at));
  } else {
    bodies_.integrate({heard, w(at), hubs()});
    bodies_.pool({w(at), hubs(), epsilon, rules.centred(), true, &gain_w_[at]});
  }
  check(faults_[at], at, layer, "W at hub", w(at), hubs());
  float* const by_hub =
      by_hub_.data() + at / block_tokens * block_tokens * hubs() + at % block_tokens;
  for (neuron_id m = 0; m < hubs(); ++m) by_hub[std::size_t{m} * block_tokens] = w(at)[m];
}

void reader::read_out(id_range nodes) noexcept {
  array<float> scratch = readout_.scratch();
  const float* const dense = readout_.edges().is_dense() ? readout_.dense(nodes, scratch) : nullptr;
  alignas(64) tile out;
  for (std::size_t q = 0; q < blocks_.size(); ++q) {
    product(readout_, dense, nodes, q, out);
    for (std::size_t t = 0; t < blocks_[q].tokens; ++t)
      for (neuron_id v = 0; v < nodes.size(); ++v)
        logits_[(q * block_tokens + t) * model_.readout_nodes() + nodes.begin + v] =
            out[v * block_tokens + t];
  }
}

// ---- the end of a call

// The sites are as after the last token.
void reader::leave() {
  std::uint64_t tokens = 0;
  for (const block& b : blocks_) tokens += b.tokens;
  const std::size_t q = blocks_.size() - 1, in_block = blocks_[q].tokens - 1,
                    last = q * block_tokens + in_block;
  std::vector<const float*> a_of_heads;
  for (head_id h = 0; h < model_.heads(); ++h) a_of_heads.push_back(a(h, last));
  for (hub_site* s : sites_) {
    for (layer_id l = 1; l <= model_.layers(); ++l) s->synapses(l).clock += tokens;
    s->take({last_x_.data(), last_y_.data(), w(last), a_of_heads, gain_y_[last], gain_w_[last],
             logits_.data() + last * model_.readout_nodes()});
  }
}

block_counts reader::counts(std::size_t token) const {
  const std::size_t at = place(token);
  const edge_id dx = model_.circuits().dx.edges(), readout = model_.circuits().readout.edges();
  block_counts all{std::vector<neuron_id>(model_.layers()), std::vector<neuron_id>(model_.layers()),
                   sensed_[at] + readout, 0};
  for (std::size_t l = 0; l < model_.layers(); ++l) {
    all.synaptic_events += dx;
    for (std::size_t s = 0; s < sections_.size(); ++s) {
      const work_done& d = done_[(s * model_.layers() + l) * most_places + at];
      all.active_x[l] += d.x;
      all.active_y[l] += d.y;
      all.synaptic_events += std::uint64_t{d.used} * hubs() + d.dy + d.e;
      all.hebbian_writes += std::uint64_t{d.used} * hubs();
    }
  }
  return all;
}

// ---- faults

void reader::check(std::optional<block_fault>& fault, std::size_t at, layer_id layer,
                   const char* what, const float* values, neuron_id count) const {
  if (fault || bodies_.all_finite({values, count})) return;
  const auto bad = static_cast<std::size_t>(
      std::find_if(values, values + count, [](float v) { return !std::isfinite(v); }) - values);
  fault = {token_at(at), {0, layer, what, static_cast<std::uint32_t>(bad), values[bad]}};
}

// The earliest token of the block, and in it the first neuron.
void reader::check_x(section& s, layer_id layer, id_range rows, std::size_t q,
                     const float* x) const {
  for (std::size_t t = 0; t < blocks_[q].tokens && !s.fault; ++t)
    for (neuron_id j = 0; j < rows.size(); ++j)
      if (const float z = x[j * block_tokens + t]; !std::isfinite(z)) {
        s.fault = {token_at(q * block_tokens + t), {0, layer, "X of neuron", rows.begin + j, z}};
        break;
      }
  if (!s.fault)  // minus infinity, which the threshold has cut off
    s.fault = {token_at(q * block_tokens),
               {0, layer, "drive of X of a neuron, not below neuron", rows.begin,
                -std::numeric_limits<float>::infinity()}};
}

std::optional<block_fault> reader::first_fault() const {
  std::optional<block_fault> first;
  const auto take = [&](const std::optional<block_fault>& f) {
    if (f && (!first || f->token < first->token)) first = f;
  };
  for (const auto& f : faults_) take(f);
  for (const section& s : sections_) take(s.fault);
  return first;
}

std::size_t reader::bytes() const noexcept {
  std::size_t bytes = active_.bytes() + done_.size() * sizeof(work_done);
  for (const array<float>* part :
       {&turns_, &base_, &falling_, &rising_, &w_, &by_hub_, &heard_, &a_, &x_, &part_, &scores_,
        &gain_y_, &gain_w_, &logits_, &last_x_, &last_y_})
    bytes += part->bytes();
  return bytes;
}

}  // namespace

std::unique_ptr<prefill_reader> hub_block_reader(const model& m, const kernels::cpu_kernels& bodies,
                                                 double retention,
                                                 std::span<const std::unique_ptr<cpu_site>> sites) {
  return std::make_unique<reader>(m, bodies, retention, sites);
}

}  // namespace bdh
