// Explicit circuits on a device: excitatory and inhibitory edges source -> neuron, synapses neuron
// -> source. All of them are pulled by target, since no two thread groups may add to one value;
// synapses stay in the order of their ids, and an index leads to them.
#include <algorithm>
#include <optional>

#include "gpu/engine/device_site.hpp"

namespace bdh::gpu {
namespace {

class direct_site final : public device_site {
 public:
  direct_site(const model& m, double retention);
  void upload_model() override;
  void prepare() override { gain_a_.upload(std::vector<float>(model_.heads(), 1.0f)); }
  void begin_token() override;
  void perform(action what, layer_id layer) override;
  void read(variable v, std::span<float> out) const override {
    (v == variable::x   ? x_
     : v == variable::y ? y_
     : v == variable::w ? w_source_
                        : a_)
        .download(out);
  }

 private:
  // Edges that drive X: where they end, and the row starts by source, for counting.
  struct by_target {
    device_projection edges;
    row_bins bins;
    buffer<edge_id> source_indptr;
    std::optional<projection> host;  // made when an edge is cut
  };

  const edge_id* synapse_indptr() const noexcept override { return gs_.indptr.data(); }
  const float* own_retention() const noexcept override { return u_.empty() ? nullptr : u_.data(); }
  void plan_by_target(by_target& to, const projection& p);
  void pull_edges(kernels::pull_edges edges, index rows, const row_bins& bins);
  void load_by_target(by_target& to, const projection& p);
  void load_incoming();
  std::size_t incoming_row(neuron_id i, edge_id synapse) const noexcept {
    return std::size_t{i / model_.neurons_per_head()} * sources_ + c_.gs.indices()[synapse];
  }

  void sense();
  void use(layer_id layer);
  void propagate_synapses(layer_id layer);
  void hear_gain();
  void reweight(layer_id layer);
  void drive_x(layer_id layer);
  void drive_y(layer_id layer);
  void update_w();
  void remove(float* from);
  // Cut edges carry nothing: their weights are 0 on the device until they are put back.
  void mute(const device_projection& weights, const projection& p, const projection* pulled,
            const std::vector<edge_id>& muted, bool back);
  void pull_x(by_target& circuit, const projection& p, const std::vector<edge_id>* muted,
              buffer<float>& out);
  void pull_y(device_projection& circuit, const projection& p, const std::vector<edge_id>* muted,
              buffer<float>& out);
  mute_strengths muting(layer_id layer, const std::vector<edge_id>& muted);

