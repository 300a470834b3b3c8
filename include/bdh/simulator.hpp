// Runs a model token by token: the class that programs use. An engine does the work, the simulator
// drives it.
//
//     bdh::simulator brain(model, bdh::cpu_engine(model));
//     bdh::step_report report = brain.step('H');
//     brain.logits();                       // what the model expects next
//     brain.synapses(2, 17);                // strengths of neuron 17 to every hub, in layer 2
//     brain.probes().add({{17, 23}, 2});    // from now on, the synapse 17 -> 23 of layer 2
//     brain.interventions().add(bdh::silence(bdh::variable::x, {5, 9}));
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>
#include <bdh/intervention.hpp>
#include <bdh/model.hpp>
#include <bdh/probe.hpp>
#include <bdh/round_table.hpp>
#include <bdh/sampling.hpp>
#include <bdh/state.hpp>
#include <bdh/step_report.hpp>

namespace bdh {

class exchange;
class executor;
class reduction;
class token_loop;
struct token_loop_parts;

// ---- The parts of a simulator that programs use.

// W of every source while a model runs. Circuits through hubs carry only what W gives at the hubs;
// here it is computed again from Y and the gains of the pool, at the moments at which it changes.
//
//     token:  W = g(e) e, or e        e: one-hot on the token's sensory node
//     layer:  W = Y; g(y) Y; or W <- g(w) (W + g(y) Y)
class source_tracker {
 public:
  // Both outlive the tracker.
  source_tracker(const model& m, const engine& work) noexcept : model_(m), engine_(work) {}

  void follow() noexcept { following_ = true; }  // from the next token on
  bool following() const noexcept { return following_; }

  // W of every source, (sources). Models through hubs: known from the first token that was
  // followed, empty before.
  std::vector<float> activity() const;

  void forget() noexcept { w_.clear(); }  // W is no longer that of the last token

  void token_entered(token_id token);  // at moment::token_entered, or while its W still holds
  void layer_ended();                  // at moment::y_ready, or while its Y still holds
  std::span<const float> w() const noexcept { return w_; }  // as of the last of these

 private:
  const model& model_;
  const engine& engine_;
  bool following_ = false;
  std::vector<float> w_, y_;  // y_: of the active neurons
  std::vector<neuron_id> active_;
};

// The interventions on a simulator: which there are, and whether one may be added.
//
//     const int number = brain.interventions().add(bdh::silence(bdh::variable::x, {5, 9}));
//     for (const auto& [number, p] : brain.interventions()) ...
//     brain.interventions().remove(number);
class intervention_set {
 public:
  // All outlive the set.
  intervention_set(const model& m, const engine& work, probe_set& probes, source_tracker& sources,
                   const stream_position& position) noexcept
      : model_(m), engine_(work), probes_(probes), sources_(sources), position_(position) {}

  // Acts from the next token on; its number, from 1 on. Throws input_error, or unavailable_error
  // when this model or this moment does not allow it.
  int add(const intervention& p);
  void remove(int number);  // from the next token on; no such number: nothing
  // Through hubs, synapses of single pairs are known only by probes that have seen every token:
  // what must be probed from the first token on so that `p` can act now. Nothing with explicit
  // edges. Throws unavailable_error where these are too many.
  std::vector<probe_spec> probes_needed(const intervention& p) const;

  std::size_t size() const noexcept { return all_.size(); }
  bool empty() const noexcept { return all_.empty(); }
  const intervention& operator[](int number) const { return all_.at(number); }
  // Pairs of a number and its intervention, ascending.
  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

 private:
  void expect_possible(const intervention& p) const;
  void expect_edges(const intervention& p) const;
  void expect_probed(const intervention& p, const std::vector<probe_spec>& needed) const;
  void expect_there(const intervention& set, const intervention& lesion) const;

  const model& model_;
  const engine& engine_;
  probe_set& probes_;
  source_tracker& sources_;
  const stream_position& position_;
  std::map<int, intervention> all_;
  int next_id_ = 1;
  std::uint32_t noises_ = 0;  // added so far
};

// Reads the tokens of a prompt in blocks: faster than one by one, and equal to it up to rounding.
// The bits are the same however the work is divided.
//
//     if (!brain.prefill().refused()) brain.prefill().read(tokens);
class prefill {
 public:
  // All outlive it.
  prefill(const token_loop_parts& parts, const token_loop& loop) noexcept
      : p_(parts), loop_(loop) {}

