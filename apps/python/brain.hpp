// What a Python Simulator drives: a simulator, or an experiment, which has a history besides. A
// mutex serialises calls from several Python threads; no member holds Python's interpreter lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/experiment.hpp>
#include <bdh/simulator.hpp>

#include "apps/python/model_handle.hpp"
#include "core/analysis/concept_study.hpp"
#include "io/recording/recorder.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh::python {

struct brain_options {
  std::size_t threads = 1;
  site_id sites = 0;  // 0: as many as threads
  std::optional<double> retention;
  std::string device = "cpu";  // or "cuda", "cuda:1"
  bool bfloat16_synapses = false;
  std::uint64_t seed = 0;  // of what rounds synapses to bfloat16
  bool history = false;
  std::string file;                                 // of the model; empty: it has none
  std::shared_ptr<const spiking> spikes = nullptr;  // null: activity travels as it is
  double bin_ms = 1;                                // of spikes
  std::string described_spikes;                     // JSON; empty: none
};

// Values of one variable over the layers of tokens, (tokens, layers, size); of logits (tokens, V).
struct kept_values {
  std::optional<variable> what;  // none: logits
  std::size_t layers = 0, size = 0;
  std::vector<float> values = {};
};

// Spikes of chosen neurons, and of hubs that spike, in the order of their bins; bins of the run.
struct kept_trains {
  std::vector<neuron_id> neurons;
  std::vector<std::uint64_t> bins = {};
  std::vector<std::uint32_t> nodes = {};
  std::vector<std::uint8_t> variables = {};  // as recordings have them
};

// The strength of a synapse after every token since it is followed.
struct strength_course {
  probe_spec what;
  std::vector<std::uint64_t> positions = {};
  std::vector<double> values = {};
};

// `only`: names of circuits; empty: all. Throws input_error for names that are unknown.
learning learning_of(double rate, const std::string& rule, const std::vector<std::string>& only,
                     double back, bool plain);

class brain {
 public:
  brain(const model_handle& m, const brain_options& options);
  brain(const brain&) = delete;
  brain& operator=(const brain&) = delete;
  ~brain();

  std::mutex& mutex() noexcept { return mutex_; }
  const model_handle& model() const noexcept { return model_; }
  const simulator& now() const noexcept {
    return experiment_ ? experiment_->current() : *simulator_;
  }
  // Throws unavailable_error at `place` where there is no history.
  const experiment& with_history(const std::string& place) const;
  const brain_options& options() const noexcept { return options_; }
  bool has_history() const noexcept { return experiment_ != nullptr; }

  // ---- tokens
  step_report step(token_id token);
  void begin(token_id token);
  // The moment that has been reached; nothing: the token has no more rounds.
  std::optional<round_mark> advance();
  step_report finish();
  // Reads tokens, and appends values to `keep`, and spikes to `trains`, unless it is null.
  // `between` is called after each token; what it throws ends the reading between two tokens.
  std::vector<step_report> read(std::span<const token_id> tokens, std::vector<kept_values>& keep,
                                kept_trains* trains,
                                const std::function<void(std::size_t)>& between,
                                bool learns = false);
  // With which read() may learn: before each token the one before it learns from it. The weights as
  // they are then: learned_model().
  void learn_by(const learning& how);
  model_handle learned_model();
  token_id choose(const sampling& how) const { return now().choose(how); }

  // Reads the texts of the question, each from zero synapses, which the last one leaves.
  std::optional<concept_answer> find_concepts(const concept_question& question,
                                              const concept_progress& go_on);

  // ---- interventions, probes
  int intervene(const intervention& what);
  void release(int number);
  std::vector<std::pair<int, intervention>> interventions() const;
  void probe(const probe_spec& what);
  int follow(const probe_spec& what);  // its course, from the next token on
  void unfollow(int course) noexcept { courses_.erase(course); }
  const strength_course& course(int number) const;

  // ---- states
  run_state save() const { return now().save(); }
  void restore(const run_state& state);
  void clear_synapses();
  experiment::undone undo();
  std::unique_ptr<brain> new_stream();

  // ---- recordings
  void start_recording(const std::string& folder, const std::vector<std::string>& requests,
                       const std::string& options);
  void stop_recording(run_status status);
  void commit_recording();
  bool is_recording() const noexcept { return recorded_ != nullptr; }

  friend void step_streams(std::span<brain* const> brains, std::span<const token_id> tokens,
                           std::vector<step_report>& reports);

 private:
  struct recorded_run;
  brain(const model_handle& m, const brain_options& options, std::unique_ptr<simulator> stream);
  simulator& without_history(const std::string& place);
  void expect_between_tokens(const std::string& place) const;
  void keep_layer(std::vector<kept_values>& keep, moment at) const;
  void ended(const step_report& report);

  model_handle model_;
  brain_options options_;
  std::unique_ptr<experiment> experiment_;  // one of the two
  std::unique_ptr<simulator> simulator_;
  std::optional<token_id> open_;  // being read round by round
  std::map<int, strength_course> courses_;
  int next_course_ = 1;
  std::unique_ptr<recorded_run> recorded_;
  std::mutex mutex_;
};

// One token in each: simulators that new_stream() made of one. Every stream that read its token has
// a report; then the first error is thrown.
void step_streams(std::span<brain* const> brains, std::span<const token_id> tokens,
                  std::vector<step_report>& reports);

// A copy: states own their arrays.
run_state copy_of(const run_state& state);

}  // namespace bdh::python
