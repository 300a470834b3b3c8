#include "core/simulator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "core/base/error.hpp"

namespace bdh {
namespace {

class forward final : public round_observer {
 public:
  explicit forward(const simulator::watcher& w) : watcher_(w) {}
  void after_round(layer_id layer, int round) override { watcher_(layer, round); }

 private:
  const simulator::watcher& watcher_;
};

}  // namespace

simulator::simulator(const model& m, std::unique_ptr<engine> work, const simulator_options& options)
    : model_(m),
      engine_(std::move(work)),
      executor_(default_executor(options.threads)),
      scheduler_(*engine_, exchange_, *executor_, options.table, m.layers(), {0, engine_->sites()}) {}

token_report simulator::step(token_id token) {
  if (torn_) throw input_error("simulator", "a token that was not read to its end", "forget() or restore() before the next");
  if (token >= model_.sensory_nodes())
    throw input_error("token", std::to_string(token), "< " + std::to_string(model_.sensory_nodes()) + ", the vocabulary");
  torn_ = true;
  const auto begin = std::chrono::steady_clock::now();
  token_report report;
  report.position = tokens_;
  report.token = token;
  forward observer(watcher_);
  report.bytes_exchanged = scheduler_.token(token, watcher_ ? &observer : nullptr);
  std::optional<fault> f;
  for (site_id s = 0; s < engine_->sites(); ++s)
    if (auto other = engine_->first_fault(s); other && (!f || other->step < f->step)) f = std::move(other);
  if (f)
    throw input_error("token " + std::to_string(tokens_) + (f->layer ? ", layer " + std::to_string(f->layer) : "") + ", " + f->where,
                      shown(f->value), "a finite value", "the activity of this model grows without bound on this input");
  report.active_x.assign(model_.layers(), 0);
  report.active_y.assign(model_.layers(), 0);
  for (site_id s = 0; s < engine_->sites(); ++s) {
    const site_counts& c = engine_->counts(s);
    for (std::size_t l = 0; l < model_.layers(); ++l) {
      report.active_x[l] += c.active_x[l];
      report.active_y[l] += c.active_y[l];
    }
    report.synaptic_events += c.synaptic_events;
    report.hebbian_writes += c.hebbian_writes;
  }
  ++tokens_;
  torn_ = false;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

std::vector<float> simulator::read(variable v) const {
  const std::size_t width = model_.is_direct() ? model_.sources() : model_.hubs();
  std::vector<float> out(v == variable::w ? width : v == variable::a ? model_.heads() * width : model_.neurons());
  engine_->read(v, out);
  return out;
}

void simulator::check(layer_id layer, neuron_id neuron) const {
  if (layer < 1 || layer > model_.layers()) throw input_error("layer", std::to_string(layer), "1 to " + std::to_string(model_.layers()));
  if (neuron >= model_.neurons()) throw input_error("neuron", std::to_string(neuron), "0 to " + std::to_string(model_.neurons() - 1));
}

std::vector<float> simulator::synapses(layer_id layer, neuron_id neuron) const {
  check(layer, neuron);
  const auto [first, last] = model_.synapses_of(neuron);
  std::vector<float> out(last - first);
  engine_->read_synapses(layer, neuron, out);
  return out;
}

float simulator::synapse(layer_id layer, neuron_id neuron, neuron_id target) const {
  check(layer, neuron);
  const neuron_id targets = model_.is_direct() ? model_.sources() : model_.hubs();
  if (target >= targets)
    throw input_error(model_.is_direct() ? "source" : "hub", std::to_string(target), "0 to " + std::to_string(targets - 1));
  const std::vector<float> row = synapses(layer, neuron);
  if (!model_.is_direct()) return row[target];
  const auto edge = model_.direct().gs.find(neuron, target);
  if (!edge)
    throw input_error("synapse " + std::to_string(neuron) + "->" + std::to_string(target), "no such edge in gs",
                      "one of the neuron's " + std::to_string(row.size()) + " synapses");
  return row[*edge - model_.synapses_of(neuron).first];
}

void simulator::forget() {
  engine_->forget();
  tokens_ = 0;
  torn_ = false;
}

synapse_state simulator::save() const {
  if (torn_) throw input_error("simulator", "a token that was not read to its end", "a whole number of tokens to save");
  synapse_state state;
  state.model_sha256 = model_.content_sha256();
  state.tokens = tokens_;
  state.retention = engine_->retention();
  for (layer_id l = 1; l <= model_.layers(); ++l) state.layers.push_back(engine_->save(l));
  return state;
}

void simulator::restore(const synapse_state& state) {
  if (state.model_sha256 != model_.content_sha256())
    throw input_error("state", "synapses of model " + state.model_sha256.substr(0, 12),
                      "those of model " + model_.content_sha256().substr(0, 12));
  if (state.retention != engine_->retention())  // decays that are still to be applied would be taken for others
    throw input_error("state", "retention " + shown(state.retention), shown(engine_->retention()) + ", that of this run");
  if (state.layers.size() != model_.layers())
    throw shape_error("state", std::to_string(state.layers.size()) + " layers", std::to_string(model_.layers()));
  for (const layer_synapses& l : state.layers) {
    if (l.stored.size() != model_.synapses())
      throw shape_error("state", std::to_string(l.stored.size()) + " synapses a layer", std::to_string(model_.synapses()));
    if (l.last_used.size() != model_.row_units())
      throw shape_error("state", std::to_string(l.last_used.size()) + " time stamps a layer", std::to_string(model_.row_units()));
    if (std::any_of(l.last_used.begin(), l.last_used.end(), [&](std::uint64_t t) { return t > l.clock; }) || l.clock > std::uint64_t{1}
                                                                                                                           << 62)
      throw input_error("state", "a time stamp later than the clock", "last_used <= clock <= 2^62");
    if (std::any_of(l.stored.begin(), l.stored.end(), [](float f) { return !std::isfinite(f); }))
      throw input_error("state", "a strength that is not finite", "finite strengths");
  }
  for (layer_id l = 1; l <= model_.layers(); ++l) engine_->restore(l, state.layers[l - 1]);
  tokens_ = state.tokens;
  torn_ = false;
}

}  // namespace bdh