  // Blocks begin at multiples of block_length tokens of the stream; where `tokens` end, a block
  // ends. `each` is called for every token, in order, when up to block_span of them have been read;
  // the simulator's logits are then those of its token. Throws unavailable_error as refused() says,
  // else as simulator::step().
  void read(std::span<const token_id> tokens,
            const std::function<void(const step_report&)>& each = {});
  // Why tokens can't be read in blocks now; nothing: they can.
  std::optional<std::string> refused() const;

 private:
  void read_blocks(std::span<const token_id> tokens,
                   const std::function<void(const step_report&)>& each);

  const token_loop_parts& p_;
  const token_loop& loop_;
};

// ---- The simulator.

struct simulator_options {
  std::size_t threads = 1;
  std::shared_ptr<executor> work = nullptr;  // in place of the one for `threads`
  round_table table = round_table::published();
  // Of an engine whose local sites are a part of all: how sites of different processes exchange
  // messages, and what processes agree on at the end of a token. Null: all sites are in this one.
  std::shared_ptr<exchange> mail = nullptr;
  std::shared_ptr<reduction> totals = nullptr;
  // Whether reports have the surprisal of their token. On a device it costs a few launches a token.
  bool surprisals = true;
};

class simulator {
 public:
  // The engine is one for this model. Throws input_error where it has a part of the sites only, and
  // the options no exchange and no reduction.
  simulator(std::shared_ptr<const bdh::model> m, std::unique_ptr<engine> work,
            const simulator_options& options = {});
  // The same of a model that outlives the simulator.
  simulator(const bdh::model& m, std::unique_ptr<engine> work,
            const simulator_options& options = {});
  simulator(simulator&&) noexcept;  // what has been moved from can only be assigned to
  simulator& operator=(simulator&&) noexcept;
  ~simulator();

  // Another stream over the same model, with an engine of the same kind and the same executor: zero
  // synapses, no probes, no interventions. Streams of one model can read their tokens
  // together, by step_streams(). Throws unavailable_error with sites in other processes.
  std::unique_ptr<simulator> new_stream() const;

  // Reads one token through all rounds. Throws input_error for a token outside the vocabulary
  // (nothing has changed then), and naming layer, token and neuron when a value is no longer
  // finite; from there, or after an exception of an observer, only clear_synapses() and restore()
  // go on.
  step_report step(token_id token);

  // The same as step(), round by round: begin, then advance until it returns nothing, then finish.
  // Between rounds everything can be read, nothing changed. finish() runs what is left.
  void begin(token_id token);
  std::optional<round_mark> advance();  // the moment that has been reached
  step_report finish();
  bool in_token() const noexcept;

  // Called at every moment of every layer, on any one of the simulator's threads. Observing changes
  // no bit. With observation::activity, which does not include the layer's synapses between rounds,
  // it costs less. Returns a number, from 1 on, for stop_observing().
  using observer = std::function<void(layer_id layer, moment at)>;
  int observe(observer o, observation sees = observation::synapses);
  void stop_observing(int number);

  // From now on weights can change, in copies of the simulator's own: the model stays as it is. Of
  // circuits through hubs, `gpu-release`, on the CPU in one process. Throws input_error or
  // unavailable_error naming what cannot learn. Other streams, and readers of the model, have its
  // own weights.
  void learn_by(const learning& how);
  const learning* learns_by() const noexcept;  // null: weights stay as they are
  // After step(t) and before step(next): the token that was read last learns from the next one
  // (docs/learning.md). Nothing, where none was read: synapses were cleared, or a state without
  // learning was restored. Throws input_error naming row and token when a weight is no longer
  // finite; then only restore() goes on.
  std::optional<learned_counts> learn(token_id next);
  std::uint64_t tokens_learned() const noexcept;
  // A model of the weights as they are now; its origin says how they came about, and what is added.
  bdh::model learned_model(std::vector<provenance::entry> more = {}) const;

  std::uint64_t tokens() const noexcept;  // read so far
  // (V) after the last token; empty before the first, after restore() where the state has none, and
  // where site 0 is in another process.
  std::span<const float> logits() const noexcept;
  // The token to read next, and the loss in nats should `next` come (bdh/sampling.hpp,
  // core/simulation/loss.hpp): from the logits, there must be some, wherever they are.
  token_id choose(const sampling& how) const;
  double loss(token_id next) const;
  // -ln p(next) in nats; nothing without logits, or for a token that has none.
  std::optional<double> surprisal(token_id next) const;

