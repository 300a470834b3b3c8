// Explicit circuits on a device: excitatory and inhibitory edges source -> neuron, synapses neuron
// -> source. All of them are pulled by target, since no two thread groups may add to one value;
// synapses stay in the order of their ids, and an index leads to them.
#include <algorithm>
#include <optional>

#include "gpu/engine/device_site.hpp"
#include "gpu/engine/direct_device_arrays.hpp"

namespace bdh::gpu {
namespace {

class direct_site final : public device_site {
 public:
  direct_site(const model& m, double retention);
  void upload_model() override;
  void prepare() override { values_.gain_a.upload(std::vector<float>(model_.heads(), 1.0f)); }
  void begin_token() override;
  void perform(action what, layer_id layer) override;
  const buffer<float>& values(variable v) const override {
    if (v == variable::w) return values_.w_source;
    return v == variable::a ? values_.a : device_site::values(v);
  }

 private:
  const edge_id* synapse_indptr() const noexcept override { return circuits_.gs.indptr.data(); }
  const float* own_retention() const noexcept override {
    return circuits_.u.empty() ? nullptr : circuits_.u.data();
  }
  void pull_edges(kernels::pull_edges edges, index rows, const row_bins& bins);

  void sense();
  void use(layer_id layer);
  void propagate_synapses(layer_id layer);
  void compute_a_gain();
  void reweight(layer_id layer);
  void drive_x(layer_id layer);
  void drive_y(layer_id layer);
  void update_w();
  void remove(float* from);
  // Cut edges carry nothing: their weights are 0 on the device until they are put back.
  void mute(const device_projection& weights, const projection& p, const projection* pulled,
            const std::vector<edge_id>& muted, bool back);
  void pull_x(edges_by_target& circuit, const projection& p, const std::vector<edge_id>* muted,
              buffer<float>& out);
  void pull_y(device_projection& circuit, const projection& p, const std::vector<edge_id>* muted,
              buffer<float>& out);
  mute_strengths muting(layer_id layer, const std::vector<edge_id>& muted);

