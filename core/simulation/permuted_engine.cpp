#include "core/simulation/permuted_engine.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <bdh/sampling.hpp>

#include "core/simulation/loss.hpp"

namespace bdh {
namespace {

template <class T>
array<T> copy_of(std::span<const T> values) {
  array<T> to(values.size());
  std::copy(values.begin(), values.end(), to.begin());
  return to;
}

// Values of the synapses, where there are any, moved as gs is.
array<float> values_moved(const projection& gs, std::span<const float> values,
                          std::span<const neuron_id> rows, std::span<const neuron_id> columns) {
  if (values.empty()) return {};
  const projection as_weights =
      projection::sparse(gs.name(), gs.source(), gs.target(), gs.rows_are(), copy_of(gs.indptr()),
                         copy_of(gs.indices()), copy_of(values));
  return copy_of(as_weights.moved(rows, columns).weights());
}

// The model with its neurons in their order, numbered by it.
model permute(const model& m, std::span<const neuron_id> place) {
  model_spec p = m.spec_without_circuits();
  p.memory_order.clear();
  p.original_id.clear();
  p.neuron_names.clear();
  const auto neurons = m.memory_order();
  std::vector<neuron_id> sources(neurons.begin(), neurons.end()),
      source_place(place.begin(), place.end());
  for (neuron_id j = m.neurons(); j < m.sources(); ++j) {  // sensory nodes stay where they are
    sources.push_back(j);
    source_place.push_back(j);
  }
  if (m.rotation().present()) {
    std::vector<double> frequency;
    for (neuron_id k = 0; k < m.neurons_per_head(); k += 2)
      frequency.push_back(m.rotation().frequency()[neurons[k] / 2]);
    p.rotation = rotation(frequency);
  }
  const direct_circuits& c = m.direct();
  direct_circuits to;
  to.gx_excitatory = c.gx_excitatory.moved(sources, place);
  to.gx_inhibitory = c.gx_inhibitory.moved(sources, place);
  to.gy_excitatory = c.gy_excitatory.moved(neurons, source_place);
  to.gy_inhibitory = c.gy_inhibitory.moved(neurons, source_place);
  to.gs = c.gs.moved(neurons, source_place);
  to.retention = values_moved(c.gs, c.retention, neurons, source_place);
  if (c.sensory.edges() != 0) to.sensory = c.sensory.moved({}, place);
  if (c.readout.edges() != 0) to.readout = c.readout.moved({}, source_place);
  p.direct = std::move(to);
  const hub_circuits& pool = m.circuits();
  if (pool.e.edges() != 0) p.circuits.e = pool.e.moved(neurons, {});
  if (pool.sensory.edges() != 0) p.circuits.sensory = pool.sensory.copy();
  if (pool.readout.edges() != 0) p.circuits.readout = pool.readout.copy();
  return model(std::move(p));
}

struct permutation {
  const model& outside;
  const std::vector<neuron_id> place;  // of every neuron
  const model inside;

  explicit permutation(const model& m)
      : outside(m), place(m.memory_positions()), inside(permute(m, place)) {}

  neuron_id place_of(neuron_id source) const noexcept {
    return source < place.size() ? place[source] : source;
  }
  neuron_id number_of(neuron_id source) const noexcept {
    return source < place.size() ? outside.memory_order()[source] : source;
  }
  // The edge inside that is edge e of row r outside.
  edge_id edge(const projection& from, const projection& to, neuron_id r,
               edge_id e) const noexcept {
    const neuron_id row = place_of(r), column = place_of(from.indices()[e]);
    return *(from.rows_are() == major::source ? to.find(row, column) : to.find(column, row));
  }
  // f(synapse outside, the same inside)
  template <class F>
  void for_synapses_of(neuron_id neuron, F f) const {
    const projection &from = outside.direct().gs, &to = inside.direct().gs;
    for (edge_id e = from.indptr()[neuron]; e < from.indptr()[neuron + 1]; ++e)
      f(e, edge(from, to, neuron, e));
  }
};

class ordered final : public engine {
 public:
  // Streams share one permutation: it is as large as the model.
  ordered(std::shared_ptr<const permutation> as, std::unique_ptr<engine> inside)
      : as_(std::move(as)), engine_(std::move(inside)) {}

