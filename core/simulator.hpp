// Runs a model token by token: the class that programs use. An engine does the work, the scheduler drives it.
//
//     bdh::simulator brain(model, bdh::cpu_engine(model));
//     bdh::token_report report = brain.step('H');
//     brain.logits();                       // what the model expects next
//     brain.synapses(2, 17);                // strengths of neuron 17 to every hub, in layer 2
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/executor.hpp"
#include "core/engine.hpp"
#include "core/model.hpp"
#include "core/round_table.hpp"
#include "core/scheduler.hpp"
#include "core/state.hpp"
#include "core/token_report.hpp"

namespace bdh {

struct simulator_options {
  std::size_t threads = 1;
  round_table table = round_table::published();
};

class simulator {
 public:
  // The model must outlive the simulator.
  simulator(const model& m, std::unique_ptr<engine> work, const simulator_options& options = {});
  simulator(const simulator&) = delete;  // its parts know each other by address
  simulator& operator=(const simulator&) = delete;

  // Reads one token through all rounds. Throws input_error for a token outside the vocabulary (nothing has changed then), and
  // naming layer, token and neuron when a value is no longer finite; from there, or after an exception of the watcher, only
  // forget() and restore() go on.
  token_report step(token_id token);

  // Calls `watch` after every round of every layer of the following tokens; empty: nobody watches. Watching changes no bit.
  using watcher = std::function<void(layer_id layer, int round)>;
  void watch(watcher w) { watcher_ = std::move(w); }

  std::uint64_t tokens() const noexcept { return tokens_; }                     // read so far
  std::span<const float> logits() const noexcept { return engine_->logits(); }  // (V) after the last token read here
  std::vector<float> read(variable v) const;                                    // sizes at `variable`
  std::vector<float> synapses(layer_id layer, neuron_id neuron) const;          // (d) strengths, laboratory frame
  float synapse(layer_id layer, neuron_id neuron, neuron_id hub) const;         // one of them; throws input_error out of range

  void forget();  // all synapses to zero, as before the first token
  synapse_state save() const;
  // Throws shape_error or input_error when it does not fit, is of another model (where both have a content hash) or of another
  // retention.
  void restore(const synapse_state& state);

  const model& subject() const noexcept { return model_; }
  double retention() const noexcept { return engine_->retention(); }
  std::size_t state_bytes() const noexcept { return engine_->state_bytes(); }

 private:
  void check(layer_id layer, neuron_id neuron) const;

  const model& model_;
  std::unique_ptr<engine> engine_;
  std::unique_ptr<executor> executor_;
  shared_memory_exchange exchange_;
  scheduler scheduler_;
  watcher watcher_;
  std::uint64_t tokens_ = 0;
  bool torn_ = false;  // a token began and did not end: sigma is between two tokens
};

}  // namespace bdh
