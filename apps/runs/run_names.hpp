// Neurons and synapses of a recorded run by name or number. Names come from the run's model, where
// that can still be found; numbers do without it.
#pragma once

#include <string>

#include "io/recording/run_reader.hpp"
#include "io/recording/time_series.hpp"

namespace bdh::app {

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

 private:
  neuron_id source(const std::string& text) const;

  const run_reader& run_;
  found_model found_;
};

}  // namespace bdh::app