  site_id sites() const noexcept override { return engine_->sites(); }
  site_range local() const noexcept override { return engine_->local(); }
  std::string device() const override { return engine_->device(); }
  std::span<const stage> stages(action a) const noexcept override { return engine_->stages(a); }

  void control(const applied_controls* what) override {
    if (what) controls_ = inside(*what);
    engine_->control(what ? &controls_ : nullptr);
  }

  void present(token_id token, site_id site) override { engine_->present(token, site); }
  void perform(const step& s, site_id site, const inbox& received, outbox& sent) noexcept override {
    engine_->perform(s, site, received, sent);
  }
  void perform_batch(const step& s, site_id site,
                     std::span<const stream_part> streams) noexcept override {
    perform_batch_inside(s, site, streams, [](engine& outside) -> engine& {
      return *static_cast<ordered&>(outside).engine_;
    });
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<ordered>(as_, engine_->new_stream());
  }

  const site_counts& counts(site_id site) const noexcept override { return engine_->counts(site); }
  std::optional<fault> first_fault(site_id site) const override {
    std::optional<fault> f = engine_->first_fault(site);
    if (f && (f->what.ends_with("neuron") || f->what.ends_with("source")))
      f->who = as_->number_of(f->who);
    return f;
  }

  std::span<const float> logits() const noexcept override { return engine_->logits(); }
  token_id choose(const sampling& how, std::uint64_t position) const override {
    return engine_->choose(how, position);
  }
  double loss(token_id next) const override { return engine_->loss(next); }

  std::span<const variable_info> variables() const noexcept override {
    return engine_->variables();
  }
  void read_sent(variable v, std::span<float> out) const override {
    values_inside_.resize(out.size());
    engine_->read_sent(v, values_inside_);
    for_values(v, out, [](float& here, float& within) { here = within; });
  }
  void read_emitted(variable v, std::span<float> out) const override {
    values_inside_.resize(out.size());
    engine_->read_emitted(v, values_inside_);
    for_values(v, out, [](float& here, float& within) { here = within; });
  }
  const spiking* spikes() const noexcept override { return engine_->spikes(); }
  std::uint64_t drawing_seed() const noexcept override { return engine_->drawing_seed(); }
  void seed_draws(std::uint64_t seed) noexcept override { engine_->seed_draws(seed); }
  void read(variable v, std::span<float> out) const override {
    values_inside_.resize(out.size());
    // What other processes have stays as it is.
    if (local().size() != sites())
      for_values(v, out, [](float& here, float& within) { within = here; });
    engine_->read(v, values_inside_);
    for_values(v, out, [](float& here, float& within) { here = within; });
  }
  void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const override {
    if (info(variables(), v).of != domain::neurons) return engine::active(v, ids, values);
    engine_->active(v, ids, values);
    std::vector<std::pair<neuron_id, float>> both;
    for (std::size_t k = 0; k < ids.size(); ++k)
      both.emplace_back(as_->number_of(ids[k]), values[k]);
    std::sort(both.begin(), both.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t k = 0; k < ids.size(); ++k) std::tie(ids[k], values[k]) = both[k];
  }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    values_inside_.resize(out.size());
    const neuron_id within = as_->place[neuron];
    engine_->read_synapses(layer, within, values_inside_);
    const edge_id first = as_->outside.synapses_of(neuron).first,
                  first_within = as_->inside.synapses_of(within).first;
    as_->for_synapses_of(neuron, [&](edge_id e, edge_id e_within) {
      out[e - first] = values_inside_[e_within - first_within];
    });
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    engine_->read_synapses(layer, inside(which, as_->outside.direct().gs, as_->inside.direct().gs),
                           out);
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    engine_->write_synapses(layer, inside(which, as_->outside.direct().gs, as_->inside.direct().gs),
                            values);
  }
  pool_gains gains() const noexcept override { return engine_->gains(); }

  state_arrays save(layer_id layer) const override {
    const state_arrays within = engine_->save(layer);
    state_arrays all(variables(), layer != 0);
    for (state_arrays::entry& e : all.all())
      move_values(*within.find(e.what), e,
                  [](const auto& values, auto& into, std::size_t i, std::size_t i_within) {
                    into[i] = values[i_within];
                  });
    return all;
  }
  void restore(layer_id layer, const state_arrays& from) override {
    state_arrays within(variables(), layer != 0);
    for (state_arrays::entry& e : within.all())
      move_values(*from.find(e.what), e,
                  [](const auto& values, auto& into, std::size_t i, std::size_t i_within) {
                    into[i_within] = values[i];
                  });
    engine_->restore(layer, within);
  }
  void clear_synapses() override { engine_->clear_synapses(); }
  double retention() const noexcept override { return engine_->retention(); }
  std::size_t state_bytes() const noexcept override {
    return engine_->state_bytes() + as_->inside.bytes() + as_->place.size() * sizeof(neuron_id);
  }

