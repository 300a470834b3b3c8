// A model with explicit edges from graph files (io/graph/graph_file.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "io/graph/graph_file.hpp"

namespace bdh {

struct graph_import_options {
  std::string gx;                     // circuit that drives X; negative weights inhibit
  std::optional<std::string> gy, gs;  // none: the edges of gx; as synapses all with rate 1
  // A file (sensory nodes -> neurons), or random:K@SEED; empty: random, 5 % of the neurons.
  std::string sensory;
  std::optional<std::string> readout;   // sources -> readout nodes
  std::optional<neuron_id> vocabulary;  // sensory nodes; none: what `sensory` says, or 256
  // Of all files: what ids are, how columns are called, how many neurons there are.
  graph_reading reading;
  layer_id layers = 1;
  head_id heads = 1;
  std::string dynamics = "bdh";
  double retention = 1.0;  // uniform u ...
  std::optional<std::string>
      retention_file;           // ... or one for each synapse, as weights of the edges of gs
  std::optional<double> theta;  // base of the rotation frequencies; none: nothing rotates
  std::shared_ptr<const std::string> tokenizer_definition;  // of `tokens`, where it has one
  std::optional<tokenizer> tokens;  // none: bytes where there are 256 sensory nodes, else ids
};

struct imported_graph {
  model result;
  edge_id partners_added = 0;  // synapses of rate 0 that rotation needs beside those of the file
  // One line each: what the files left open and the user should know.
  std::vector<std::string> remarks;
};

// Neurons are the nodes of gx, gy and gs together, by name; where files have numbers only, by
// number (io/graph/neuron_register.hpp). Throws input_error or
// shape_error naming file and line, unavailable_error.
imported_graph import_graph(const graph_import_options& o);

}  // namespace bdh
