// Runs a model token by token: the class that programs use. An engine does the work, the scheduler
// drives it.
//
//     bdh::simulator brain(model, bdh::cpu_engine(model));
//     bdh::step_report report = brain.step('H');
//     brain.logits();                       // what the model expects next
//     brain.synapses(2, 17);                // strengths of neuron 17 to every hub, in layer 2
//     brain.probe({{17, 23}, 2});           // from now on, the synapse 17 -> 23 of layer 2
//     brain.perturb(bdh::parse_intervention(model, "silence x:5-9"));
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/executor.hpp"
#include "core/model/model.hpp"
#include "core/selection/intervention.hpp"
#include "core/simulation/controls.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/prefill.hpp"
#include "core/simulation/probe.hpp"
#include "core/simulation/round_table.hpp"
#include "core/simulation/scheduler.hpp"
#include "core/simulation/state.hpp"
#include "core/simulation/step_report.hpp"

namespace bdh {

struct stream_step;  // core/simulation/streams.hpp

struct simulator_options {
  std::size_t threads = 1;
  std::shared_ptr<executor> work = nullptr;  // in place of the one for `threads`
  round_table table = round_table::published();
};

class simulator {
 public:
  // The model must outlive the simulator.
  simulator(const model& m, std::unique_ptr<engine> work, const simulator_options& options = {});
  simulator(const simulator&) = delete;  // its parts know each other by address
  simulator& operator=(const simulator&) = delete;

  // Another stream over the same model, with an engine of the same kind and the same executor: zero
  // synapses, nothing probed, no perturbations. Siblings can read their tokens together
  // (core/simulation/streams.hpp).
  std::unique_ptr<simulator> new_stream() const;

  // Reads one token through all rounds. Throws input_error for a token outside the vocabulary
  // (nothing has changed then), and naming layer, token and neuron when a value is no longer
  // finite; from there, or after an exception of a watcher, only clear_synapses() and restore() go
  // on.
  step_report step(token_id token);

  // Reads tokens in blocks (core/simulation/prefill.hpp): faster, and equal to step() up to
  // rounding. Blocks begin at multiples of block_length tokens of the stream; where `tokens` end, a
  // block ends. `each` is called for every token, in order, when up to block_span of them have been
  // read; logits() are then those of its token. Throws unavailable_error as blocks_refused() says,
  // else as step().
  void read(std::span<const token_id> tokens,
            const std::function<void(const step_report&)>& each = {});
  std::optional<std::string> blocks_refused()
      const;  // why tokens can't be read in blocks now; nothing: they can

  // The same as step(), round by round: begin, then advance until it returns nothing, then finish.
  // Between rounds everything can be read, nothing changed. finish() runs what is left.
  void begin(token_id token);
  std::optional<round_mark> advance();  // the round that it has run
  step_report finish();
  bool in_token() const noexcept { return in_token_; }

  // Called at every moment of every layer, on any one of the simulator's threads. Observing changes
  // no bit. With observation::activity, which does not include the layer's synapses between rounds,
  // it costs less. Returns a number for stop_observing().
  using observer = std::function<void(layer_id layer, moment at)>;
  int observe(observer o, observation sees = observation::synapses);
  void stop_observing(int number);

  std::uint64_t tokens() const noexcept { return tokens_; }  // read so far
  // (V) after the last token; empty before the first, and after restore() where the state has none.
  std::span<const float> logits() const noexcept {
    return !of_block_.empty() ? of_block_
           : restored_        ? std::span<const float>(logits_)
                              : engine_->logits();
  }
  // The token to read next, and the loss in nats should `next` come (core/simulation/sampling.hpp,
  // core/simulation/loss.hpp): from the logits, there must be some, wherever they are.
  token_id choose(const sampling& how) const;
  double loss(token_id next) const;
  // The same as a step_report has it: nothing where no logits are known for it.
  std::optional<double> surprisal(token_id next) const;
  std::size_t size(variable v) const noexcept;  // values that read() gives
  std::vector<float> read(variable v) const;
  void read(variable v, std::span<float> out) const { engine_->read(v, out); }  // (size(v))

  // W of every source, (sources). Models through hubs carry only its picture on the hubs: there it
  // is known from the first token after follow_sources(), empty before.
  std::vector<float> source_activity() const;
  void follow_sources();

  // Strengths are those that the next token will read, in the laboratory frame.
  std::vector<float> synapses(
      layer_id layer, neuron_id neuron) const;  // of a neuron, to every hub or to its targets in gs
  float synapse(layer_id layer, neuron_id neuron,
                neuron_id target) const;  // one of them; throws input_error out of range
  void synapses(layer_id layer, std::span<const edge_id> which,
                std::span<float> out) const;  // by id; neuron * hubs + hub through hubs