  // Values of local sites are read; others stay as they are, zero in a new vector.
  std::span<const variable_info> variables() const noexcept;
  std::size_t size(variable v) const noexcept;  // values that read() gives, or of a layer
  // Throw input_error for a variable that is kept from token to token: synapses() and save() have
  // these; and shape_error where `out` is not (size(v)).
  std::vector<float> read(variable v) const;
  void read(variable v, std::span<float> out) const;
  // As they travel: what their spikes stand for where they are received, where there are any; of W
  // those that drive X, A with its gain.
  std::vector<float> sent(variable v) const;
  // What spikes are drawn from: read(), of A with its gain.
  std::vector<float> emitted(variable v) const;
  // Those that are not 0: ids, ascending, and values.
  void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const;

  // W of every source: sources().activity(). Models through hubs carry only its picture on the
  // hubs: there it is known from the first token after follow_sources(), empty before.
  const source_tracker& sources() const noexcept;
  void follow_sources();

  // Strengths are those that the next token will read, in the laboratory frame.
  // Of a neuron, to every hub or to its targets in gs.
  std::vector<float> synapses(layer_id layer, neuron_id neuron) const;
  // One of them; throws input_error out of range.
  float synapse(layer_id layer, neuron_id neuron, neuron_id target) const;
  // By id; neuron * hubs + hub through hubs.
  void synapses(layer_id layer, std::span<const edge_id> which, std::span<float> out) const;

  probe_set& probes() noexcept;
  const probe_set& probes() const noexcept;
  intervention_set& interventions() noexcept;
  const intervention_set& interventions() const noexcept;
  bdh::prefill& prefill() noexcept;
  const bdh::prefill& prefill() const noexcept;

  void clear_synapses();  // all synapses to zero, as before the first token
  run_state save() const;
  // The same part by part, of engines that have it without a copy: all but the kept variables, and
  // what fills parts of these. Nothing else may be called in between.
  using part_function = std::function<void(layer_id layer, const kept_part& part)>;
  run_state save_head() const;
  part_function kept_values() const;
  // Throws shape_error or input_error when it does not fit, is of another model (another
  // content hash), of another retention or of synapses that are stored otherwise; unavailable_error
  // with probes where this run can have none, and in circuits through hubs while a lesion of
  // neurons from the first token on is in force, which the state may not have had.
  void restore(const run_state& state);
  // The same of a state whose kept variables come part by part, in the order of variables(), layer
  // after layer and those of the network last: `give` calls what it is given with each, and has
  // checked them.
  void restore(const run_state& head, const std::function<void(const part_function& take)>& give);

  const bdh::model& model() const noexcept;
  double retention() const noexcept;
  bool rounds_synapses() const noexcept;  // to bfloat16, at random
  // Of what it draws, roundings and spikes; from the next token on; 0 before.
  void seed_draws(std::uint64_t seed) noexcept;
  std::uint64_t drawing_seed() const noexcept;
  const spiking* spikes() const noexcept;  // how activity travels as spikes; null: as it is
  std::string device() const;
  std::size_t state_bytes() const noexcept;

  token_loop& loop() noexcept;  // for streams that are driven together

 private:
  void restore_values(const run_state& state, const std::function<void()>& values);

  struct parts;  // at one address: they refer to each other
  std::unique_ptr<parts> parts_;
};

// ---- Streams.

// Several streams of tokens over one model: each is a simulator with synapses, probes and
// perturbations of its own, and they read their tokens together, so that an engine can share what
// it reads of the model.
//
//     bdh::simulator first(model, bdh::cpu_engine(model));
//     const auto second = first.new_stream();
//     bdh::stream_step steps[] = {{&first, 'H'}, {second.get(), 'W'}};
//     bdh::step_streams(steps);
//
// Every stream's bits are those of the stream alone. Streams may come and go from one token to the
// next.
struct stream_step {
  simulator* stream;
  token_id token;
  step_report report = {};              // what stream->step(token) would have returned,
  std::exception_ptr failed = nullptr;  // or thrown: the other streams go on
};

// One token in each stream. Throws input_error, before anything is read, unless the streams are
// different ones, made by new_stream() of one simulator.
void step_streams(std::span<stream_step> steps);

}  // namespace bdh
