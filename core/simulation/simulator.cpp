#include "core/simulation/simulator.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "core/base/bfloat16.hpp"
#include "core/base/error.hpp"
#include "core/simulation/loss.hpp"
#include "core/simulation/sampling.hpp"

namespace bdh {
namespace {

bool is_published(const round_table& table) {
  return table.rounds == round_table::published().rounds;
}

}  // namespace

simulator::simulator(const model& m, std::unique_ptr<engine> work, const simulator_options& options)
    : model_(m),
      engine_(std::move(work)),
      executor_(options.work ? options.work : std::shared_ptr(default_executor(options.threads))),
      scheduler_(*engine_, exchange_, *executor_, options.table, m.layers(), {0, engine_->sites()}),
      table_(options.table),
      published_(is_published(options.table)),
      probes_(m, engine_->retention()) {}

std::unique_ptr<simulator> simulator::new_stream() const {
  return std::make_unique<simulator>(model_, engine_->new_stream(),
                                     simulator_options{executor_->threads(), executor_, table_});
}

step_report simulator::step(token_id token) {
  begin(token, looked_at());
  return finish();
}

void simulator::begin(token_id token) { begin(token, observation::synapses); }

void simulator::begin(token_id token, observation at) {
  check_between_tokens();
  check_vocabulary(token);
  control();
  surprisal_ = surprisal(token);
  began_ = std::chrono::steady_clock::now();
  torn_ = in_token_ = true;
  token_ = token;
  at_ = at;
  probes_.sort();
  scheduler_.begin(token, at);
}

std::optional<round_mark> simulator::advance() {
  if (!in_token_)
    throw input_error("simulator", "no token is being read", "begin() before advance()");
  while (const auto done = scheduler_.advance()) {
    notice(*done);
    if (done->layer != 0) return done;
  }
  return std::nullopt;
}

// What looks between the rounds, looks. `shared`: the threads will write the probes together,
// unless a watcher is to see them first.
void simulator::notice(const round_mark& done, bool shared) {
  follow(done);
  if (!shared || !observers_.empty()) {
    write_probes();
    written_ = 0;
  }
  if (done.layer == 0) return;
  try {
    for (const auto& [number, w] : observers_) w.call(done.layer, done.at);
  } catch (...) {
    in_token_ = false;  // and torn
    throw;
  }
}

step_report simulator::finish() {
  if (!in_token_)
    throw input_error("simulator", "no token is being read", "begin() before finish()");
  const round_observer looks{
      [this](const round_mark& done) { notice(done, true); },
      [this](std::size_t part, std::size_t parts) { write_probes(part, parts); }};
  scheduler_.finish(&looks);
  return end();
}

step_report simulator::end() {
  in_token_ = false;  // whatever comes: this token has no more rounds
  if (at_ == observation::drives && follows()) follow_w(false);
  step_report all = report();
  ++tokens_;
  restored_ = torn_ = false;
  return all;
}

void simulator::throw_fault(std::uint64_t token, const fault& f) {
  throw input_error("token " + std::to_string(token) +
                        (f.layer ? ", layer " + std::to_string(f.layer) : "") + ", " + f.what +
                        " " + std::to_string(f.who),
                    shown(f.value), "a finite value",
                    "the activity of this model grows without bound on this input");
}

step_report simulator::report() {
  std::optional<fault> f;
  for (site_id s = 0; s < engine_->sites(); ++s)
    if (auto other = engine_->first_fault(s); other && (!f || other->step < f->step))
      f = std::move(other);
  if (f) throw_fault(tokens_, *f);
  step_report all;
  all.position = tokens_;
  all.token = token_;
  all.surprisal = surprisal_;
  all.bytes_exchanged = scheduler_.bytes();
  all.active_x.assign(model_.layers(), 0);
  all.active_y.assign(model_.layers(), 0);
  for (site_id s = 0; s < engine_->sites(); ++s) {
    const site_counts& c = engine_->counts(s);
    for (std::size_t l = 0; l < model_.layers(); ++l) {
      all.active_x[l] += c.active_x[l];
      all.active_y[l] += c.active_y[l];
    }
    all.synaptic_events += c.synaptic_events;
    all.hebbian_writes += c.hebbian_writes;
  }
  all.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  return all;
}

// ---- looking

token_id simulator::choose(const sampling& how) const {
  return logits_are_here() ? bdh::choose(logits(), how, tokens_) : engine_->choose(how, tokens_);
}

double simulator::loss(token_id next) const {
  return logits_are_here() ? cross_entropy(logits(), next) : engine_->loss(next);
}

std::optional<double> simulator::surprisal(token_id next) const {
  if (next >= model_.readout_nodes() || (logits_are_here() && logits().empty()))
    return std::nullopt;
  return loss(next);
}

int simulator::observe(observer o, observation sees) {
  observers_.emplace(++numbers_, observing{std::move(o), std::max(sees, observation::activity)});
  return numbers_;
}

void simulator::stop_observing(int number) { observers_.erase(number); }

void simulator::follow_sources() {
  check_between_tokens();
  follows_ = true;
}

std::vector<float> simulator::source_activity() const {
  if (!model_.is_direct()) return source_w_;
  std::vector<float> w(model_.sources());
  engine_->read(variable::w, w);
  return w;
}

// W of every source, and the probes, which X and W write to.
void simulator::follow(const round_mark& done) {
  written_ = 0;
  if (!follows()) return;
  if (at_ == observation::drives) {
    follow_w(done.layer == 1);  // of the layer before: its Y still is there
    follow_x(done.layer);
  } else if (done.layer == 0 || done.at == moment::y_ready) {
    follow_w(done.layer == 0);
  } else if (done.at == moment::synapses_written) {
    follow_x(done.layer);
  }
}

// W as the token has set it, or a layer's Y.
void simulator::follow_w(bool of_token) {
  source_w_.resize(model_.sources());
  if (model_.is_direct()) {
    engine_->read(variable::w, source_w_);
    return;
  }
  const pool_gains gain = engine_->gains();
  const dynamics& rules = model_.rules();
  if (of_token) {
    std::fill(source_w_.begin(), source_w_.end(), 0.0f);
    source_w_[model_.neurons() + token_] = rules.token_gain() ? gain.y : 1.0f;
  } else {
    if (rules.w() != w_rule::leaky_sum) std::fill(source_w_.begin(), source_w_.end(), 0.0f);
    const float g = rules.w() == w_rule::y ? 1.0f : gain.y;
    y_.resize(model_.neurons());
    engine_->read(variable::y, y_);
    const auto all = [](std::vector<float>& v) {
      return Eigen::Map<Eigen::ArrayXf>(v.data(), static_cast<Eigen::Index>(v.size()));
    };
    all(source_w_).head(model_.neurons()) += g * all(y_);
    if (rules.w() == w_rule::leaky_sum) all(source_w_) *= gain.w;
  }
  cut_edges_through_hubs();
}

void simulator::follow_x(layer_id layer) {
  if (probes_.size() == 0) return;
  x_.resize(model_.neurons());
  engine_->read(variable::x, x_);
  if (probes_.reads_y(layer)) {
    y_.resize(model_.neurons());
    engine_->read(variable::y, y_);
  }
  written_ = layer;
}

void simulator::write_probes(std::size_t part, std::size_t parts) noexcept {
  if (written_ == 0) return;
  const bool frozen = !controlled_.empty() && controls_.layers[written_ - 1].frozen;
  probes_.write(written_, {x_, source_w_, y_, frozen}, part, parts);
}

std::size_t simulator::size(variable v) const noexcept {
  const std::size_t width = model_.is_direct() ? model_.sources() : model_.hubs();
  return v == variable::w ? width : v == variable::a ? model_.heads() * width : model_.neurons();
}

std::vector<float> simulator::read(variable v) const {
  std::vector<float> out(size(v));
  engine_->read(v, out);
  return out;
}

void simulator::check_between_tokens() const {
  if (in_token_) throw input_error("simulator", "a token is being read", "finish() first");
  if (torn_)
    throw input_error("simulator", "a token that was not read to its end",
                      "clear_synapses() or restore() before the next");
}

void simulator::check_vocabulary(token_id token) const {
  if (token >= model_.sensory_nodes())
    throw input_error("token", std::to_string(token),
                      "< " + std::to_string(model_.sensory_nodes()) + ", the vocabulary");
}

void simulator::check(layer_id layer, neuron_id neuron) const {
  if (layer < 1 || layer > model_.layers())
    throw input_error("layer", std::to_string(layer), "1 to " + std::to_string(model_.layers()));
  if (neuron >= model_.neurons())
    throw input_error("neuron", std::to_string(neuron),
                      "0 to " + std::to_string(model_.neurons() - 1));
}

std::vector<float> simulator::synapses(layer_id layer, neuron_id neuron) const {
  check(layer, neuron);
  const auto [first, last] = model_.synapses_of(neuron);
  std::vector<float> out(last - first);
  engine_->read_synapses(layer, neuron, out);
  return out;
}

void simulator::synapses(layer_id layer, std::span<const edge_id> which,
                         std::span<float> out) const {
  check(layer, 0);
  for (edge_id e : which)
    if (e >= model_.synapses())
      throw input_error("synapse", std::to_string(e),
                        "0 to " + std::to_string(model_.synapses() - 1));
  engine_->read_synapses(layer, which, out);
}

std::size_t simulator::probe(const probe_spec& what) {
  check_between_tokens();
  if (!published_) throw unavailable_error("probe", "a changed round table", "the published one");
  return probes_.place(what, tokens_);
}

std::optional<double> simulator::strength(const probe_spec& what) const {
  check(what.layer, what.pair.pre);
  if (model_.is_direct() && what.factor == probe_factor::w)
    if (const auto edge = model_.direct().gs.find(what.pair.pre, what.pair.post)) {
      float value = 0;
      engine_->read_synapses(what.layer, {&*edge, 1}, {&value, 1});
      return value;
    }
  const auto p = probes_.find(what);
  return p && probes_.since(*p) == 0 ? std::optional(probes_.strength(*p)) : std::nullopt;
}

float simulator::synapse(layer_id layer, neuron_id neuron, neuron_id target) const {
  check(layer, neuron);
  const neuron_id targets = model_.is_direct() ? model_.sources() : model_.hubs();
  if (target >= targets)
    throw input_error(model_.is_direct() ? "source" : "hub", std::to_string(target),
                      "0 to " + std::to_string(targets - 1));
  const std::vector<float> row = synapses(layer, neuron);
  if (!model_.is_direct()) return row[target];
  const auto edge = model_.direct().gs.find(neuron, target);
  if (!edge)
    throw input_error("synapse " + std::to_string(neuron) + "->" + std::to_string(target),
                      "no such edge in gs",
                      "one of the neuron's " + std::to_string(row.size()) + " synapses");
  return row[*edge - model_.synapses_of(neuron).first];
}

void simulator::clear_synapses() {
  engine_->clear_synapses();
  probes_.clear_synapses();
  restored_ = true;
  logits_.clear();
  tokens_ = 0;
  torn_ = in_token_ = false;
}

synapse_state simulator::save() const {
  check_between_tokens();
  synapse_state state;
  state.model_sha256 = model_.content_sha256();
  state.tokens = tokens_;
  state.retention = engine_->retention();
  state.rounded = engine_->rounds_synapses();
  state.logits.assign(
      logits().begin(),
      logits().end());  // first: should a device fail here, it is told by what comes next
  for (layer_id l = 1; l <= model_.layers(); ++l) state.layers.push_back(engine_->save(l));
  state.probes = probes_.save();
  return state;
}

void simulator::restore(const synapse_state& state) {
  if (state.model_sha256 != model_.content_sha256())
    throw input_error("state", "synapses of model " + state.model_sha256.substr(0, 12),
                      "those of model " + model_.content_sha256().substr(0, 12));
  if (state.retention !=
      engine_->retention())  // decays that are still to be applied would be taken for others
    throw input_error("state", "retention " + shown(state.retention),
                      shown(engine_->retention()) + ", that of this run");
  if (const bool rounds = engine_->rounds_synapses(); state.rounded != rounds)
    throw input_error("state", state.rounded ? "synapses in bfloat16" : "synapses in float32",
                      rounds ? "bfloat16" : "float32",
                      "a run goes on with synapses that are stored as they were");
  if (state.layers.size() != model_.layers())
    throw shape_error("state", std::to_string(state.layers.size()) + " layers",
                      std::to_string(model_.layers()));
  if (!state.logits.empty() && state.logits.size() != model_.readout_nodes())
    throw shape_error("state", std::to_string(state.logits.size()) + " logits",
                      std::to_string(model_.readout_nodes()));
  for (const layer_synapses& l : state.layers) {
    if (l.stored.size() != model_.synapses())
      throw shape_error("state", std::to_string(l.stored.size()) + " synapses a layer",
                        std::to_string(model_.synapses()));
    if (l.last_used.size() != model_.row_units())
      throw shape_error("state", std::to_string(l.last_used.size()) + " time stamps a layer",
                        std::to_string(model_.row_units()));
    if (std::any_of(l.last_used.begin(), l.last_used.end(),
                    [&](std::uint64_t t) { return t > l.clock; }) ||
        l.clock > std::uint64_t{1} << 62)
      throw input_error("state", "a time stamp later than the clock", "last_used <= clock <= 2^62");
    if (std::any_of(l.stored.begin(), l.stored.end(), [](float f) { return !std::isfinite(f); }))
      throw input_error("state", "a strength that is not finite", "finite strengths");
    if (state.rounded && !std::all_of(l.stored.begin(), l.stored.end(), is_bfloat16))
      throw input_error("state", "a strength that is no bfloat16", "strengths in bfloat16");
  }
  for (layer_id l = 1; l <= model_.layers(); ++l) engine_->restore(l, state.layers[l - 1]);
  probes_.restore(state.probes, state.tokens);
  controlled_.assign(1, 0);  // no such number: anew, with the probes as they are now
  restored_ = true;
  logits_ = state.logits;
  tokens_ = state.tokens;
  torn_ = in_token_ = false;
}

}  // namespace bdh
