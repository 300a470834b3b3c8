// A BDH model as a graph: populations, projections between them, the dynamics they follow and the conventions they need.
// Built only through the checking constructor, immutable afterwards.
//
//   sensory nodes (V) --sensory--> hubs (d) --dx, dy--> neurons (n) --e--> hubs --readout--> readout nodes (V)
//   synapses: neuron -> hub, every pair, one set per layer (state, not part of the model)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.hpp"
#include "core/dynamics.hpp"
#include "core/rotation.hpp"
#include "graph/projection.hpp"

namespace bdh {

// How text becomes tokens: not at all, byte b -> b, or byte b -> b + 3 (ByT5's special tokens come first).
enum class tokenizer { ids, bytes, byt5 };

const char* name(tokenizer) noexcept;
tokenizer tokenizer_named(std::string_view name);  // throws input_error

// Where a model came from and what the importer had to infer; for people, never for the dynamics.
struct provenance {
  std::string creator;                // program and version that made the model
  std::string source, source_sha256;  // name and SHA-256 of the imported file
  std::string layout;                 // "released code", "paper listing", ...
  std::vector<std::string> inferred;  // one line per convention that was inferred or assumed
};

// Circuits through hubs (the paper's sparse linear circuit): Gx = dx (C) [e | sensory], Gy = dy (C) [e | sensory].
struct hub_circuits {
  projection e;        // neurons -> hubs,   by source
  projection sensory;  // sensory -> hubs,   by source
  projection dx, dy;   // hubs -> neurons,   by target
  projection readout;  // hubs -> readout,   by target
};

class model {
 public:
  struct parts {
    dynamics rules = dynamics::named("gpu-release");
    layer_id layers = 0;
    head_id heads = 1;
    hub_circuits circuits;
    rotation turning;
    double retention = 1.0;              // uniform factor per token, 0 < u <= 1
    std::vector<neuron_id> original_id;  // neuron -> its position in the imported file; empty: the same
    tokenizer tokens = tokenizer::ids;
    std::uint64_t training_window = 0;  // tokens; 0: not known
    provenance origin;
    std::string content_sha256;  // of everything above that the dynamics depends on; set by the file layer, empty before
  };

  // Takes the parts after checking that they fit. Throws shape_error or input_error naming the part.
  explicit model(parts p);

  const dynamics& rules() const noexcept { return parts_.rules; }
  layer_id layers() const noexcept { return parts_.layers; }
  head_id heads() const noexcept { return parts_.heads; }
  const hub_circuits& circuits() const noexcept { return parts_.circuits; }
  const rotation& turning() const noexcept { return parts_.turning; }
  double retention() const noexcept { return parts_.retention; }
  tokenizer tokens() const noexcept { return parts_.tokens; }
  std::uint64_t training_window() const noexcept { return parts_.training_window; }
  const provenance& origin() const noexcept { return parts_.origin; }
  const std::string& content_sha256() const noexcept { return parts_.content_sha256; }

  neuron_id neurons() const noexcept { return parts_.circuits.e.source().size; }
  neuron_id hubs() const noexcept { return parts_.circuits.e.target().size; }
  neuron_id sensory_nodes() const noexcept { return parts_.circuits.sensory.source().size; }
  neuron_id readout_nodes() const noexcept { return parts_.circuits.readout.target().size; }
  neuron_id neurons_per_head() const noexcept { return neurons() / heads(); }
  neuron_id original_id(neuron_id i) const noexcept { return parts_.original_id.empty() ? i : parts_.original_id[i]; }
  bool renumbered() const noexcept { return !parts_.original_id.empty(); }

  std::size_t bytes() const noexcept;          // of all projections
  std::size_t synapse_bytes() const noexcept;  // of the state: neurons x hubs x layers float32, and a time stamp per row

 private:
  parts parts_;
};

}  // namespace bdh
