// Neurons and synapses of a recorded run by name or number. Names come from the run's model, where
// that can still be found; numbers do without it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/recording/run_reader.hpp"
#include "io/recording/time_series.hpp"

namespace bdh::app {

// The model that ran. Throws input_error where it is not there any more, or has changed.
model model_of(const run_reader& run);

class run_names {
 public:
  explicit run_names(const run_reader& run) : run_(run), found_(find_model(run)) {}

  const model* subject() const { return found_.subject ? &*found_.subject : nullptr; }
  const std::string& missing() const { return found_.missing; }  // why there is no model

  // As in bdh/selection.hpp, and "3->hub:7". All throw input_error with the valid range.
  neuron_id neuron(const std::string& text) const;
  synapse_name synapse(const std::string& text) const;

  std::string shown(neuron_id neuron) const;
  std::string shown(const synapse_name& synapse) const;
  // "6+7->17": the two synapses that turn together.
  std::string shown_turning(const synapse_name& synapse) const;

 private:
  neuron_id source(const std::string& text) const;

  const run_reader& run_;
  found_model found_;
};

// The course of a synapse, or with `amplitude` of the amplitude of the two that turn together.
struct synapse_course {
  std::optional<layer_id> layer;  // none: all
  bool by_y = false, amplitude = false;
};
// Throws input_error for an amplitude without the model, which knows what turns together, and
// where nothing was recorded.
std::vector<time_series> course_of(const run_reader& run, const run_names& names,
                                   const synapse_name& synapse, const synapse_course& what);

}  // namespace bdh::app