  // Probes a neuron pair from the next token on; returns its number. Probing changes no bit.
  std::size_t probe(const probe_spec& what);
  const probe_set& probes() const noexcept { return probes_; }
  // The strength of a neuron pair where it is known: an edge of gs, or probed since the synapses
  // were zero.
  std::optional<double> strength(layer_id layer, const neuron_pair& pair) const {
    return strength({pair, layer, probe_factor::w});
  }
  std::optional<double> strength(const probe_spec& what) const;

  // An intervention, from the next token on; its number. Throws input_error, or unavailable_error
  // when this model or this moment does not allow it.
  int perturb(const intervention& p);
  void release(int number);
  // Through hubs: what must be probed from the first token on so that perturb(p) can act after it.
  // Nothing with explicit edges.
  std::vector<probe_spec> probes_needed(const intervention& p) const;
  const std::map<int, intervention>& interventions() const noexcept { return interventions_; }

  void clear_synapses();  // all synapses to zero, as before the first token
  synapse_state save() const;
  // Throws shape_error or input_error when it does not fit, is of another model (where both have a
  // content hash), of another retention or of synapses that are stored otherwise.
  void restore(const synapse_state& state);

  const model& subject() const noexcept { return model_; }
  double retention() const noexcept { return engine_->retention(); }
  bool rounds_synapses() const noexcept {
    return engine_->rounds_synapses();
  }  // to bfloat16, at random
  void seed_rounding(std::uint64_t seed) noexcept {
    engine_->seed_rounding(seed);
  }  // from the next token on; 0 before
  std::string device() const { return engine_->device(); }
  std::size_t state_bytes() const noexcept { return engine_->state_bytes(); }

 private:
  friend void step_streams(std::span<stream_step> steps);

  void check(layer_id layer, neuron_id neuron) const;
  void check_vocabulary(token_id token) const;
  void check_between_tokens() const;
  bool logits_are_here() const noexcept {
    return restored_ || !of_block_.empty();
  }  // not the engine's of the last token
  observation looked_at() const noexcept {
    observation most = !follows()                             ? observation::none
                       : published_ && interventions_.empty() ? observation::drives
                                                              : observation::activity;
    for (const auto& [number, w] : observers_) most = std::max(most, w.sees);
    return most;
  }
  void begin(token_id token, observation at);
  void read_blocks(std::span<const token_id> tokens,
                   const std::function<void(const step_report&)>& each);
  step_report end();
  void notice(const round_mark& done, bool shared = false);
  bool follows() const noexcept { return follows_ || probes_.size() != 0; }
  void follow(const round_mark& done);
  void follow_w(bool of_token);
  void follow_x(layer_id layer);
  void write_probes(std::size_t part = 0, std::size_t parts = 1) noexcept;
  step_report report();
  [[noreturn]] static void throw_fault(std::uint64_t token, const fault& f);

  // perturbed.cpp
  void check(const intervention& p) const;
  void expect_there(const intervention& set, const intervention& lesion) const;
  void control();
  void add(const intervention& p, controls& to) const;
  void do_once(const intervention& p);
  void cut_edges_through_hubs();

  const model& model_;
  std::unique_ptr<engine> engine_;
  std::shared_ptr<executor> executor_;
  shared_memory_exchange exchange_;
  scheduler scheduler_;
  const round_table table_;
  const bool published_;  // the round table is
  struct observing {
    observer call;
    observation sees;
  };
  std::map<int, observing> observers_;
  int numbers_ = 0;
  probe_set probes_;
  bool follows_ = false;
  std::vector<float> source_w_, x_, y_;  // as followed
  layer_id written_ = 0;  // the layer whose probes are to be written, from these; 0: none
  std::map<int, intervention> interventions_;
  bool restored_ = true;         // no token since the synapses were restored, or before the first
  std::vector<float> logits_;    // of then
  std::vector<int> controlled_;  // the perturbations that are in controls_
  controls controls_;
  std::vector<std::vector<std::size_t>>
      cut_probes_;  // as cut_synapses of controls_: the probes that know the strengths
  std::span<const float> of_block_;  // logits of a token of the block that is being told
  std::uint64_t tokens_ = 0;
  token_id token_ = 0;
  std::optional<double> surprisal_;     // of token_
  observation at_ = observation::none;  // while the token is read
  std::chrono::steady_clock::time_point began_;
  bool in_token_ = false;
  bool torn_ = false;  // a token began and did not end: sigma is between two tokens
};

}  // namespace bdh