  const direct_circuits& c_;
  const index sources_;
  const index sensory_blocks_, all_blocks_;  // of sources
  by_target gx_excitatory_, gx_inhibitory_;
  device_projection gy_excitatory_, gy_inhibitory_, gs_, tokens_;
  buffer<float> u_;
  // Synapses by head and target: row h * sources + j.
  buffer<edge_id> incoming_, incoming_edge_;
  buffer<neuron_id> incoming_source_;
  row_bins incoming_bins_;
  buffer<index> block_first_, sensory_first_;  // first source of each block
  buffer<float> w_source_, a_, gain_a_, excitatory_, inhibitory_;
  allocation saved_memory_;
  buffer<float> unit_x_, unit_cosine_, unit_sine_, kept_, used_x_, saved_;
  buffer<std::uint64_t> age_, used_age_;
};

direct_site::direct_site(const model& m, double retention)
    : device_site(m, retention),
      c_(m.direct()),
      sources_(m.sources()),
      sensory_blocks_(items_for(sources_ - n_)),
      all_blocks_(grid_.blocks() + sensory_blocks_) {
  plan_by_target(gx_excitatory_, c_.gx_excitatory);
  plan_by_target(gx_inhibitory_, c_.gx_inhibitory);
  gy_excitatory_.plan(model_memory_, c_.gy_excitatory);
  gy_inhibitory_.plan(model_memory_, c_.gy_inhibitory);
  gs_.plan(model_memory_, c_.gs);
  tokens_.plan(model_memory_, c_.sensory);
  readout_.plan(model_memory_, c_.readout.edges() != 0 ? c_.readout : m.circuits().readout);
  model_memory_.add(u_, c_.retention.size(), "retention of synapses");
  const std::size_t heads = m.heads();
  model_memory_.add(incoming_, heads * sources_ + 1, "gs by target, rows");
  model_memory_.add(incoming_source_, c_.gs.edges(), "gs by target, indices");
  model_memory_.add(incoming_edge_, c_.gs.edges(), "gs by target, synapses");
  std::vector<edge_id> degrees(heads * sources_);
  for (neuron_id i = 0; i < n_; ++i)
    for (edge_id e = c_.gs.indptr()[i]; e < c_.gs.indptr()[i + 1]; ++e)
      ++degrees[incoming_row(i, e)];
  incoming_bins_.plan(model_memory_, degrees, "gs by target");
  model_memory_.add(block_first_, grid_.blocks() + 1, "blocks of neurons");
  model_memory_.add(sensory_first_, sensory_blocks_ + 1, "blocks of sensory nodes");
  memory_.add(w_, d_, "W of the hubs");
  memory_.add(partial_, heads * all_blocks_ * d_, "partial sums");
  memory_.add(w_source_, sources_, "W");
  memory_.add(a_, heads * sources_, "A");
  memory_.add(gain_a_, heads, "gain of A");
  memory_.add(excitatory_, n_, "excitation");
  memory_.add(inhibitory_, n_, "inhibition");
  memory_.add(unit_x_, n_, "X of units in use");
  memory_.add(unit_cosine_, rotates_ ? m.row_units() : 0, "cosines of units in use");
  memory_.add(unit_sine_, rotates_ ? m.row_units() : 0, "sines of units in use");
  memory_.add(kept_, m.row_units(), "decay of units in use");
  memory_.add(age_, m.row_units(), "age of units in use");
  memory_.add(used_x_, n_, "X turned and aged");
  memory_.add(used_age_, n_, "age by neuron");
}

void direct_site::plan_by_target(by_target& to, const projection& p) {
  model_memory_.add(to.edges.indptr, n_ + 1, p.name() + ", rows");
  model_memory_.add(to.edges.indices, p.edges(), p.name() + ", indices");
  if (p.is_bfloat16())
    model_memory_.add(to.edges.narrow, p.edges(), p.name() + ", weights");
  else
    model_memory_.add(to.edges.weights, p.edges(), p.name() + ", weights");
  model_memory_.add(to.source_indptr, p.indptr().size(), p.name() + ", rows by source");
  std::vector<edge_id> degrees(n_);
  for (neuron_id k : p.indices()) ++degrees[k];
  to.bins.plan(model_memory_, degrees, p.name());
}

void direct_site::upload_model() {
  device_site::upload_model();
  load_by_target(gx_excitatory_, c_.gx_excitatory);
  load_by_target(gx_inhibitory_, c_.gx_inhibitory);
  gy_excitatory_.upload(c_.gy_excitatory);
  gy_inhibitory_.upload(c_.gy_inhibitory);
  gs_.upload(c_.gs);
  tokens_.upload(c_.sensory);
  readout_.upload(c_.readout.edges() != 0 ? c_.readout : model_.circuits().readout);
  u_.upload(c_.retention);
  load_incoming();
  std::vector<index> first;
  for (index b = 0; b < grid_.blocks(); ++b) first.push_back(grid_.neurons(b).begin);
  first.push_back(n_);
  block_first_.upload(first);
  first.clear();
  for (index b = 0; b <= sensory_blocks_; ++b) first.push_back(std::min(b * chunk, sources_ - n_));
  sensory_first_.upload(first);
}

void direct_site::load_by_target(by_target& to, const projection& p) {
  to.edges.upload(p.is_bfloat16() ? p.transposed().in_bfloat16() : p.transposed());
  to.source_indptr.upload(p.indptr());
  to.bins.upload();
}

void direct_site::load_incoming() {
  const projection& gs = c_.gs;
  std::vector<edge_id> begin(incoming_.size());
  incoming_bins_.upload();
  for (neuron_id i = 0; i < n_; ++i)
    for (edge_id e = gs.indptr()[i]; e < gs.indptr()[i + 1]; ++e) ++begin[incoming_row(i, e) + 1];
  for (std::size_t r = 1; r < begin.size(); ++r) begin[r] += begin[r - 1];
  incoming_.upload(begin);
  std::vector<neuron_id> source(gs.edges());
  std::vector<edge_id> edge(gs.edges());
  for (neuron_id i = 0; i < n_; ++i)
    for (edge_id e = gs.indptr()[i]; e < gs.indptr()[i + 1]; ++e) {
      const edge_id at = begin[incoming_row(i, e)]++;
      source[at] = i;
      edge[at] = e;
    }
  incoming_source_.upload(source);
  incoming_edge_.upload(edge);
}

void direct_site::begin_token() {
  device_site::begin_token();
  clear(w_source_);
  clear(a_);
}

void direct_site::perform(action what, layer_id layer) {
  const bool pool = d_ != 0;
  switch (what) {
    case action::sense:
      if (pool) sense_hubs();
      if (pool) hear_w(true, 0);
      return sense();
    case action::propagate_synapses:
      propagate_synapses(layer);
      if (model_.rules().attention_gain()) hear_gain();
      return;
    case action::reweight:
      return reweight(layer);
    case action::decay:
      ++clock_[layer - 1];
      return;
    case action::propagate_gy:
      return drive_y(layer);
    case action::threshold_y:
      return threshold_y(layer);
    case action::update_w:
      if (pool) y_to_hubs();
      if (pool) hear_w(false, layer);
      return update_w();
    case action::propagate_gx:
      return drive_x(layer);
    case action::threshold_x:
      return threshold_x(layer);
    case action::propagate_and_reweight:  // has no stages here
      return;
    case action::read_out:
      if (c_.readout.edges() != 0) return read_out(c_.readout, readout_, w_source_.data());
      return read_out(model_.circuits().readout, readout_, w_.data());
  }
}

// ---- W

void direct_site::sense() {
  const index* const token = reinterpret_cast<const index*>(token_.data());
  const bool nodes = model_.sensory_are_sources();
  launch(sense_sources{token, nodes ? nullptr : tokens_.indptr.data(), tokens_.indices.data(),
                       tokens_.weights.data(), n_,
                       model_.rules().token_gain() ? result<float>(layout_.gains) : nullptr,
                       w_source_.data()},
         {1});
  if (nodes) return;
  tally(tokens_, 0, token, nullptr, 1, per_x, edges);
  remove(w_source_.data());
}

void direct_site::update_w() {
  const w_rule rule = model_.rules().w();
  float* const gains = result<float>(layout_.gains);
  launch(update_sources{w_source_.data(), y_.data(), sources_, n_, rule == w_rule::leaky_sum,
                        rule == w_rule::y ? nullptr : gains, gains + 1},
         {items_for(sources_)});
}

// Neurons that are not there have no W and no A.
void direct_site::remove(float* from) {
  if (!controls_ || controls_->removed.empty()) return;
  std::vector<listed_value> list;
  for (neuron_id k : controls_->removed) list.push_back({k, 0.0f});
  const auto count = static_cast<index>(list.size());
  launch(hold_values{stage(std::span<const listed_value>(list)), count, from}, {items_for(count)});
}

// ---- circuits

void direct_site::mute(const device_projection& weights, const projection& p,
                       const projection* pulled, const std::vector<edge_id>& muted, bool back) {
  std::vector<listed_weight> list;
  for (edge_id e : muted) {
    const edge_id at = pulled ? *pulled->find(p.row_of(e), p.indices()[e]) : e;
    list.push_back({at, back ? p.weight(e) : 0.0f});
  }
  const auto count = static_cast<index>(list.size());
  launch(hold_weights{stage(std::span<const listed_weight>(list)), count, weights.weights.data(),
                      weights.narrow.data()},
         {items_for(count)});
}

void direct_site::pull_edges(kernels::pull_edges pulled, index rows, const row_bins& bins) {
  if (bins.many.empty()) return launch(pull_targets{pulled, rows}, {items_for(rows)});
  const auto few = static_cast<index>(bins.few.size()), many = static_cast<index>(bins.many.size());
  pulled.row = bins.few.data();
  launch(pull_targets{pulled, few}, {items_for(few)});
  pulled.row = bins.many.data();
  launch(pull_long_targets{{pulled}}, {many});
}

void direct_site::pull_x(by_target& circuit, const projection& p, const std::vector<edge_id>* muted,
                         buffer<float>& out) {
  const bool cut = muted && !muted->empty();
  if (cut && !circuit.host) circuit.host = p.transposed();
  if (cut) mute(circuit.edges, p, &*circuit.host, *muted, false);
  const device_projection& e = circuit.edges;
  pull_edges({e.indptr.data(), e.indices.data(), nullptr, e.weights.data(), e.narrow.data(),
              w_source_.data(), nullptr, nullptr, nullptr, out.data()},
             n_, circuit.bins);
  if (cut) mute(circuit.edges, p, &*circuit.host, *muted, true);
  launch(tally_active{w_source_.data(), sources_, circuit.source_indptr.data(), tallies(edges)},
         {items_for(sources_)});
}

void direct_site::drive_x(layer_id layer) {
  const layer_controls* const c = controls_of(layer);
  pull_x(gx_excitatory_, c_.gx_excitatory, c ? &c->mute_gx_excitatory : nullptr, excitatory_);
  pull_x(gx_inhibitory_, c_.gx_inhibitory, c ? &c->mute_gx_inhibitory : nullptr, inhibitory_);
  launch(balance_block{excitatory_.data(), inhibitory_.data(), drive_.data(), grid_, nullptr,
                       c ? c->inhibition : 1.0f},
         {grid_.blocks()});
}

void direct_site::pull_y(device_projection& circuit, const projection& p,
                         const std::vector<edge_id>* muted, buffer<float>& out) {
  const bool cut = muted && !muted->empty();
  if (cut) mute(circuit, p, nullptr, *muted, false);
  pull(p, circuit, list_x_.data(), count_x(), a_.data(), sources_, out.data());
  if (cut) mute(circuit, p, nullptr, *muted, true);
  tally(circuit, 0, list_x_.data(), count_x(), 1, per_x, edges);
}

void direct_site::drive_y(layer_id layer) {
  const layer_controls* const c = controls_of(layer);
  pull_y(gy_excitatory_, c_.gy_excitatory, c ? &c->mute_gy_excitatory : nullptr, excitatory_);
  pull_y(gy_inhibitory_, c_.gy_inhibitory, c ? &c->mute_gy_inhibitory : nullptr, inhibitory_);
  launch(balance_block{excitatory_.data(), inhibitory_.data(), drive_.data(), grid_, gain_a_.data(),
                       c ? c->inhibition : 1.0f},
         {grid_.blocks()});
}

// ---- synapses

// X of the active units at the layer's present clock, turned and aged.
void direct_site::use(layer_id layer) {
  if (used_layer_ == layer && used_clock_ == clock_[layer - 1]) return;
  used_layer_ = layer;
  used_clock_ = clock_[layer - 1];
  turn_to(layer);
  clear(used_x_);
  launch(use_units{unit_list(), count_units(), x_.data(), model_.neurons_per_head(),
                   rotates_ ? cosine_.data() : nullptr, sine_.data(), last_used_[layer - 1].data(),
                   clock(layer), retention_, !u_.empty(), unit_x_.data(), unit_cosine_.data(),
                   unit_sine_.data(), kept_.data(), age_.data(), used_x_.data(), used_age_.data()},
         {items_for(n_ / unit_), count_units(), chunk});
}

mute_strengths direct_site::muting(layer_id layer, const std::vector<edge_id>& muted) {
  grow(saved_memory_, saved_, 2 * muted.size(), "strengths of cut synapses");
  return {rows(layer),
          rotates_ ? cosine_.data() : nullptr,
          sine_.data(),
          stage(std::span<const edge_id>(muted)),
          static_cast<index>(muted.size()),
          saved_.data()};
}

void direct_site::propagate_synapses(layer_id layer) {
  use(layer);
  const layer_controls* const controlled = controls_of(layer);
  std::optional<mute_strengths> muted;
  if (controlled && !controlled->mute_synapses.empty())
    muted = muting(layer, controlled->mute_synapses);
  if (muted) launch(*muted, {1});
  pull_edges(
      {incoming_.data(), incoming_source_.data(), incoming_edge_.data(), stored_[layer - 1].data(),
       nullptr, used_x_.data(), own_retention(), used_age_.data(), nullptr, a_.data()},
      static_cast<index>(incoming_.size() - 1), incoming_bins_);
  if (muted) launch(unmute_strengths{*muted}, {1});
  tally(gs_, 0, unit_list(), count_units(), unit_, per_unit, edges);
  for (head_id h = 0; h < model_.heads(); ++h) {
    float* const a = a_.data() + std::size_t{h} * sources_;
    remove(a);
    launch(check_values{a, n_, log(), check(layer, "A of source")}, {items_for(n_)});
  }
}

// The gain of A: |C B A_h|, through the pool.
void direct_site::hear_gain() {
  for (head_id h = 0; h < model_.heads(); ++h) {
    const float* const a = a_.data() + std::size_t{h} * sources_;
    float* const out = partial_.data() + std::size_t{h} * all_blocks_ * d_;
    push(e_, e_.view(), identity_.data(), a, block_first_.data(), 1, grid_.blocks(), out);
    push(sensory_, sensory_.view(), identity_.data(), a + n_, sensory_first_.data(), 1,
         sensory_blocks_, out + std::size_t{grid_.blocks()} * d_);
  }
  reduce_blocks(model_.heads(), all_blocks_, heard_.data());
  launch(gpu::hear_gain{heard_.data(), d_, static_cast<float>(model_.rules().epsilon()),
                        gain_a_.data()},
         {model_.heads()});
}

void direct_site::reweight(layer_id layer) {
  if (const layer_controls* c = controls_of(layer); c && c->frozen) return;
  use(layer);
  reweight_units program{
      {gs_.indptr.data(), gs_.indptr.data() + 1, gs_.indices.data(), gs_.weights.data(),
       own_retention(), stored_[layer - 1].data(), w_source_.data(), unit_list(), unit_x_.data(),
       rotates_ ? unit_cosine_.data() : nullptr, unit_sine_.data(), kept_.data(), age_.data()},
      unit_,
      last_used_[layer - 1].data(),
      clock(layer),
      log(),
      check(layer, "a synapse of neuron"),
      short_rows};
  const extent units{n_ / unit_, count_units(), 1};
  launch(program, units);
  program.of = long_rows;
  if (gs_.has_long_rows) launch(reweight_long_units{program}, units);
  tally(gs_, 0, unit_list(), count_units(), unit_, per_unit, writes);
  used_layer_ = 0;
}

}  // namespace

std::unique_ptr<device_site> direct_device_site(const model& m, double retention) {
  return std::make_unique<direct_site>(m, retention);
}

}  // namespace bdh::gpu