 private:
  // use(value outside, value inside) of all values of a variable that is not kept.
  template <class F>
  void for_values(variable v, std::span<float> out, F use) const {
    const variable_info& of = info(variables(), v);
    const std::size_t heads = of.per_head ? as_->outside.heads() : 1, width = out.size() / heads;
    for (std::size_t first = 0; first < out.size(); first += width)
      for_positions(of.of, [&](std::size_t i, std::size_t within) {
        use(out[first + i], values_inside_[first + within]);
      });
  }

  // f(position outside, position inside) of all that has a value of a variable.
  template <class F>
  void for_positions(domain of, F f) const {
    const model& m = as_->outside;
    const neuron_id unit = m.rotation().present() ? 2 : 1;
    switch (of) {
      case domain::neurons:
      case domain::sources:
        for (neuron_id i = 0; i < (of == domain::neurons ? m.neurons() : m.sources()); ++i)
          f(i, as_->place_of(i));
        return;
      case domain::row_units:
        for (neuron_id u = 0; u < m.row_units(); ++u) f(u, as_->place[u * unit] / unit);
        return;
      case domain::synapses:
        for (neuron_id i = 0; i < m.neurons(); ++i) as_->for_synapses_of(i, f);
        return;
      case domain::hubs:
        for (neuron_id k = 0; k < m.hubs(); ++k) f(k, k);
        return;
      case domain::network:
        f(0, 0);
    }
  }
  // assign(values, into, position outside, position inside) for every value of a variable.
  template <class Assign>
  void move_values(const state_arrays::entry& from, state_arrays::entry& to, Assign assign) const {
    std::visit(
        [&](auto& into) {
          const auto& values = std::get<std::remove_reference_t<decltype(into)>>(from.values);
          for_positions(info(variables(), to.what).of,
                        [&](auto i, auto within) { assign(values, into, i, within); });
        },
        to.values);
  }

  std::vector<edge_id> inside(std::span<const edge_id> edges, const projection& from,
                              const projection& to) const {
    std::vector<edge_id> within;
    within.reserve(edges.size());
    for (const edge_id e : edges) within.push_back(as_->edge(from, to, from.row_of(e), e));
    return within;
  }

  applied_controls inside(const applied_controls& what) const {
    applied_controls within = what;
    const direct_circuits &from = as_->outside.direct(), &to = as_->inside.direct();
    for (neuron_id& i : within.removed) i = as_->place_of(i);
    std::sort(within.removed.begin(), within.removed.end());
    for (layer_controls& l : within.layers) {
      for (auto* values : {&l.add_x, &l.add_y, &l.hold_x, &l.hold_y}) {
        for (neuron_value& v : *values) v.neuron = as_->place[v.neuron];
        std::sort(values->begin(), values->end(),
                  [](const auto& a, const auto& b) { return a.neuron < b.neuron; });
      }
      const auto move = [&](std::vector<edge_id>& edges, projection direct_circuits::*circuit) {
        edges = inside(edges, from.*circuit, to.*circuit);
        std::sort(edges.begin(), edges.end());
      };
      move(l.mute_gx_excitatory, &direct_circuits::gx_excitatory);
      move(l.mute_gx_inhibitory, &direct_circuits::gx_inhibitory);
      move(l.mute_gy_excitatory, &direct_circuits::gy_excitatory);
      move(l.mute_gy_inhibitory, &direct_circuits::gy_inhibitory);
      move(l.mute_synapses, &direct_circuits::gs);
    }
    return within;
  }

  const std::shared_ptr<const permutation> as_;
  const std::unique_ptr<engine> engine_;
  applied_controls controls_;
  mutable std::vector<float> values_inside_;
};

}  // namespace

std::unique_ptr<engine> permuted_engine(
    const model& m, const std::function<std::unique_ptr<engine>(const model&)>& make) {
  const auto as = std::make_shared<const permutation>(m);
  return std::make_unique<ordered>(as, make(as->inside));
}

}  // namespace bdh