  const direct_circuits& c_;
  const index sources_;
  const index sensory_blocks_, all_blocks_;  // of sources
  direct_model_arrays circuits_;
  direct_stream_arrays values_;
  allocation saved_memory_;
  buffer<float> saved_;  // strengths of cut synapses
};

direct_site::direct_site(const model& m, double retention)
    : device_site(m, retention, nullptr),
      c_(m.direct()),
      sources_(m.sources()),
      sensory_blocks_(items_for(sources_ - n_)),
      all_blocks_(grid_.blocks() + sensory_blocks_) {
  circuits_.plan(memory_.of_model, m, grid_);
  shared_.readout.plan(memory_.of_model,
                       c_.readout.edges() != 0 ? c_.readout : m.circuits().readout);
  memory_.of_stream.add(own_.w, d_, "W of the hubs");
  memory_.of_stream.add(own_.partial, std::size_t{m.heads()} * all_blocks_ * d_, "partial sums");
  values_.plan(memory_.of_stream, m);
}

void direct_site::upload_model() {
  device_site::upload_model();
  circuits_.upload(model_, grid_);
  shared_.readout.upload(c_.readout.edges() != 0 ? c_.readout : model_.circuits().readout);
}

void direct_site::begin_token() {
  device_site::begin_token();
  clear(values_.w_source);
  clear(values_.a);
}

void direct_site::perform(action what, layer_id layer) {
  const bool pool = d_ != 0;
  switch (what) {
    case action::sense:
      if (pool) sense_hubs();
      if (pool) update_hub_w(true, 0);
      return sense();
    case action::propagate_synapses:
      propagate_synapses(layer);
      if (model_.rules().attention_gain()) compute_a_gain();
      return;
    case action::reweight:
      return reweight(layer);
    case action::decay:
      ++books_.clock[layer - 1];
      return;
    case action::propagate_gy:
      return drive_y(layer);
    case action::threshold_y:
      return threshold_y(layer);
    case action::update_w:
      if (pool) y_to_hubs();
      if (pool) update_hub_w(false, layer);
      return update_w();
    case action::propagate_gx:
      return drive_x(layer);
    case action::threshold_x:
      return threshold_x(layer);
    case action::propagate_and_reweight:  // have no stages here
    case action::return_readout:
    case action::return_gy:
    case action::return_synapses:
    case action::learn:
      return;
    case action::read_out:
      if (c_.readout.edges() != 0)
        return read_out(c_.readout, shared_.readout, values_.w_source.data());
      return read_out(model_.circuits().readout, shared_.readout, own_.w.data());
  }
}

// ---- W

void direct_site::sense() {
  const index* const token = reinterpret_cast<const index*>(own_.token.data());
  const bool nodes = model_.sensory_are_sources();
  launch(
      sense_sources{.token = token,
                    .indptr = nodes ? nullptr : circuits_.tokens.indptr.data(),
                    .target = circuits_.tokens.indices.data(),
                    .weights = circuits_.tokens.weights.data(),
                    .neurons = n_,
                    .gain = model_.rules().scales_w(true) ? result<float>(layout_.gains) : nullptr,
                    .w = values_.w_source.data()},
      {1});
  if (nodes) return;
  tally(circuits_.tokens, 0, token, nullptr, 1, per_x, edges);
  remove(values_.w_source.data());
}

void direct_site::update_w() {
  const dynamics& rules = model_.rules();
  float* const gains = result<float>(layout_.gains);
  launch(update_sources{.w = values_.w_source.data(),
                        .y = own_.y.data(),
                        .sources = sources_,
                        .neurons = n_,
                        .accumulate = rules.accumulates_w(false),
                        .gain_y = rules.scales_w(false) ? gains : nullptr,
                        .gain_w = gains + 1},
         {items_for(sources_)});
}

// Neurons that are not there have no W and no A.
void direct_site::remove(float* from) {
  if (!controls_ || controls_->removed.empty()) return;
  std::vector<listed_value> list;
  for (neuron_id k : controls_->removed) list.push_back({k, 0.0f});
  const auto count = static_cast<index>(list.size());
  launch(
      hold_values{.list = stage(std::span<const listed_value>(list)), .count = count, .into = from},
      {items_for(count)});
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
  launch(hold_weights{.list = stage(std::span<const listed_weight>(list)),
                      .count = count,
                      .into = weights.weights.data(),
                      .narrow = weights.narrow.data()},
         {items_for(count)});
}

void direct_site::pull_edges(kernels::pull_edges pulled, index rows, const row_bins& bins) {
  if (bins.many.empty())
    return launch(pull_targets{.edges = pulled, .rows = rows}, {items_for(rows)});
  const auto few = static_cast<index>(bins.few.size()), many = static_cast<index>(bins.many.size());
  pulled.row = bins.few.data();
  launch(pull_targets{.edges = pulled, .rows = few}, {items_for(few)});
  pulled.row = bins.many.data();
  launch(pull_long_targets{.rows = {.edges = pulled}}, {many});
}

void direct_site::pull_x(edges_by_target& circuit, const projection& p,
                         const std::vector<edge_id>* muted, buffer<float>& out) {
  const bool cut = muted && !muted->empty();
  if (cut && !circuit.host) circuit.host = p.transposed();
  if (cut) mute(circuit.edges, p, &*circuit.host, *muted, false);
  const device_projection& e = circuit.edges;
  pull_edges({.indptr = e.indptr.data(),
              .source = e.indices.data(),
              .edge = nullptr,
              .weights = e.weights.data(),
              .narrow = e.narrow.data(),
              .activity = values_.w_source.data(),
              .retention = nullptr,
              .age = nullptr,
              .row = nullptr,
              .out = out.data()},
             n_, circuit.bins);
  if (cut) mute(circuit.edges, p, &*circuit.host, *muted, true);
  launch(tally_active{.activity = values_.w_source.data(),
                      .n = sources_,
                      .indptr = circuit.source_indptr.data(),
                      .counted = tallies(edges)},
         {items_for(sources_)});
}

void direct_site::drive_x(layer_id layer) {
  const layer_controls* const c = controls_of(layer);
  pull_x(circuits_.gx_excitatory, c_.gx_excitatory, c ? &c->mute_gx_excitatory : nullptr,
         values_.excitatory);
  pull_x(circuits_.gx_inhibitory, c_.gx_inhibitory, c ? &c->mute_gx_inhibitory : nullptr,
         values_.inhibitory);
  launch(net_drive_block{.excitatory = values_.excitatory.data(),
                         .inhibitory = values_.inhibitory.data(),
                         .drive = own_.drive.data(),
                         .grid = grid_,
                         .gain = nullptr,
                         .inhibition = c ? c->inhibition : 1.0f},
         {grid_.blocks()});
}

void direct_site::pull_y(device_projection& circuit, const projection& p,
                         const std::vector<edge_id>* muted, buffer<float>& out) {
  const bool cut = muted && !muted->empty();
  if (cut) mute(circuit, p, nullptr, *muted, false);
  pull(p, circuit, own_.list_x.data(), count_x(), values_.a.data(), sources_, out.data());
  if (cut) mute(circuit, p, nullptr, *muted, true);
  tally(circuit, 0, own_.list_x.data(), count_x(), 1, per_x, edges);
}

void direct_site::drive_y(layer_id layer) {
  const layer_controls* const c = controls_of(layer);
  pull_y(circuits_.gy_excitatory, c_.gy_excitatory, c ? &c->mute_gy_excitatory : nullptr,
         values_.excitatory);
  pull_y(circuits_.gy_inhibitory, c_.gy_inhibitory, c ? &c->mute_gy_inhibitory : nullptr,
         values_.inhibitory);
  launch(net_drive_block{.excitatory = values_.excitatory.data(),
                         .inhibitory = values_.inhibitory.data(),
                         .drive = own_.drive.data(),
                         .grid = grid_,
                         .gain = values_.gain_a.data(),
                         .inhibition = c ? c->inhibition : 1.0f},
         {grid_.blocks()});
}

// ---- synapses

// X of the active units at the layer's present clock, turned and aged.
void direct_site::use(layer_id layer) {
  if (books_.rows_layer == layer && books_.rows_clock == books_.clock[layer - 1]) return;
  books_.rows_layer = layer;
  books_.rows_clock = books_.clock[layer - 1];
  turn_to(layer);
  clear(values_.used_x);
  launch(use_units{.unit = unit_list(),
                   .count = count_units(),
                   .x = own_.x.data(),
                   .per_head = model_.neurons_per_head(),
                   .cosine = rotates_ ? own_.cosine.data() : nullptr,
                   .sine = own_.sine.data(),
                   .last = own_.last_used[layer - 1].data(),
                   .clock = clock(layer),
                   .retention = retention_,
                   .own_retention = !circuits_.u.empty(),
                   .unit_x = values_.unit_x.data(),
                   .unit_cosine = values_.unit_cosine.data(),
                   .unit_sine = values_.unit_sine.data(),
                   .decay = values_.decay.data(),
                   .age = values_.age.data(),
                   .used_x = values_.used_x.data(),
                   .used_age = values_.used_age.data()},
         {items_for(n_ / unit_), count_units(), chunk});
}

mute_strengths direct_site::muting(layer_id layer, const std::vector<edge_id>& muted) {
  grow(saved_memory_, saved_, 2 * muted.size(), "strengths of cut synapses");
  return {.synapses = rows(layer),
          .cosine = rotates_ ? own_.cosine.data() : nullptr,
          .sine = own_.sine.data(),
          .which = stage(std::span<const edge_id>(muted)),
          .count = static_cast<index>(muted.size()),
          .saved = saved_.data()};
}

void direct_site::propagate_synapses(layer_id layer) {
  use(layer);
  const layer_controls* const controlled = controls_of(layer);
  std::optional<mute_strengths> muted;
  if (controlled && !controlled->mute_synapses.empty())
    muted = muting(layer, controlled->mute_synapses);
  if (muted) launch(*muted, {1});
  pull_edges({.indptr = circuits_.incoming.indptr.data(),
              .source = circuits_.incoming.source.data(),
              .edge = circuits_.incoming.edge.data(),
              .weights = own_.stored[layer - 1].data(),
              .narrow = nullptr,
              .activity = values_.used_x.data(),
              .retention = own_retention(),
              .age = values_.used_age.data(),
              .row = nullptr,
              .out = values_.a.data()},
             static_cast<index>(circuits_.incoming.indptr.size() - 1), circuits_.incoming.bins);
  if (muted) launch(unmute_strengths{.muted = *muted}, {1});
  tally(circuits_.gs, 0, unit_list(), count_units(), unit_, per_unit, edges);
  for (head_id h = 0; h < model_.heads(); ++h) {
    float* const a = values_.a.data() + std::size_t{h} * sources_;
    remove(a);
    launch(check_values{.values = a, .n = n_, .log = log(), .check = check(layer, "A of source")},
           {items_for(n_)});
  }
}

// The gain of A: |C B A_h|, through the pool.
void direct_site::compute_a_gain() {
  for (head_id h = 0; h < model_.heads(); ++h) {
    const float* const a = values_.a.data() + std::size_t{h} * sources_;
    float* const out = own_.partial.data() + std::size_t{h} * all_blocks_ * d_;
    push(shared_.e, shared_.e.view(), shared_.positions.data(), a, circuits_.block_first.data(), 1,
         grid_.blocks(), out);
    push(shared_.sensory, shared_.sensory.view(), shared_.positions.data(), a + n_,
         circuits_.sensory_first.data(), 1, sensory_blocks_,
         out + std::size_t{grid_.blocks()} * d_);
  }
  reduce_blocks(model_.heads(), all_blocks_, own_.hub_input.data());
  launch(gpu::compute_a_gain{.input = own_.hub_input.data(),
                             .d = d_,
                             .epsilon = static_cast<float>(model_.rules().epsilon()),
                             .gain = values_.gain_a.data()},
         {model_.heads()});
}

void direct_site::reweight(layer_id layer) {
  if (const layer_controls* c = controls_of(layer); c && c->frozen) return;
  use(layer);
  reweight_units program{.edges = {.begin = circuits_.gs.indptr.data(),
                                   .end = circuits_.gs.indptr.data() + 1,
                                   .target = circuits_.gs.indices.data(),
                                   .rate = circuits_.gs.weights.data(),
                                   .retention = own_retention(),
                                   .strength = own_.stored[layer - 1].data(),
                                   .w = values_.w_source.data(),
                                   .unit = unit_list(),
                                   .x = values_.unit_x.data(),
                                   .cosine = rotates_ ? values_.unit_cosine.data() : nullptr,
                                   .sine = values_.unit_sine.data(),
                                   .decay = values_.decay.data(),
                                   .age = values_.age.data()},
                         .members = unit_,
                         .last = own_.last_used[layer - 1].data(),
                         .clock = clock(layer),
                         .log = log(),
                         .check = check(layer, "a synapse of neuron"),
                         .of = short_rows};
  const extent units{n_ / unit_, count_units(), 1};
  launch(program, units);
  program.of = long_rows;
  if (circuits_.gs.has_long_rows) launch(reweight_long_units{.units = program}, units);
  tally(circuits_.gs, 0, unit_list(), count_units(), unit_, per_unit, writes);
  books_.rows_layer = 0;
}

}  // namespace

std::unique_ptr<device_site> direct_device_site(const model& m, double retention) {
  return std::make_unique<direct_site>(m, retention);
}

}  // namespace bdh::gpu
