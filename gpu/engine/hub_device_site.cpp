// Circuits through hubs on a device: neurons -> hubs -> neurons, synapses neuron -> hub in the
// rotating frame.
#include <algorithm>

#include "gpu/engine/device_site.hpp"

namespace bdh::gpu {
namespace {

class hub_site final : public device_site {
 public:
  hub_site(const model& m, double retention, std::shared_ptr<const spiking> how)
      : device_site(m, retention, std::move(how)) {
    const hub_circuits& c = m.circuits();
    dx_.plan(memory_.of_model, c.dx);
    dy_.plan(memory_.of_model, c.dy);
    shared_.readout.plan(memory_.of_model, c.readout);
    memory_.of_stream.add(own_.w, d_, "W of the hubs");
    memory_.of_stream.add(a_, std::size_t{m.heads()} * d_, "A of the hubs");
    memory_.of_stream.add(own_.partial, std::size_t{grid_.blocks()} * d_, "partial sums");
    memory_.of_stream.add(row_, n_, "rows in use");
    memory_.of_stream.add(turned_, n_, "X turned");
    memory_.of_stream.add(aged_, n_, "X turned and aged");
    memory_.of_stream.add(decay_, n_, "decay of rows in use");
  }

  void upload_model() override {
    device_site::upload_model();
    const hub_circuits& c = model_.circuits();
    dx_.upload(c.dx);
    dy_.upload(c.dy);
    shared_.readout.upload(c.readout);
  }

  void begin_token() override {
    device_site::begin_token();
    clear(a_);
  }

  void perform(action what, layer_id layer) override {
    switch (what) {
      case action::sense:
        sense_hubs();
        return update_hub_w(true, 0);
      case action::propagate_synapses:
        return propagate_synapses(layer);
      case action::reweight:
        return reweight(layer);
      case action::decay:
        ++books_.clock[layer - 1];
        return;
      case action::propagate_gy:
        pull(model_.circuits().dy, dy_, own_.list_x.data(), count_x(), a_.data(), d_,
             own_.drive.data());
        return tally(dy_, d_, own_.list_x.data(), count_x(), 1, per_x, edges);
      case action::threshold_y:
        return threshold_y(layer);
      case action::update_w:
        y_to_hubs();
        return update_hub_w(false, layer);
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
        return read_out(model_.circuits().readout, shared_.readout, own_.w.data());
    }
  }

  const buffer<float>& values(variable v) const override {
    if (v == variable::w) return own_.w;
    return v == variable::a ? a_ : device_site::values(v);
  }

 private:
  extent units() const noexcept { return {n_ / unit_, count_units(), 1}; }

  // Turns and ages X of the active rows at the layer's present clock; done once for the read and
  // the write of a token.
  void use(layer_id layer) {
    if (books_.rows_layer == layer && books_.rows_clock == books_.clock[layer - 1]) return;
    books_.rows_layer = layer;
    books_.rows_clock = books_.clock[layer - 1];
    turn_to(layer);
    launch(use_rows{.unit = unit_list(),
                    .count = count_units(),
                    .x = x_sent().data(),
                    .per_head = model_.neurons_per_head(),
                    .cosine = rotates_ ? own_.cosine.data() : nullptr,
                    .sine = own_.sine.data(),
                    .last = own_.last_used[layer - 1].data(),
                    .clock = clock(layer),
                    .retention = retention_,
                    .row = row_.data(),
                    .turned = turned_.data(),
                    .aged = aged_.data(),
                    .decay = decay_.data()},
           {items_for(n_ / unit_), count_units(), chunk});
  }

