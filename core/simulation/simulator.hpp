// Runs a model token by token: the class that programs use. An engine does the work, the scheduler
// drives it.
//
//     bdh::simulator brain(model, bdh::cpu_engine(model));
//     bdh::step_report report = brain.step('H');
//     brain.logits();           // what the model expects next
//     brain.synapses(2, 17);    // layer 2: strengths of neuron 17 to every hub
//     brain.probes().add({{17, 23}, 2});    // from now on, the synapse 17 -> 23 of layer 2
//     brain.interventions().add(bdh::parse_intervention(model, "silence x:5-9"));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/step_report.hpp>

#include "core/base/executor.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/exchange.hpp"
#include "core/simulation/intervention_set.hpp"
#include "core/simulation/moment.hpp"
#include "core/simulation/prefill.hpp"
#include "core/simulation/probe_set.hpp"
#include "core/simulation/reduction.hpp"
#include "core/simulation/round_table.hpp"
#include "core/simulation/source_tracker.hpp"
#include "core/simulation/state.hpp"

namespace bdh {

class token_loop;  // core/simulation/token_loop.hpp

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
  // synapses, no probes, no interventions. Streams of one model can read their tokens together
  // (core/simulation/streams.hpp). Throws unavailable_error with sites in other processes.
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
  std::size_t size(variable v) const noexcept;  // values that read() gives
  std::vector<float> read(variable v) const;
  void read(variable v, std::span<float> out) const;  // (size(v))

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
  synapse_state save() const;
  // Throws shape_error or input_error when it does not fit, is of another model (where both have a
  // content hash), of another retention or of synapses that are stored otherwise.
  void restore(const synapse_state& state);

  const bdh::model& model() const noexcept;
  double retention() const noexcept;
  bool rounds_synapses() const noexcept;            // to bfloat16, at random
  void seed_rounding(std::uint64_t seed) noexcept;  // from the next token on; 0 before
  std::string device() const;
  std::size_t state_bytes() const noexcept;

  token_loop& loop() noexcept;  // for streams that are driven together

 private:
  struct parts;  // at one address: they refer to each other
  std::unique_ptr<parts> parts_;
};

}  // namespace bdh