  void propagate_synapses(layer_id layer) {
    use(layer);
    launch(
        list_starts{
            .grid = grid_, .list = unit_list(), .count = count_units(), .start = own_.start.data()},
        {items_for(grid_.blocks() + 1)});
    push({}, {own_.stored[layer - 1].data()}, row_.data(), aged_.data(), own_.start.data(), unit_,
         grid_.blocks(), own_.partial.data());
    if (spikes_.emits(spike_source::x))
      tally_spikes_over({}, d_);
    else
      tally({}, d_, nullptr, count_units(), unit_, per_unit, edges);
    if (const layer_controls* c = controls_of(layer)) cut(c->cut_synapses);
    const index heads = model_.heads();
    reduce_blocks(heads, grid_.blocks() / heads, a_.data());
    const dynamics& rules = model_.rules();
    const index first = check(layer, "A at hub", 2 * heads);
    launch(normalise_a{.a = a_.data(),
                       .d = d_,
                       .epsilon = static_cast<float>(rules.epsilon()),
                       .centre = rules.centred(),
                       .scale = rules.attention_gain(),
                       .log = log(),
                       .check = first,
                       .heads = heads},
           {heads});
  }

  void cut(const std::vector<cut_term>& terms) {
    if (terms.empty()) return;
    std::vector<listed_cut> list;
    for (const cut_term& t : terms) {
      const bool neuron = t.target < n_;
      const index head = t.source / model_.neurons_per_head();
      const index block = head * (grid_.blocks() / model_.heads()) +
                          (t.source - head * model_.neurons_per_head()) / block_grid::block_size;
      list.push_back({t.source, block, neuron ? t.target : t.target - n_, neuron, t.value});
    }
    const auto contribution = [](const device_projection& p) {
      return cut_partial_sums::contribution{p.indptr.empty() ? nullptr : p.indptr.data(),
                                            p.indices.data(), p.view()};
    };
    const index count = static_cast<index>(list.size());
    const bool sliced = shared_.e.indptr.empty() && shared_.sensory.indptr.empty();
    launch(cut_partial_sums{.list = stage(std::span<const listed_cut>(list)),
                            .count = count,
                            .neurons = contribution(shared_.e),
                            .sensory = contribution(shared_.sensory),
                            .x = x_sent().data(),
                            .width = d_,
                            .columns = sliced ? slice : d_,
                            .sums = own_.partial.data()},
           {sliced ? items_for(d_, slice) : 1});
  }

  void reweight(layer_id layer) {
    if (const layer_controls* c = controls_of(layer); c && c->frozen) return;
    use(layer);
    launch(reweight_rows{.rows = {.rows = own_.stored[layer - 1].data(),
                                  .width = d_,
                                  .first_source = 0,
                                  .source = row_.data(),
                                  .activity = turned_.data(),
                                  .decay = decay_.data(),
                                  .w = own_.w.data()},
                         .unit = unit_,
                         .last = own_.last_used[layer - 1].data(),
                         .clock = clock(layer),
                         .log = log(),
                         .check = check(layer, "a synapse of neuron")},
           units());
    tally({}, d_, nullptr, count_units(), unit_, per_unit, writes);
    books_.rows_layer = 0;
  }

  void drive_x(layer_id layer) {
    const projection& dx = model_.circuits().dx;
    pull(dx, dx_, nullptr, nullptr, own_.w.data(), 0, own_.drive.data());
    tally_all(dx);
    const layer_controls* const c = controls_of(layer);
    if (!c || c->cut_gx.empty()) return;
    std::vector<listed_value> list;
    for (const cut_term& t : c->cut_gx) list.push_back({t.target, -static_cast<float>(t.value)});
    launch(add_terms{.list = stage(std::span<const listed_value>(list)),
                     .count = static_cast<index>(list.size()),
                     .into = own_.drive.data()},
           {1});
  }

  device_projection dx_, dy_;
  buffer<float> a_;  // heads x hubs
  buffer<index> row_;
  buffer<float> turned_, aged_, decay_;
};

}  // namespace

std::unique_ptr<device_site> hub_device_site(const model& m, double retention,
                                             std::shared_ptr<const spiking> how) {
  return std::make_unique<hub_site>(m, retention, std::move(how));
}

}  // namespace bdh::gpu
